"""What one group commit writes and answers: a pure function of the waiting requests and of what the log holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from contracts.errors import RmosError
from contracts.log import StoredEvent
from services.rmos.domain.leaf import LEAF, leaf_of_prefixed, prefixed_entries
from services.rmos.event_log.columns import blobs, int4, int8, integers, optional_texts, texts
from services.rmos.event_log.pending import Pending
from services.rmos.event_log.refusals import event_id_taken, other_command, version_conflict
from services.rmos.event_log.stored import Row
from services.rmos.ports import AppendResult


@dataclass(frozen=True, slots=True)
class Place:
    """Where the batch begins, in whose term, when."""

    last_position: int
    writer_epoch: int
    recorded_at_utc: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the log holds of the batch's streams, commands and event ids; a stream that is missing has no event."""

    heads: dict[str, int]
    commands: dict[str, tuple[StoredEvent, ...]] = field(default_factory=dict)
    event_ids: frozenset[str] = frozenset()


@dataclass(slots=True)
class Plan:
    """The rows to insert, and the answers that hold once they are inserted."""

    place: Place
    heads: dict[str, int]
    rows: list[Row] = field(default_factory=list)
    """As read_after.sql gives them once they are inserted."""
    prefixed: list[bytes] = field(default_factory=list)
    """What the leaf hash of each row was made of."""
    accepted: list[tuple[Pending, AppendResult]] = field(default_factory=list)
    repeated: list[tuple[Pending, AppendResult]] = field(default_factory=list)
    refused: list[tuple[Pending, RmosError]] = field(default_factory=list)
    postponed: list[Pending] = field(default_factory=list)
    """Requests with a command or event id that another one of this batch has: they are decided after it."""

    @property
    def last_position(self) -> int:
        return self.place.last_position + len(self.rows)

    def parameters(self) -> dict[str, bytes | None]:
        """Of append.sql."""
        columns = list(zip(*self.rows, strict=True))
        return {
            "last_position": int8(self.place.last_position),
            "writer_epoch": int8(self.place.writer_epoch),
            "recorded_at_utc": self.place.recorded_at_utc.encode(),
            "stream": texts(columns[1]),
            "version": integers(columns[2]),
            "event_id": texts(columns[3]),
            "type": texts(columns[4]),
            "actor": texts(columns[6]),
            "request_id": texts(columns[7]),
            "command_id": texts(columns[8]),
            "command_index": integers(columns[9]),
            "command_sha256": blobs(columns[10]),
            "causation_id": optional_texts(columns[11]),
            "data": blobs(columns[13]),
            "leaf": blobs(columns[14]),
        }

    def parameters_of_one(self) -> dict[str, bytes | None]:
        """Of append_one.sql."""
        (row,) = self.rows
        return {
            "position": int8(row[0]),
            "stream": row[1].encode(),
            "version": int4(row[2]),
            "event_id": row[3].encode(),
            "type": row[4].encode(),
            "recorded_at_utc": row[5].encode(),
            "actor": row[6].encode(),
            "request_id": row[7].encode(),
            "command_id": row[8].encode(),
            "command_index": int4(row[9]),
            "command_sha256": row[10],
            "causation_id": None if row[11] is None else row[11].encode(),
            "writer_epoch": int8(row[12]),
            "data": row[13],
            "leaf": row[14],
        }


def planned(batch: Sequence[Pending], known: Known, place: Place) -> Plan:
    """Each request on its own: one that is refused or repeated changes nothing for the others."""
    plan = Plan(place, dict(known.heads))
    unhashed: list[Row] = []
    commands: set[str] = set()
    events: set[str] = set()
    for request in batch:
        event_ids = [entry.event_id for entry in request.entries]
        if request.command_id in commands or not events.isdisjoint(event_ids):
            plan.postponed.append(request)
            continue
        commands.add(request.command_id)
        events.update(event_ids)
        recorded = known.commands.get(request.command_id)
        if recorded is not None:
            _repeat(request, recorded, plan)
            continue
        refusal = _refusal(request, known, plan.heads)
        if refusal is not None:
            plan.refused.append((request, refusal))
        else:
            plan.accepted.append((request, _accept(request, plan, unhashed)))
    plan.prefixed = list(prefixed_entries(unhashed))
    plan.rows = [
        (*row[:LEAF], leaf_of_prefixed(prefixed)) for row, prefixed in zip(unhashed, plan.prefixed, strict=True)
    ]
    return plan


def _repeat(request: Pending, recorded: tuple[StoredEvent, ...], plan: Plan) -> None:
    if bytes.fromhex(recorded[0].command_sha256) != request.command_sha256:
        plan.refused.append((request, other_command(request.command_id)))
    else:
        plan.repeated.append((request, first_result(request, recorded)))


def first_result(request: Pending, recorded: tuple[StoredEvent, ...]) -> AppendResult:
    """What the command's first append gave. An append in doubt that finds its own events has just been done."""
    own = [event.event_id for event in recorded] == [entry.event_id for entry in request.entries]
    repeated = not (request.in_doubt and own)
    return AppendResult(
        positions=tuple(event.position for event in recorded),
        versions=tuple(event.version for event in recorded),
        recorded_at_utc=recorded[0].recorded_at_utc,
        repeated=repeated,
        events=recorded if repeated else (),
    )


def _refusal(request: Pending, known: Known, heads: dict[str, int]) -> RmosError | None:
    for stream, expected in request.expected.items():
        actual = heads.get(stream, 0)
        if actual != expected:
            return version_conflict(stream, expected, actual)
    for entry in request.entries:
        if entry.event_id in known.event_ids:
            return event_id_taken(entry.event_id)
    return None


def _accept(request: Pending, plan: Plan, unhashed: list[Row]) -> AppendResult:
    """Adds the request's rows; their leaves are still empty."""
    place, heads = plan.place, plan.heads
    first = position = place.last_position + len(unhashed) + 1
    versions = []
    for index, entry in enumerate(request.entries):
        version = heads[entry.stream] = heads.get(entry.stream, 0) + 1
        unhashed.append(
            (
                position,
                entry.stream,
                version,
                entry.event_id,
                entry.type,
                place.recorded_at_utc,
                request.actor,
                request.request_id,
                request.command_id,
                index,
                request.command_sha256,
                request.causation_id,
                place.writer_epoch,
                entry.data,
                b"",
            )
        )
        position += 1
        versions.append(version)
    return AppendResult(tuple(range(first, position)), tuple(versions), place.recorded_at_utc)
