"""A design judged and put on the record: what bind and a session's evaluation share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import orjson
from pydantic import ValidationError

from contracts.artifacts import ArtifactKind, Attachment, RunArtifact
from contracts.blobs import BlobRef
from contracts.canonical import canonical_bytes
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CuttingContext, Feasibility
from contracts.log import LogEvent, SessionEvent
from contracts.model import Message
from contracts.params import RosetteParamSpec, spec_of
from contracts.spec import RosetteSpec
from runtime.bus import invalid_request
from services.rmos.domain import override, session_commands
from services.rmos.domain import session as session_domain
from services.rmos.domain.policy import SafetyPolicy, decision_on
from services.rmos.domain.run import RunState
from services.rmos.domain.session import Living
from services.rmos.domain.session_commands import Command, StoreFeasibility
from services.rmos.domain.summary import request_summary
from services.rmos.handlers.desk import Desk
from services.rmos.minting import Draft


@dataclass(frozen=True, slots=True)
class Judged:
    """A design with the verdict on it."""

    run: RunState
    context: CuttingContext
    spec_blob: BlobRef
    feasibility: Feasibility
    kind: ArtifactKind
    attachments: tuple[Attachment, ...] = ()


def judgement(judged: Judged, command: Message, policy: SafetyPolicy, compute_ms: Decimal) -> Draft:
    """The artifact that records it: OK is ALLOW, BLOCKED is BLOCK. An override of exactly this verdict counts."""
    feasibility, run = judged.feasibility, judged.run
    digests = override.digests_of(feasibility, judged.context)
    overriding = override.covering(run, digests, feasibility.risk_level, policy)
    status, decision = decision_on(feasibility, policy, overriding)
    hashes = override.hashes_of(digests) | {"spec": judged.spec_blob.sha256}
    return Draft(
        run_id=run.run_id,
        kind=judged.kind,
        status=status,
        decision=decision,
        mode=run.mode,
        context=judged.context,
        engine_version=feasibility.engine_version,
        compute_ms=compute_ms,
        feasibility=feasibility,
        request_summary=request_summary(command.model_dump(mode="json")),
        hashes={**hashes, **{item.kind.value: item.attachment_id for item in judged.attachments}},
        outputs={"spec": judged.spec_blob},
        attachments=judged.attachments,
        advisory_inputs=run.advice,
        session_id=run.session_id,
        override_artifact_id=overriding,
        red_is_allowed=not policy.block_on_red,
    )


@dataclass(frozen=True, slots=True)
class SessionSteps:
    """Decisions about one session in a row, and where they lead: what comes before an artifact and what after it."""

    session: Living
    events: tuple[SessionEvent, ...] = ()

    def then(self, command: Command) -> SessionSteps:
        """With this decision too. Raises ILLEGAL_TRANSITION."""
        new = session_commands.decide(command, self.session)
        after = self.session
        for event in new:
            evolved = session_domain.evolve(after, event)
            assert not isinstance(evolved, session_domain.Deleted)  # no decision here deletes the session
            after = evolved
        return SessionSteps(after, (*self.events, *new))

    @property
    def placed(self) -> list[tuple[str, LogEvent]]:
        stream = session_domain.stream_of(self.session.about.session_id)
        return [(stream, event) for event in self.events]


def stored(steps: SessionSteps | None, artifact: RunArtifact) -> Sequence[tuple[str, LogEvent]]:
    """The session's event that takes the verdict over; nothing outside sessions."""
    verdict = artifact.feasibility
    if steps is None or verdict is None:
        return ()
    digests = override.digests_of(verdict, artifact.context)
    store = StoreFeasibility(artifact.artifact_id, digests, verdict.risk_level, verdict.score)
    return SessionSteps(steps.session).then(store).placed


def parsed_spec(data: bytes) -> RosetteSpec:
    """The spec in a blob. Raises INVALID_SPEC naming each field that is wrong."""
    try:
        return RosetteSpec.model_validate(orjson.loads(data))
    except orjson.JSONDecodeError as error:
        raise RmosError(ErrorCode.INVALID_SPEC, f"the spec is not JSON: {error}") from error
    except ValidationError as error:
        raise invalid_request(error, ErrorCode.INVALID_SPEC) from error


async def stored_spec(
    desk: Desk, spec: RosetteSpec | None, design: RosetteParamSpec | None
) -> tuple[RosetteSpec, BlobRef]:
    """The design as a spec whose canonical bytes are in the object store, so that it can be judged and cut again.

    Raises INVALID_DESIGN when the parameters do not make a rosette.
    """
    if spec is None:
        if design is None:
            raise RmosError(ErrorCode.INVALID_REQUEST, "give a design or a spec")
        spec = spec_of(design)
    return spec, await desk.blobs.put(canonical_bytes(spec), "application/json")
