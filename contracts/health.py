"""Is a service there? Each answers on `query.<service>.health.v1`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.model import Identifier, Message, NonNegative


class AskHealth(Message):
    """Asks for the answering process' health."""


class Lag(Message):
    """How far something that follows the event log is behind it."""

    name: Identifier
    position: Annotated[int, Field(ge=0)]
    behind_positions: Annotated[int, Field(ge=0)]
    behind_s: NonNegative
    """Seconds since the first event that it has not got to was recorded; 0 when there is none."""


class Health(Message):
    """`ready` False names what is missing in `problems`."""

    service: str
    version: str
    pid: int
    ready: bool
    problems: tuple[str, ...] = ()
    details: dict[str, str] = {}
    lags: tuple[Lag, ...] = ()
    """Of rmos: the projections and the signed checkpoints."""
