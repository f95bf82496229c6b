"""What every command handler needs, and the beats they share: already done? load, decide, append, again on conflict."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from contracts.artifacts import INLINE_GCODE_BYTES, INLINE_OPPLAN_BYTES, RunArtifact
from contracts.blobs import BlobRef
from contracts.canonical import digest_of
from contracts.envelope import ActorKind, RequestContext, Role
from contracts.errors import ErrorCode, RmosError
from contracts.log import ArtifactRecorded, LogEvent
from contracts.model import Message
from contracts.rmos import ArtifactReply
from runtime.clock import Clock, utc_text
from services.rmos.domain import run as run_domain
from services.rmos.domain import session as session_domain
from services.rmos.domain.policy import SafetyPolicy
from services.rmos.domain.run import DeletedRun, RunFold, RunState
from services.rmos.domain.session import Deleted, Living, SessionFold
from services.rmos.handlers.folded import Folded
from services.rmos.minting import Draft, Placement, validate_and_persist
from services.rmos.ports import AppendRequest, AppendResult, Art, Blobs, Cam, Engine, EventLog, NewEvent

T = TypeVar("T")
E = TypeVar("E", bound=LogEvent)
CONFLICT_ROUNDS = 8
"""How often a handler decides anew because a stream moved on meanwhile, before it answers VERSION_CONFLICT."""


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

    async def recorded_artifact(self, command: Message, request: RequestContext) -> RunArtifact | None:
        """The artifact that this very command made before, if it is being repeated."""
        recorded = await self.recorded(command, request, ArtifactRecorded)
        return recorded.artifact if recorded is not None else None

    async def recorded(self, command: Message, request: RequestContext, kind: type[E]) -> E | None:
        """The event of this kind that this very command made before, if it is being repeated.

        Raises IDEMPOTENCY_MISMATCH when the same identity came with another command before.
        """
        for event in await self.log.outcome_of(request, command_digest(command)):
            if isinstance(event, kind):
                return event
        return None

    async def first(self, command: Message, request: RequestContext, kind: type[E]) -> E:
        """`recorded` for a command of which the log says that it is repeated."""
        event = await self.recorded(command, request, kind)
        if event is None:
            raise RmosError(ErrorCode.INTERNAL, f"command {request.command_id} recorded no {kind.__name__}")
        return event

    async def append(
        self,
        command: Message,
        request: RequestContext,
        expected: Mapping[str, int],
        events: Sequence[tuple[str, LogEvent]],
    ) -> AppendResult:
        """Record what a command decided: all of it, or nothing when a stream moved on."""
        new = tuple(NewEvent(stream, self.new_id("event"), event) for stream, event in events)
        return await self.log.append(AppendRequest(request, expected, new, command_digest(command)))

    async def persist(
        self, draft: Draft, placement: Placement, command: Message, request: RequestContext
    ) -> RunArtifact:
        """Mint the artifact of this command; see services.rmos.minting."""
        digest = command_digest(command)
        return await validate_and_persist(self.log, draft, placement, request, digest, self.now(), self.new_id)

    async def reply_with(self, artifact: RunArtifact) -> ArtifactReply:
        """The artifact with its small G-code and its small plan inline, read and hashed again."""
        return ArtifactReply(
            artifact=artifact,
            gcode_text=await self._inline(artifact.outputs.get("gcode"), INLINE_GCODE_BYTES),
            opplan_json=await self._inline(artifact.outputs.get("opplan"), INLINE_OPPLAN_BYTES),
        )

    async def _inline(self, output: BlobRef | None, limit: int) -> str | None:
        if output is None or output.size > limit:
            return None
        return (await self.blobs.get(output)).decode()


async def decided(attempt: Callable[[], Awaitable[T]]) -> T:
    """The attempt's result; it is made again from fresh state as long as a stream moved on in between.

    A caller who named the version it had seen is told when that is no longer the newest: deciding anew would be
    deciding on something it has not seen. Such a conflict names no stream.
    """
    for left in range(CONFLICT_ROUNDS, 0, -1):
        try:
            return await attempt()
        except RmosError as error:
            moved_on = error.code is ErrorCode.VERSION_CONFLICT and "stream" in error.details
            if not moved_on or left == 1:
                raise
    raise AssertionError("unreachable: the last round returns or raises")


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


def command_digest(command: Message) -> str:
    """What tells a repeated command from another one under the same id."""
    return digest_of({"command": type(command).__name__, "body": command.model_dump(mode="json")})


def milliseconds(seconds: float) -> Decimal:
    """A duration as the record shows it: milliseconds with three decimals."""
    return Decimal(round(seconds * 1_000_000)) / 1000
