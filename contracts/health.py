"""Is a service there? Each answers on `query.<service>.health.v1`."""

from __future__ import annotations

from contracts.model import Message


class AskHealth(Message):
    """Asks for the answering process' health."""


class Health(Message):
    """`ready` False names what is missing in `problems`."""

    service: str
    version: str
    pid: int
    ready: bool
    problems: tuple[str, ...] = ()
    details: dict[str, str] = {}
