"""An append request on its way: checked and encoded in its caller's task, so that a bad one harms nobody else."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from contracts.canonical import NotCanonical, canonical_bytes, sha256_hex
from contracts.envelope import actor_header
from contracts.errors import ErrorCode, RmosError
from services.rmos.ports import AppendRequest, AppendResult, NewEvent, RecordedFact

MAX_EVENTS = 500
MAX_EVENT_BYTES = 1_000_000
"""Below the bus' message limit with room for headers."""
_STREAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,199}\Z")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}\Z")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""An escaped U+0000: legal JSON, but Postgres can keep it neither in text nor in jsonb, so no projection could."""


class Entry(NamedTuple):
    """One event as it will be stored, but for position and version."""

    stream: str
    event_id: str
    type: str
    data: bytes


@dataclass(slots=True, eq=False)
class Pending:
    """A request in the writer's queue; `answer` is set exactly once, by the writer."""

    command_id: str
    command_sha256: bytes
    request_id: str
    causation_id: str | None
    actor: str
    expected: Mapping[str, int]
    entries: tuple[Entry, ...]
    size: int
    """Bytes of all events."""
    answer: asyncio.Future[AppendResult] = field(repr=False)
    in_doubt: bool = False
    """True after a commit whose outcome is not known: the log must be asked before anything else is done."""

    def succeed(self, result: AppendResult) -> None:
        if not self.answer.done():
            self.answer.set_result(result)

    def fail(self, error: RmosError) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


def pending(request: AppendRequest, answer: asyncio.Future[AppendResult]) -> Pending:
    """The checked request. Raises INVALID_REQUEST or PAYLOAD_TOO_LARGE naming what is wrong with it."""
    if not request.events or len(request.events) > MAX_EVENTS:
        raise _invalid(f"a command appends 1 to {MAX_EVENTS} events, not {len(request.events)}")
    entries = tuple([_entry(event) for event in request.events])
    if len({entry.event_id for entry in entries}) != len(entries):
        raise _invalid("two events of the command have the same id")
    for stream, version in request.expected.items():
        if version < 0 or not _STREAM.match(stream):
            raise _invalid(f"{stream!r} at version {version} is no stream")
    context = request.context
    return Pending(
        command_id=context.command_id,
        command_sha256=bytes.fromhex(request.command_sha256 or _content_digest(entries)),
        request_id=context.request_id,
        causation_id=context.causation_id,
        actor=actor_header(context.actor),
        expected=request.expected,
        entries=entries,
        size=sum([len(entry.data) for entry in entries]),
        answer=answer,
    )


def _entry(new: NewEvent) -> Entry:
    try:
        data = new.event.data if isinstance(new.event, RecordedFact) else canonical_bytes(new.event)
    except NotCanonical as error:
        raise _invalid(f"{new.event.type} has no canonical bytes: {error}") from error
    if not (_STREAM.match(new.stream) and _NAME.match(new.event_id) and _NAME.match(new.event.type)):
        raise _invalid(f"stream {new.stream!r}, event id {new.event_id!r} or type {new.event.type!r} is not a name")
    if len(data) > MAX_EVENT_BYTES:
        raise RmosError(
            ErrorCode.PAYLOAD_TOO_LARGE,
            f"{new.event.type} has {len(data)} bytes, the log takes {MAX_EVENT_BYTES}: store the content as a blob",
        )
    if b"\\u0000" in data and _NUL.search(data):  # the plain search first: the pattern alone costs more than a commit
        raise _invalid(f"{new.event.type} contains the character U+0000, which the log does not keep")
    return Entry(new.stream, new.event_id, new.event.type, data)


def _content_digest(entries: tuple[Entry, ...]) -> str:
    # names are ASCII: orjson's bytes are the canonical ones without a look at each of them
    return sha256_hex(orjson.dumps([[entry.stream, entry.type, sha256_hex(entry.data)] for entry in entries]))


def _invalid(message: str) -> RmosError:
    return RmosError(ErrorCode.INVALID_REQUEST, message)
