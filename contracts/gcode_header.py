"""Where a program says it comes from: three names in the comments at its head, as they are written and read back.

A line holds at most 50 characters of a value; the rest follows in `CONT` lines. Identifiers and origins consist of
characters that no controller acts on inside a comment (GRBL: `!`, `?`, `~`; all: parentheses, `%`), and no line begins
with one of the words by which LinuxCNC knows a comment that does something (MSG, DEBUG, PRINT, LOG, PROBEOPEN …). What
a header says is a hint for people and for messages; what a file *is* follows from its SHA-256 alone.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from contracts.model import Identifier, Message

LogOrigin = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}$")]
"""Name of a log in its checkpoints: without spaces and plus signs (C2SP signed-note), fit for a comment in G-code."""

_RUN, _RESTS_ON, _LOG = "RUN", "RESTS ON", "RECORD"
_OWN_RELEASE = "THE VERDICT OF ITS OWN RELEASE"
_WIDTH = 50
_HEAD_LINES = 60
_LINE = re.compile(r"\((RUN|RESTS ON|RECORD)( CONT)? ([A-Za-z0-9_.:/-]+)\)")


class ProgramOrigin(Message):
    """The run a program is made in, the artifact whose decision it rests on, and the log in which both stand.

    The artifact is the approval; without one, the run's first verdict on exactly this design in this context; None when
    the toolpaths' own artifact, which cannot be named before the program exists, holds the only verdict.
    """

    run_id: Identifier
    rests_on_artifact_id: Identifier | None = None
    log_origin: LogOrigin


def lines_of(origin: ProgramOrigin) -> list[str]:
    """The comments, at most 66 characters each."""
    rests_on = origin.rests_on_artifact_id
    based = [f"({_RESTS_ON} {_OWN_RELEASE})"] if rests_on is None else _named(_RESTS_ON, rests_on)
    return [*_named(_RUN, origin.run_id), *based, *_named(_LOG, origin.log_origin)]


def run_named_in(program: bytes) -> str | None:
    """The run that the head of this text names, whoever wrote it; None when it names none."""
    return _values(program).get(_RUN)


def _named(name: str, value: str) -> list[str]:
    parts = [value[at : at + _WIDTH] for at in range(0, len(value), _WIDTH)]
    return [f"({name} {parts[0]})", *(f"({name} CONT {part})" for part in parts[1:])]


def _values(program: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in program[: _HEAD_LINES * 80].decode("ascii", "replace").splitlines()[:_HEAD_LINES]:
        match = _LINE.fullmatch(line)
        if match is not None:
            name, more, value = match.groups()
            found[name] = found.get(name, "") + value if more else value
    return found
