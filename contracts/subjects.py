"""The subject table: every conversation, who answers it, who may start it. NATS permissions are made from it."""

from __future__ import annotations

from dataclasses import dataclass

from contracts import (
    advisories,
    ai,
    ai_explanations,
    art,
    artifacts,
    audit,
    cam,
    comparison,
    dead_letters,
    feasibility,
    health,
    rmos,
    search,
)
from contracts.model import Message

SERVICES = ("gateway", "ai_gateway", "art_studio", "rmos", "cam")
MIGRATE = "migrate"
DASHBOARD = "dashboard"
SUPERVISOR = "supervisor"
"""`rmos up`, which asks each service for its health and restarts one that stays silent."""

OPERATOR = "operator"
"""A person at the command line (`rmos bus`): reads DEAD, and asks rmos for another try at what lies there."""

FACTS_STREAM = "FACTS"
LOG_STREAM = "LOG"
DEAD_STREAM = "DEAD"
MARKS_STREAM = "MARKS"
"""The newest signed checkpoints, for rmos itself: what it signs next must extend the last of them."""

MARK_BEGUN = "mark.begun.v1"
MARK_SIGNED = "mark.signed.v1"
RECORDER = "rmos-recorder"
"""The durable consumer on FACTS through which rmos records the facts of the others."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A request/reply subject: the answering service, who may ask, and both bodies."""

    subject: str
    callers: tuple[str, ...]
    request: type[Message]
    reply: type[Message]

    @property
    def service(self) -> str:
        return self.subject.split(".")[1]

    @property
    def is_command(self) -> bool:
        return self.subject.startswith("cmd.")

    @property
    def repeatable(self) -> bool:
        """Whether the same message may be sent again while the first is unanswered: queries change nothing, and rmos
        does a command once for each command id. Of the other services' commands a second one costs money or a core."""
        return not self.is_command or self.service == "rmos"


def reply_name(conversation: Conversation) -> str:
    """Name of the reply's schema: `cmd.rmos.open_run.v1.reply`."""
    return f"{conversation.subject}.reply"


GENERATE_CONTENT = Conversation(
    "cmd.ai_gateway.generate_content.v1", ("art_studio", "rmos"), ai.GenerateContent, ai.GeneratedContent
)
PROVIDERS = Conversation("query.ai_gateway.providers.v1", ("gateway", "art_studio"), ai.AskProviders, ai.Providers)
PROMPT_TO_SVG = Conversation(
    "cmd.art_studio.prompt_to_svg.v1", ("gateway", "rmos"), art.PromptToSvg, art.PromptToSvgReply
)
GENERATE_SVG = Conversation("cmd.art_studio.generate_svg.v1", ("gateway",), art.GenerateSvg, art.GenerateSvgReply)
ATTACH_ASSETS = Conversation("cmd.art_studio.attach_assets.v1", ("gateway",), art.AttachAssets, art.AttachAssetsReply)
COMPILED_SPEC = Conversation(
    "query.art_studio.compiled_spec.v1", ("gateway", "rmos"), art.CompileSpec, art.CompiledSpec
)
RECOMPUTED_SVG = Conversation("query.art_studio.recomputed_svg.v1", ("rmos",), art.RecomputeSvg, art.RecomputedSvg)
CHECKED_SVG = Conversation("query.art_studio.checked_svg.v1", ("rmos",), art.CheckSvg, art.CheckedSvg)
ASSET = Conversation("query.art_studio.asset.v1", ("gateway",), art.AskAsset, art.Asset)
ASSETS = Conversation("query.art_studio.assets.v1", ("gateway",), art.ListAssets, art.Assets)
GENERATE_TOOLPATHS = Conversation("cmd.cam.generate_toolpaths.v1", ("rmos",), cam.ToolpathJob, cam.ToolpathResult)
RECOMPUTED_TOOLPATHS = Conversation(
    "query.cam.recomputed_toolpaths.v1", ("rmos",), cam.ToolpathJob, cam.RecomputedToolpaths
)
OPEN_RUN = Conversation("cmd.rmos.open_run.v1", ("gateway",), rmos.OpenRun, artifacts.Run)
ADD_ATTACHMENTS = Conversation(
    "cmd.rmos.add_attachments.v1", ("gateway", "art_studio"), rmos.AddAttachments, rmos.Attachments
)
REFERENCE_ASSETS = Conversation(
    "cmd.rmos.reference_assets.v1", ("art_studio",), rmos.ReferenceAssets, rmos.ReferenceAssets
)
BIND_CANDIDATE = Conversation("cmd.rmos.bind_candidate.v1", ("gateway",), rmos.BindCandidate, rmos.ArtifactReply)
MAKE_TOOLPATHS = Conversation("cmd.rmos.make_toolpaths.v1", ("gateway",), rmos.MakeToolpaths, rmos.ArtifactReply)
OPEN_SESSION = Conversation("cmd.rmos.open_session.v1", ("gateway",), rmos.OpenSession, rmos.SessionReply)
APPROVE = Conversation("cmd.rmos.approve.v1", ("gateway",), rmos.DecideSession, rmos.SessionReply)
REJECT = Conversation("cmd.rmos.reject.v1", ("gateway",), rmos.DecideSession, rmos.SessionReply)
REQUIRE_REVISION = Conversation("cmd.rmos.require_revision.v1", ("gateway",), rmos.DecideSession, rmos.SessionReply)
SET_CONTEXT = Conversation("cmd.rmos.set_context.v1", ("gateway",), rmos.SetSessionContext, rmos.SessionReply)
SET_DESIGN = Conversation("cmd.rmos.set_design.v1", ("gateway",), rmos.SetSessionDesign, rmos.SessionReply)
EVALUATE_SESSION = Conversation("cmd.rmos.evaluate_session.v1", ("gateway",), rmos.EvaluateSession, rmos.SessionReply)
ARCHIVE_SESSION = Conversation("cmd.rmos.archive_session.v1", ("gateway",), rmos.ArchiveSession, rmos.SessionReply)
DELETE_SESSION = Conversation("cmd.rmos.delete_session.v1", ("gateway",), rmos.DeleteSession, rmos.Deleted)
DELETE_RUN = Conversation("cmd.rmos.delete_run.v1", ("gateway",), rmos.DeleteRun, rmos.Deleted)
OVERRIDE_VERDICT = Conversation("cmd.rmos.override_verdict.v1", ("gateway",), rmos.OverrideVerdict, rmos.ArtifactReply)
REVIEW_ADVISORY = Conversation(
    "cmd.rmos.review_advisory.v1", ("gateway",), advisories.ReviewAdvisory, advisories.Advisory
)
PROMOTE_ADVISORY = Conversation(
    "cmd.rmos.promote_advisory.v1", ("gateway",), advisories.PromoteAdvisory, advisories.Advisory
)
REJECT_ADVISORY = Conversation(
    "cmd.rmos.reject_advisory.v1", ("gateway",), advisories.RejectAdvisory, advisories.Advisory
)
PURGE_BLOBS = Conversation("cmd.rmos.purge_blobs.v1", ("gateway",), rmos.PurgeBlobs, rmos.Purged)
IMPORT_RUN = Conversation("cmd.rmos.import_run.v1", ("gateway",), rmos.ImportRun, rmos.ImportedRun)
REDRIVE_DEAD_LETTER = Conversation(
    "cmd.rmos.redrive_dead_letter.v1", (OPERATOR,), dead_letters.RedriveDeadLetter, dead_letters.RedrivenDeadLetter
)
FEASIBILITY = Conversation(
    "query.rmos.feasibility.v1", ("gateway",), feasibility.EvaluateFeasibility, feasibility.FeasibilityReply
)
FEASIBILITY_BATCH = Conversation(
    "query.rmos.feasibility_batch.v1", ("gateway",), feasibility.EvaluateBatch, feasibility.BatchReply
)
SEARCH_CONSTRAINTS = Conversation(
    "cmd.rmos.search_constraints.v1", ("gateway",), search.ConstraintSearch, search.SearchReply
)
CANCEL_SEARCH = Conversation("cmd.rmos.cancel_search.v1", ("gateway",), search.CancelSearch, search.SearchReply)
SEARCH = Conversation("query.rmos.search.v1", ("gateway",), search.AskSearch, search.SearchReply)
EXPLAIN_ARTIFACT = Conversation(
    "cmd.rmos.explain_artifact.v1", ("gateway",), ai_explanations.ExplainArtifact, ai_explanations.AiExplanation
)
AI_EXPLANATION = Conversation(
    "query.rmos.ai_explanation.v1", ("gateway",), ai_explanations.AskAiExplanation, ai_explanations.AiExplanation
)
ADD_CATALOG_ENTRY = Conversation("cmd.rmos.add_catalog_entry.v1", ("gateway",), rmos.AddCatalogEntry, rmos.CatalogEntry)
ADD_CATALOG_ENTRIES = Conversation(
    "cmd.rmos.add_catalog_entries.v1", ("gateway",), rmos.AddCatalogEntries, rmos.AddedCatalogEntries
)
RUNS = Conversation("query.rmos.runs.v1", ("gateway",), rmos.ListRuns, rmos.Runs)
RUN = Conversation("query.rmos.run.v1", ("gateway", "art_studio"), rmos.AskRun, artifacts.Run)
ARTIFACTS = Conversation("query.rmos.artifacts.v1", ("gateway",), rmos.ListArtifacts, rmos.Artifacts)
ARTIFACT = Conversation("query.rmos.artifact.v1", ("gateway",), rmos.AskArtifact, rmos.ArtifactReply)
ATTACHMENTS_V1 = Conversation("query.rmos.attachments.v1", ("gateway",), rmos.ListAttachments, rmos.Attachments)
"""As it was before the list had pages. It is answered for a gateway of a former version."""
ATTACHMENTS = Conversation("query.rmos.attachments.v2", ("gateway",), rmos.ListRunAttachments, rmos.RunAttachments)
ATTACHMENT = Conversation("query.rmos.attachment.v1", ("gateway",), rmos.AskAttachment, artifacts.Attachment)
RUN_EVENTS = Conversation("query.rmos.run_events.v1", ("gateway",), rmos.ListRunEvents, rmos.Events)
SESSION = Conversation("query.rmos.session.v1", ("gateway",), rmos.AskSession, rmos.SessionReply)
SESSIONS = Conversation("query.rmos.sessions.v1", ("gateway",), rmos.ListSessions, rmos.Sessions)
RUN_SUMMARIES_V1 = Conversation("query.rmos.run_summaries.v1", ("gateway",), rmos.ListRuns, rmos.RunSummaries)
"""As it was before models explained decisions. It is answered for a gateway of a former version."""
RUN_SUMMARIES = Conversation("query.rmos.run_summaries.v2", ("gateway",), rmos.ListRuns, rmos.AdvisedRunSummaries)
ADVISORIES = Conversation("query.rmos.advisories.v1", ("gateway",), advisories.AskAdvisories, advisories.Advisories)
DIFF = Conversation("query.rmos.diff.v1", ("gateway",), comparison.AskDiff, comparison.Diff)
EXPLANATION = Conversation("query.rmos.explanation.v1", ("gateway",), comparison.AskExplanation, comparison.Explanation)
CATALOG = Conversation("query.rmos.catalog.v1", ("gateway",), rmos.AskCatalog, rmos.CatalogEntries)
CHECKPOINT = Conversation("query.rmos.checkpoint.v1", ("gateway",), audit.AskCheckpoint, audit.SignedCheckpoint)
TILE = Conversation("query.rmos.tile.v1", ("gateway",), audit.AskTile, audit.TileContent)
ARTIFACT_PROOF = Conversation("query.rmos.artifact_proof.v1", ("gateway",), audit.AskArtifactProof, audit.ArtifactProof)
ATTESTATION = Conversation("query.rmos.attestation.v1", ("gateway",), audit.AskAttestation, audit.Attestation)
REPLAY = Conversation("query.rmos.replay.v1", ("gateway",), audit.AskReplay, audit.Replayed)
CONSISTENCY = Conversation("query.rmos.consistency.v1", ("gateway",), audit.AskConsistency, audit.ConsistencyProof)
CHECKPOINT_KEYS = Conversation(
    "query.rmos.checkpoint_keys.v1", ("gateway",), audit.AskCheckpointKeys, audit.CheckpointKeys
)
HEALTH = {
    service: Conversation(f"query.{service}.health.v1", ("gateway", SUPERVISOR), health.AskHealth, health.Health)
    for service in SERVICES
    if service != "gateway"
}

CONVERSATIONS: tuple[Conversation, ...] = (
    GENERATE_CONTENT,
    PROVIDERS,
    PROMPT_TO_SVG,
    GENERATE_SVG,
    ATTACH_ASSETS,
    COMPILED_SPEC,
    RECOMPUTED_SVG,
    CHECKED_SVG,
    ASSET,
    ASSETS,
    GENERATE_TOOLPATHS,
    RECOMPUTED_TOOLPATHS,
    OPEN_RUN,
    ADD_ATTACHMENTS,
    REFERENCE_ASSETS,
    BIND_CANDIDATE,
    MAKE_TOOLPATHS,
    OPEN_SESSION,
    APPROVE,
    REJECT,
    REQUIRE_REVISION,
    SET_CONTEXT,
    SET_DESIGN,
    EVALUATE_SESSION,
    ARCHIVE_SESSION,
    DELETE_SESSION,
    DELETE_RUN,
    OVERRIDE_VERDICT,
    REVIEW_ADVISORY,
    PROMOTE_ADVISORY,
    REJECT_ADVISORY,
    PURGE_BLOBS,
    IMPORT_RUN,
    REDRIVE_DEAD_LETTER,
    FEASIBILITY,
    FEASIBILITY_BATCH,
    SEARCH_CONSTRAINTS,
    CANCEL_SEARCH,
    SEARCH,
    EXPLAIN_ARTIFACT,
    AI_EXPLANATION,
    ADD_CATALOG_ENTRY,
    ADD_CATALOG_ENTRIES,
    RUNS,
    RUN,
    ARTIFACTS,
    ARTIFACT,
    ATTACHMENTS_V1,
    ATTACHMENTS,
    ATTACHMENT,
    RUN_EVENTS,
    SESSION,
    SESSIONS,
    RUN_SUMMARIES_V1,
    RUN_SUMMARIES,
    ADVISORIES,
    DIFF,
    EXPLANATION,
    CATALOG,
    CHECKPOINT,
    TILE,
    ARTIFACT_PROOF,
    ATTESTATION,
    REPLAY,
    CONSISTENCY,
    CHECKPOINT_KEYS,
    *HEALTH.values(),
)

FACT_DOMAINS: dict[str, str] = {"ai_gateway": "ai", "art_studio": "art", "cam": "cam"}
"""Service -> the second word of its facts' subjects."""

FACTS: dict[str, tuple[type[Message], ...]] = {
    "ai_gateway": ai.AI_FACTS,
    "art_studio": art.ART_FACTS,
    "cam": cam.CAM_FACTS,
}


def fact_subject(fact_type: str) -> str:
    """`ai.call_completed.v1` -> `fact.ai.call_completed.v1`."""
    return f"fact.{fact_type}"


def log_subject(event_type: str) -> str:
    return f"log.{event_type}"


@dataclass(frozen=True, slots=True)
class Permissions:
    """What one NATS user may do; everything not listed is refused by the server."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    allow_responses: bool


def inbox_prefix(user: str) -> str:
    """Replies come to a private inbox, so that no user can read another's."""
    return f"_INBOX.{user}"


def permissions_of(user: str) -> Permissions:
    """The bus rights of a service, of the migration step or of a dashboard. Raises KeyError for another name."""
    inbox = f"{inbox_prefix(user)}.>"
    if user == MIGRATE:
        return Permissions(("$JS.API.>", MARK_BEGUN), (inbox,), False)
    if user == DASHBOARD:
        return Permissions(tuple(sorted((*_LOG_READER, *_MARKS_READER))), (inbox,), False)
    if user == SUPERVISOR:
        return Permissions(tuple(sorted(_asked_by(user))), (inbox,), False)
    if user == OPERATOR:
        return Permissions(tuple(sorted(_asked_by(user).union(_DEAD_READER))), (inbox,), False)
    if user not in SERVICES:
        raise KeyError(f"{user!r} is no user of the bus")
    publish = _asked_by(user)
    if user in FACT_DOMAINS:
        publish.add(f"fact.{FACT_DOMAINS[user]}.>")
    publish.update(_JETSTREAM.get(user, ()))
    answers = (f"cmd.{user}.>", f"query.{user}.>")
    return Permissions(tuple(sorted(publish)), (inbox, *answers), True)


def _asked_by(user: str) -> set[str]:
    return {conversation.subject for conversation in CONVERSATIONS if user in conversation.callers}


# Named for LOG alone: with `$JS.API.CONSUMER.>` a reader of LOG could read FACTS, and delete the recorder's consumer.
_LOG_READER = (
    f"$JS.API.CONSUMER.*.{LOG_STREAM}",
    f"$JS.API.CONSUMER.*.{LOG_STREAM}.>",
    f"$JS.API.CONSUMER.MSG.NEXT.{LOG_STREAM}.>",
    f"$JS.API.STREAM.INFO.{LOG_STREAM}",
    f"$JS.ACK.{LOG_STREAM}.>",
    "$JS.FC.>",
)

# It reads and asks; rmos, which wrote the letter, records the fact from there. So this user publishes no fact.
_DEAD_READER = (f"$JS.API.STREAM.INFO.{DEAD_STREAM}", f"$JS.API.STREAM.MSG.GET.{DEAD_STREAM}")

_MARKS_READER = (f"$JS.API.STREAM.MSG.GET.{MARKS_STREAM}",)

_JETSTREAM: dict[str, tuple[str, ...]] = {
    "gateway": _LOG_READER,
    "rmos": (
        "log.>",
        "dead.>",
        f"$JS.API.STREAM.MSG.GET.{DEAD_STREAM}",
        f"$JS.API.STREAM.MSG.DELETE.{DEAD_STREAM}",
        MARK_SIGNED,
        *_MARKS_READER,
        *_LOG_READER,
        f"$JS.API.STREAM.MSG.GET.{LOG_STREAM}",
        f"$JS.API.DIRECT.GET.{LOG_STREAM}",
        f"$JS.API.DIRECT.GET.{LOG_STREAM}.>",
        f"$JS.API.STREAM.INFO.{FACTS_STREAM}",
        f"$JS.API.CONSUMER.INFO.{FACTS_STREAM}.{RECORDER}",
        f"$JS.API.CONSUMER.MSG.NEXT.{FACTS_STREAM}.{RECORDER}",
        f"$JS.ACK.{FACTS_STREAM}.{RECORDER}.>",
    ),
}
"""JetStream rights beyond plain subjects: the gateway reads LOG, rmos writes LOG, DEAD and MARKS, reads
them again for its audit, and reads FACTS."""
