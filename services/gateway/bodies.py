"""Requests as HTTP clients write them: the bus messages without what the path or the credential says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from contracts.advisories import AdvisoryStatus, Rating, RejectionCode
from contracts.ai import ProviderName
from contracts.ai_explanations import ModelName
from contracts.art import AttachAssets, GenerateSvg, PromptToSvg
from contracts.artifacts import ArtifactKind, AttachmentKind
from contracts.cam import Post
from contracts.canonical import MAX_INTEGER
from contracts.feasibility import CuttingContext, EvaluateFeasibility, Mode, RiskLevel
from contracts.model import Identifier, Message, RequestId, Sha256
from contracts.params import RosetteParamSpec
from contracts.rmos import (
    DecideSession,
    DeletionReason,
    Label,
    Limit,
    Note,
    OpenSession,
    PurgeBlobs,
    RunStatus,
)
from contracts.sessions import SessionState
from contracts.spec import RosetteSpec
from runtime.clock import utc_text
from services.gateway.identity import ActorClaim

SAW_PREFIX = "saw:"
Version = Annotated[int, Field(ge=1, le=MAX_INTEGER)]
Acting = Annotated[Identifier | ActorClaim | None, Field(description="Must agree with the credential; never needed.")]


class _InContext(CuttingContext):
    """A cutting context whose fields may stand in `context` or beside it."""

    mode: Mode | None = None
    context: CuttingContext = CuttingContext()
    actor: Acting = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        for name in self.model_fields_set & self.context.model_fields_set:
            if getattr(self, name) != getattr(self.context, name):
                raise ValueError(f"{name} stands in context and beside it, with two values")
        if (self.tool or "").startswith(SAW_PREFIX) and self.mode == "router":
            raise ValueError(f"a tool_id that begins with {SAW_PREFIX} is for mode saw")
        return self

    @property
    def tool(self) -> str | None:
        return self.tool_id or self.context.tool_id

    def chosen_mode(self) -> Mode:
        """As given; otherwise what the tool's prefix says."""
        return self.mode or ("saw" if (self.tool or "").startswith(SAW_PREFIX) else "router")

    def merged_context(self) -> CuttingContext:
        """Both places in one; the tool by its catalog id, without the prefix."""
        beside = {name: getattr(self, name) for name in CuttingContext.model_fields if name in self.model_fields_set}
        merged = self.context.model_copy(update=beside)
        if self.tool is None:
            return merged
        return merged.model_copy(update={"tool_id": self.tool.removeprefix(SAW_PREFIX)})


class OpenRunBody(_InContext):
    label: Label | None = None
    workflow_session_id: Identifier | None = None


class ToolpathsBody(_InContext):
    """Exactly one of design, spec and artifact_id. A `feasibility` is taken and dropped: the server makes its own."""

    run_id: Identifier | None = None
    design: RosetteParamSpec | None = None
    spec: RosetteSpec | None = None
    artifact_id: Identifier | None = None
    post: Post = "grbl"
    feasibility: Any = Field(default=None, description="Ignored.")


class BindBody(Message):
    """Explicit attachments, or the newest of each required kind."""

    attachment_ids: Annotated[
        tuple[Annotated[str, Field(pattern=r"^(att-)?[0-9a-f]{64}$")], ...], Field(max_length=20)
    ] = ()
    required_kinds: Annotated[tuple[AttachmentKind, ...], Field(max_length=7)] = ()
    operator_notes: Note | None = None
    strict: bool = True
    actor: Acting = None


def mode_by_tool(body: Any) -> Any:
    """A body with `context` and `mode` as the bus wants it: a tool's prefix becomes the mode. Raises ValueError where
    the mode contradicts it."""
    tool = (
        context.get("tool_id") if isinstance(body, dict) and isinstance(context := body.get("context"), dict) else None
    )
    if not isinstance(tool, str) or not tool.startswith(SAW_PREFIX):
        return body
    if body.get("mode", "saw") != "saw":
        raise ValueError(f"a tool_id that begins with {SAW_PREFIX} is for mode saw")
    return {**body, "mode": "saw", "context": {**body["context"], "tool_id": tool.removeprefix(SAW_PREFIX)}}


def bare_tool(body: Any) -> Any:
    """A body whose `context` names the tool by its catalog id, where the mode is not the body's to say."""
    context = body.get("context") if isinstance(body, dict) else None
    tool = context.get("tool_id") if isinstance(context, dict) else None
    if not isinstance(tool, str):
        return body
    return {**body, "context": {**body["context"], "tool_id": tool.removeprefix(SAW_PREFIX)}}


class FeasibilityBody(EvaluateFeasibility):
    actor: Acting = None

    _mode = model_validator(mode="before")(mode_by_tool)


class OpenSessionBody(OpenSession):
    actor: Acting = None

    _tool = model_validator(mode="before")(bare_tool)


class DecideBody(DecideSession):
    expected_version: Version | None = None
    actor: Acting = None


class SetContextBody(Message):
    """Fields of `context` that are given replace the session's; the others stay."""

    context: CuttingContext
    expected_version: Version | None = None
    actor: Acting = None

    _tool = model_validator(mode="before")(bare_tool)


class SetDesignBody(Message):
    """Exactly one of design and spec."""

    design: RosetteParamSpec | None = None
    spec: RosetteSpec | None = None
    expected_version: Version | None = None
    actor: Acting = None


class StepBody(Message):
    """What a step of a session may say; the body itself may be left out."""

    note: Note | None = None
    expected_version: Version | None = None
    actor: Acting = None


class OverrideBody(Message):
    """Accept the verdict of one artifact of the run anyway."""

    artifact_id: Identifier
    scope: Literal["YELLOW", "RED", "DRIFT"]
    reason: Annotated[str, Field(min_length=10, max_length=2000)]
    actor: Acting = None


class ExplainBody(Message):
    """Which provider and model explain; the body itself may be left out."""

    provider: ProviderName | None = None
    model: ModelName | None = None
    actor: Acting = None


class AdvisoryBody(Message):
    rating: Rating | None = None
    note: Note | None = None
    actor: Acting = None


class ReviewBody(AdvisoryBody):
    rating: Rating


class RejectAdvisoryBody(AdvisoryBody):
    code: RejectionCode


class ImportBody(Message):
    """A run file of the system before this one, and where in the imported folder it lay."""

    path: Annotated[str, Field(min_length=1, max_length=400, examples=["2025-08-20/run_7.json"])]
    sha256: Sha256
    b64: Annotated[str, Field(description="The file, in base64.")]


class PurgeBody(PurgeBlobs):
    actor: Acting = None


class PromptBody(PromptToSvg):
    actor: Acting = None


class GenerateBody(GenerateSvg):
    actor: Acting = None


class AttachAssetsBody(AttachAssets):
    actor: Acting = None


class AttachmentBody(Message):
    """An attachment as JSON; `sha256` is the digest the content must have."""

    kind: AttachmentKind
    filename: Annotated[str, Field(min_length=1, max_length=255)] = "attachment"
    content_type: Annotated[str, Field(max_length=127)] = "application/octet-stream"
    sha256: Annotated[str, Field(pattern=r"^(att-)?[0-9a-fA-F]{64}$")] | None = None
    b64: str
    metadata: Annotated[dict[str, Annotated[str, Field(max_length=1000)]], Field(max_length=40)] = {}
    actor: Acting = None


class AttachmentFields(Message):
    """What a multipart upload says beside its file."""

    kind: AttachmentKind
    filename: Annotated[str, Field(min_length=1, max_length=255)]
    content_type: Annotated[str, Field(max_length=127)]
    sha256: Annotated[str, Field(pattern=r"^(att-)?[0-9a-fA-F]{64}$")] | None = None
    metadata: Annotated[dict[str, Annotated[str, Field(max_length=1000)]], Field(max_length=40)] = {}
    actor: Acting = None


class _Query(BaseModel):
    """Query parameters. One that is not known is refused: a misspelt filter must not list everything."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PageQuery(_Query):
    cursor: Annotated[str, Field(max_length=200)] | None = None
    offset: Annotated[int, Field(ge=0, le=100_000)] | None = None
    limit: Limit = 50
    include_total: bool = False

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.cursor is not None and self.offset is not None:
            raise ValueError("give either cursor or offset")
        return self


class CursorQuery(_Query):
    cursor: Annotated[str, Field(max_length=200)] | None = None
    limit: Limit = 50


Moment = Annotated[str, StringConstraints(min_length=10, max_length=40)]


class RunsQuery(PageQuery):
    """Newest first. `from` and `to` are RFC 3339; without an offset they are UTC, a mere date is its midnight."""

    day: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Moment | None = None
    tool_id: Annotated[str, Field(pattern=r"^[a-z0-9_.:-]{1,64}$", description="Prefix.")] | None = None
    mode: Mode | None = None
    status: Literal["OPEN", "OK", "BLOCKED", "ERROR"] | None = None
    risk_level: RiskLevel | None = None
    session: Identifier | None = None
    kind: ArtifactKind | None = None
    include_deleted: Annotated[bool, Field(description="Tombstones too: for auditors and admins.")] = False

    @model_validator(mode="after")
    def _times(self) -> Self:
        for moment in (self.from_, self.to, self.day):
            utc_moment(moment)
        return self


class SessionsQuery(PageQuery):
    state: SessionState | None = None
    include_deleted: Annotated[bool, Field(description="Tombstones too: for auditors and admins.")] = False


class SessionRunsQuery(PageQuery):
    view: Literal["default", "summary"] = "default"
    status: RunStatus | None = None


class DeletionQuery(_Query):
    force: bool = False
    cascade: bool = False
    reason: DeletionReason | None = None


class SessionDeletionQuery(DeletionQuery):
    expected_version: Version | None = None


class AdvisoriesQuery(_Query):
    status: AdvisoryStatus | None = None


class AssetsQuery(CursorQuery):
    variant_seed: Annotated[int, Field(ge=0, le=MAX_INTEGER)] | None = None
    request_id: RequestId | None = None


class AttachmentsQuery(PageQuery):
    kind: AttachmentKind | None = None


class StreamQuery(_Query):
    run: Identifier | None = None
    session: Identifier | None = None
    type: Annotated[str, Field(pattern=r"^[a-z0-9_.]{1,128}$", description="Prefix of the event type.")] | None = None
    after: (
        Annotated[int, Field(ge=0, le=MAX_INTEGER, description="Position to resume after; 0 is the beginning.")] | None
    ) = None


CatalogKind = Literal["materials", "tools", "machines"]


def utc_moment(text: str | None) -> str | None:
    """A client's RFC 3339 time (or date) as the contracts write times. Raises ValueError saying what it should be."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return utc_text(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):  # the offset may lead out of the years 1 to 9999
        raise ValueError(f"{text!r} is no time: write 2026-05-01 or 2026-05-01T12:00:00Z") from None
