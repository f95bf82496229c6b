"""Facts that were given up, and another try at recording one."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.canonical import MAX_INTEGER
from contracts.model import Message

LetterNumber = Annotated[int, Field(ge=1, le=MAX_INTEGER)]


class RedriveDeadLetter(Message):
    """Record the fact that lies in the stream DEAD under this number, as it was first sent, and take it out of there.
    One that still cannot be recorded stays, and the error says why."""

    number: LetterNumber


class RedrivenDeadLetter(Message):
    """Where the fact stands in the log. `repeated`: it stood there before, and was not recorded again."""

    number: LetterNumber
    position: Annotated[int, Field(ge=1, le=MAX_INTEGER)]
    repeated: bool
