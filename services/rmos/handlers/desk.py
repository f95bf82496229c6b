"""What every command handler needs, and the beats they share: already done? load, decide, append, again on conflict."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from contracts.artifacts import INLINE_GCODE_BYTES, INLINE_OPPLAN_BYTES, RunArtifact
from contracts.blobs import BlobRef
from contracts.commands import command_digest
from contracts.envelope import ActorKind, RequestContext, Role
from contracts.errors import ErrorCode, RmosError
from contracts.log import ArtifactRecorded, CommandHadNoEffect, LogEvent
from contracts.model import Message
from contracts.rmos import ArtifactReply
from runtime.clock import Clock, utc_text
from services.rmos.domain import run as run_domain
from services.rmos.domain import session as session_domain
from services.rmos.domain.policy import SafetyPolicy
from services.rmos.domain.run import DeletedRun, RunFold, RunState
from services.rmos.domain.session import Deleted, Living, SessionFold
from services.rmos.handlers.folded import Folded
from services.rmos.handlers.turns import Turns
from services.rmos.minting import Draft, Placement, validate_and_persist
from services.rmos.ports import AppendRequest, AppendResult, Art, Blobs, Cam, Engine, EventLog, NewEvent

T = TypeVar("T")
R = TypeVar("R")
E = TypeVar("E", bound=LogEvent)


@dataclass(frozen=True, slots=True)
class Desk:
    """The ports a decision is made with; only app.py fills it."""

    log: EventLog
    blobs: Blobs
    art: Art
    cam: Cam
    engine: Engine
    policy: SafetyPolicy
    clock: Clock
    new_id: Callable[[str], str]
    log_origin: str
    """The log's name, which stands in every program."""
    runs: Folded[RunFold] = field(default_factory=lambda: Folded[RunFold](run_domain.fold_on))
    turns: Turns = field(default_factory=Turns)
    sessions: Folded[SessionFold] = field(default_factory=lambda: Folded[SessionFold](session_domain.fold_on))

    def now(self) -> str:
        return utc_text(self.clock.now())

    async def run(self, run_id: str) -> tuple[RunState, int]:
        """The run and its stream's version. Raises NOT_FOUND, also for a deleted one."""
        state, version = await self.runs.newest(self.log, run_domain.stream_of(run_id))
        if state is None or isinstance(state, DeletedRun):
            what = f"there is no run {run_id}" if state is None else f"run {run_id} was deleted"
            raise RmosError(ErrorCode.NOT_FOUND, what, run_id=run_id)
        return state, version

    async def session(self, session_id: str, expected: int | None = None) -> tuple[Living, int]:
        """The session and its stream's version. Raises NOT_FOUND, also for a deleted one; VERSION_CONFLICT when its
        version is not the expected one."""
        state, version = await self.sessions.newest(self.log, session_domain.stream_of(session_id))
        if state is None or isinstance(state, Deleted):
            what = f"there is no session {session_id}" if state is None else f"session {session_id} was deleted"
            raise RmosError(ErrorCode.NOT_FOUND, what, session_id=session_id)
        if expected is not None and expected != version:
            raise RmosError(
                ErrorCode.VERSION_CONFLICT,
                f"the session is at version {version}, not {expected}: look at it again",
                expected_version=expected,
                actual_version=version,
            )
        return state, version

    async def outcome_of(self, command: Message, request: RequestContext) -> Sequence[LogEvent]:
        """What this very command put on record before; empty when it did not.

        Raises IDEMPOTENCY_MISMATCH when the same identity came with another command before.
        """
        return await self.log.outcome_of(request, command_digest(command))

    async def recorded(self, command: Message, request: RequestContext, kind: type[E]) -> E | None:
        """The event of this kind among `outcome_of`."""
        found = (event for event in await self.outcome_of(command, request) if isinstance(event, kind))
        return next(found, None)

    async def first(self, command: Message, request: RequestContext, kind: type[E]) -> E:
        """`recorded` for a command of which the log says that it is repeated."""
        return the(kind, await self.outcome_of(command, request))

    async def once(
        self,
        command: Message,
        request: RequestContext,
        attempt: Callable[[], Awaitable[T]],
        again: Callable[[Sequence[LogEvent]], R],
    ) -> T | R:
        """The attempt's result. Of a command that is on record already: what `again` makes of its events, whatever has
        become of its streams since.

        The attempt records with `record` or `persist`, once and last. Raises IDEMPOTENCY_MISMATCH as `outcome_of`.
        """
        recorded = await self.outcome_of(command, request)
        if recorded:
            return again(recorded)
        try:
            return await self.decided(request, attempt)
        except (RmosError, RecordedBefore):
            # the same command may have come twice at once: what stands in the way of the second is the first
            recorded = await self.outcome_of(command, request)
            if not recorded:
                raise
            return again(recorded)

    async def decided(self, request: RequestContext, attempt: Callable[[], Awaitable[T]]) -> T:
        """The attempt's result; it is made again from fresh state as long as a stream moves on in between, one after
        the other with all others who were late for that stream.

        A caller who named the version it had seen is told when that is no longer the newest: deciding anew would be
        deciding on something it has not seen. Such a conflict names no stream. Raises DEADLINE_EXCEEDED.
        """
        try:
            return await attempt()
        except RmosError as error:
            stream = moved_on(error)
        while True:
            async with self.turns.at(stream):
                self.require_time(request)
                try:
                    return await attempt()
                except RmosError as error:
                    stream = moved_on(error)

    def require_time(self, request: RequestContext) -> None:
        """Raises DEADLINE_EXCEEDED when nobody waits for the answer any more: a client that was told nothing may do
        something else, so nothing is put on record behind its back."""
        if self.clock.now().timestamp() * 1000 > request.deadline_ms:
            raise RmosError(
                ErrorCode.DEADLINE_EXCEEDED,
                "the deadline passed before this was decided; ask again",
            )

    async def append(
        self,
        command: Message,
        request: RequestContext,
        expected: Mapping[str, int],
        events: Sequence[tuple[str, LogEvent]],
    ) -> AppendResult:
        """Record what a command decided: all of it, or nothing when a stream moved on. Raises DEADLINE_EXCEEDED."""
        self.require_time(request)
        new = tuple(NewEvent(stream, self.new_id("event"), event) for stream, event in events)
        return await self.log.append(AppendRequest(request, expected, new, command_digest(command)))

    async def record(
        self,
        command: Message,
        request: RequestContext,
        expected: Mapping[str, int],
        events: Sequence[tuple[str, LogEvent]],
    ) -> None:
        """`append` for an attempt of `once`. A command that changes nothing leaves a trace where its client may send it
        again under the same key: the answer is then the same, even if by that time it would change something."""
        if not events and request.idempotent:
            unchanged = CommandHadNoEffect(command=type(command).__name__, versions=dict(expected))
            events = [(f"command-{request.command_id}", unchanged)]
        if events and (await self.append(command, request, expected, events)).repeated:
            raise RecordedBefore

    async def persist(
        self,
        draft: Draft,
        placement: Placement,
        command: Message,
        request: RequestContext,
        created_at_utc: str | None = None,
    ) -> RunArtifact:
        """Mint the artifact of this command, made now unless it says when; see services.rmos.minting."""
        self.require_time(request)
        digest, made_at = command_digest(command), created_at_utc or self.now()
        return await validate_and_persist(self.log, draft, placement, request, digest, made_at, self.new_id)

    async def reply_with(self, artifact: RunArtifact) -> ArtifactReply:
        """The artifact with its small G-code and its small plan inline, read and hashed again. Content that retention
        let go, or that was lost, is no reason to hide the record: the answer names it."""
        try:
            return ArtifactReply(
                artifact=artifact,
                gcode_text=await self._inline(artifact.outputs.get("gcode"), INLINE_GCODE_BYTES),
                opplan_json=await self._inline(artifact.outputs.get("opplan"), INLINE_OPPLAN_BYTES),
            )
        except RmosError as error:
            if error.code is not ErrorCode.BLOB_MISSING:
                raise
            return ArtifactReply(artifact=artifact, missing_sha256=str(error.details["sha256"]))

    async def _inline(self, output: BlobRef | None, limit: int) -> str | None:
        if output is None or output.size > limit:
            return None
        return (await self.blobs.get(output)).decode()


class RecordedBefore(Exception):
    """The log says that this command is a repetition; nothing was appended."""


def the(kind: type[E], recorded: Sequence[LogEvent]) -> E:
    """The event of this kind among those that one command recorded. Raises INTERNAL when there is none."""
    for event in recorded:
        if isinstance(event, kind):
            return event
    raise RmosError(ErrorCode.INTERNAL, f"the command is on record without a {kind.__name__}")


def nothing(_: Sequence[LogEvent]) -> None:
    """What a repeated command needs of its events when its answer is that of today."""


def artifact_in(recorded: Sequence[LogEvent]) -> RunArtifact:
    """The decision that one command recorded."""
    return the(ArtifactRecorded, recorded).artifact


def moved_on(error: RmosError) -> str:
    """The stream that moved on between reading and appending. Raises the error when it says something else."""
    if error.code is not ErrorCode.VERSION_CONFLICT or "stream" not in error.details:
        raise error
    return str(error.details["stream"])


def require_person(request: RequestContext, roles: frozenset[Role], what: str) -> None:
    """Raises FORBIDDEN unless a person with one of the roles asks. No program and no model decides for a person."""
    actor = request.actor
    if actor.kind is not ActorKind.PERSON or actor.role not in roles:
        allowed = sorted(role.value for role in roles)
        raise RmosError(
            ErrorCode.FORBIDDEN,
            f"{what} needs a person who is {' or '.join(allowed)}, not {actor.kind.value}/{actor.role.value}",
            allowed_roles=allowed,
        )


OPERATORS = frozenset({Role.OPERATOR, Role.ADMIN})
DESIGNERS = frozenset({Role.DESIGNER, Role.OPERATOR, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})
AUDITORS = frozenset({Role.AUDITOR, Role.ADMIN})


def milliseconds(seconds: float) -> Decimal:
    """A duration as the record shows it: milliseconds with three decimals."""
    return Decimal(round(seconds * 1_000_000)) / 1000
