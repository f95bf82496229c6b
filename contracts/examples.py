"""One valid example of every message, for schemas, documents and tests. No service imports this module.

The examples tell one story: twelve petals for a spruce top are asked for, drawn, judged, approved and cut.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any

from contracts import (
    advisories,
    ai,
    ai_explanations,
    art,
    artifacts,
    audit,
    cam,
    catalog,
    comparison,
    dead_letters,
    feasibility,
    health,
    log,
    rmos,
    search,
    sessions,
)
from contracts.blobs import BlobRef
from contracts.canonical import digest_of, sha256_hex
from contracts.envelope import Actor, Role
from contracts.errors import ErrorBody, ErrorCode
from contracts.gcode_header import ProgramOrigin
from contracts.model import Message
from contracts.params import PatternType, RingParam, RosetteParamSpec
from contracts.spec import Circle, RadialPetals, Ring, RosetteSpec, TileRing

RUN, SESSION = "run_01K9XQ3V5T6Y7Z8A9B0C1D2E3F", "session_01K9XQ3V5T6Y7Z8A9B0C1D2E3G"
BOUND, APPROVED, CUT = (f"artifact_01K9XQ3V5T6Y7Z8A9B0C1D2E3{end}" for end in "HJK")
CALL, REQUEST, COMMAND = (f"{kind}_01K9XQ3V5T6Y7Z8A9B0C1D2E3M" for kind in ("call", "request", "command"))
NOW = "2026-11-21T09:30:00.000000Z"
ASKED = "gothic rosette, twelve petals, 110 mm"
SEED = 7
ENGINE, CATALOG = "1", sha256_hex(b"catalog")


def _d(text: str) -> Decimal:
    return Decimal(text)


LAG = health.Lag(name="projections", position=70, behind_positions=2, behind_s=_d("0.02"))


def _blob(name: str, content_type: str) -> BlobRef:
    return BlobRef(sha256=sha256_hex(name.encode()), size=2048, content_type=content_type)


OPERATOR = Actor(id="operator", role=Role.OPERATOR)
SPEC = RosetteSpec(
    canvas_mm=_d("120"),
    shapes=(
        Circle(r=_d("50.8")),
        Ring(r_inner=_d("51"), r_outer=_d("52.5"), depth_mm=_d("1.2"), material="ebony"),
        RadialPetals(petals=12, r_inner=_d("42"), r_outer=_d("50"), depth_mm=_d("1.2"), material="maple"),
        TileRing(r_inner=_d("53"), r_outer=_d("55"), count=48, depth_mm=_d("1.2"), materials=("maple", "ebony")),
    ),
    meta={"title": "Twelve petals"},
)
PARAMETERS = RosetteParamSpec(
    inner_diameter_mm=_d("102"),
    outer_diameter_mm=_d("110"),
    ring_params=(
        RingParam(ring_index=0, width_mm=_d("1.5"), pattern_type=PatternType.SOLID, material_id="ebony"),
        RingParam(
            ring_index=1,
            width_mm=_d("2"),
            pattern_type=PatternType.TILE,
            tile_length_mm=_d("3"),
            material_id="maple",
            alternate_material_id="ebony",
        ),
    ),
    channel_depth_mm=_d("1.2"),
)
CONTEXT = feasibility.CuttingContext(
    material_id="spruce_sitka", tool_id="flat_1_0", machine_id="shapeoko_4_xxl", stock_thickness_mm=_d("2.8")
)
DESIGN_SHA256 = digest_of(SPEC)
SVG, SPEC_BLOB, PROVENANCE_BLOB, PREVIEW = (
    _blob("svg", "image/svg+xml"),
    _blob("spec", "application/json"),
    _blob("provenance", "application/json"),
    _blob("preview", "image/png"),
)
GCODE, OPPLAN = _blob("gcode", "text/x-gcode"), _blob("opplan", "application/json")
FEEDS = feasibility.Feeds(
    spindle_rev_per_min=_d("18000"),
    feed_mm_per_min=_d("600"),
    ramp_feed_mm_per_min=_d("300"),
    stepdown_mm=_d("0.5"),
    stepover_ratio=_d("0.4"),
    proposed=True,
)
FEASIBILITY = feasibility.Feasibility(
    risk_level=feasibility.RiskLevel.GREEN,
    score=_d("88.5"),
    results=(
        feasibility.CalculatorResult(
            calculator="smallest_feature",
            risk=feasibility.RiskLevel.GREEN,
            score=_d("88.5"),
            summary="the cutter reaches the tips of the petals",
            inputs=(feasibility.Quantity(name="cutter_diameter", value=_d("1"), unit="mm"),),
            results=(feasibility.Quantity(name="smallest_gap", value=_d("1.4"), unit="mm"),),
        ),
    ),
    feeds=FEEDS,
    design_sha256=DESIGN_SHA256,
    catalog_sha256=CATALOG,
    engine_version=ENGINE,
    feasibility_sha256=sha256_hex(b"feasibility"),
)
SIMULATION = cam.Simulation(
    passed=True,
    coverage_of_reachable=_d("0.9991"),
    coverage_of_design=_d("0.9874"),
    reachable_area_mm2=_d("1204.5"),
    uncut_reachable_mm2=_d("1.08"),
    gouge_mm2=_d("0"),
    max_gouge_mm=_d("0"),
    deepest_mm=_d("1.2"),
    rapids_below_top=0,
    plunges_in_stock=0,
    max_ramp_deg=_d("3"),
    cut_length_mm=_d("3120.5"),
    rapid_length_mm=_d("912"),
    arc_share=_d("0.97"),
    lines=1840,
    cycle_time_s=_d("512.4"),
)
PROVENANCE = ai.Provenance(
    call_id=CALL,
    request_id=REQUEST,
    operation="art.prompt_to_spec",
    category=ai.SafetyCategory.CREATIVE,
    output="json",
    created_at_utc=NOW,
    provider="offline",
    model_answered="offline-designer-1",
    allowed=True,
    policy_sha256=sha256_hex(b"policy"),
    prompt_sha256=sha256_hex(ASKED.encode()),
    response_sha256=sha256_hex(b"response"),
    latency_ms=_d("12.5"),
    queue_ms=_d("0.4"),
    attempts=(ai.Attempt(number=1, outcome="ok", upstream_ms=_d("11.9")),),
    usage=ai.Usage(input_tokens=420, output_tokens=310),
    cost_micro_usd=0,
    cost_status=ai.CostStatus.FREE,
    price_table_sha256=sha256_hex(b"prices"),
    variant_seed=SEED,
    engine_version=ENGINE,
)
FAILURE = ErrorBody(code=ErrorCode.AI_INVALID_OUTPUT, message="the answer does not fit the schema; ask again")
ASSET = "asset_3f5d2a90c1be"
VARIANT = art.Variant(
    index=0,
    status=art.VariantStatus.OK,
    variant_seed=SEED,
    spec=SPEC,
    svg="<svg xmlns='http://www.w3.org/2000/svg'/>",
    variant_sha256=SVG.sha256,
    attachment_sha256=SPEC_BLOB.sha256,
    spec_sha256=DESIGN_SHA256,
    preview=PREVIEW,
    provenance_sha256=PROVENANCE_BLOB.sha256,
    asset_id=ASSET,
)
ATTACHMENT = artifacts.Attachment(
    attachment_id=SPEC_BLOB.sha256,
    kind=artifacts.AttachmentKind.SPEC,
    filename="spec.json",
    content_type=SPEC_BLOB.content_type,
    size=SPEC_BLOB.size,
    metadata={"variant": "0"},
    created_at_utc=NOW,
)
DIGESTS = log.ApprovedDigests(
    design_sha256=DESIGN_SHA256,
    feasibility_sha256=FEASIBILITY.feasibility_sha256,
    context_sha256=digest_of(CONTEXT),
)


def _artifact(artifact_id: str, kind: artifacts.ArtifactKind, **more: object) -> artifacts.RunArtifact:
    """An artifact as it could stand in a log; nothing records it."""
    common: dict[str, object] = {
        "artifact_id": artifact_id,
        "run_id": RUN,
        "kind": kind,
        "status": artifacts.ArtifactStatus.OK,
        "created_at_utc": NOW,
        "request_id": REQUEST,
        "actor": OPERATOR,
        "mode": "router",
        "tool_id": CONTEXT.tool_id,
        "material_id": CONTEXT.material_id,
        "machine_id": CONTEXT.machine_id,
        "context": CONTEXT,
        "feasibility": FEASIBILITY,
        "decision": artifacts.Decision(risk_level=FEASIBILITY.risk_level, score=FEASIBILITY.score),
        "hashes": {"design": DESIGN_SHA256, "feasibility": FEASIBILITY.feasibility_sha256},
        "workflow_session_id": SESSION,
        "engine_version": ENGINE,
        "compute_ms": _d("41.2"),
    }
    return artifacts.RunArtifact.model_validate(common | more)


CANDIDATE = _artifact(BOUND, artifacts.ArtifactKind.ART_STUDIO_CANDIDATE, attachments=(ATTACHMENT,))
APPROVAL = _artifact(APPROVED, artifacts.ArtifactKind.APPROVAL, parent_artifact_id=BOUND)
REFUSAL = {
    "status": artifacts.ArtifactStatus.BLOCKED,
    "decision": artifacts.Decision(risk_level=FEASIBILITY.risk_level, block_reason="the client wants more petals"),
}
TOOLPATHS = _artifact(
    CUT,
    artifacts.ArtifactKind.TOOLPATHS,
    parent_artifact_id=BOUND,
    hashes={
        "design": DESIGN_SHA256,
        "feasibility": FEASIBILITY.feasibility_sha256,
        "gcode": GCODE.sha256,
        "opplan": OPPLAN.sha256,
        "toolpaths": sha256_hex(b"toolpaths"),
    },
    outputs={"gcode": GCODE, "opplan": OPPLAN},
    simulation=SIMULATION,
)
RUN_SHOWN = artifacts.Run(
    run_id=RUN,
    created_at_utc=NOW,
    updated_at_utc=NOW,
    position=12,
    mode="router",
    label=ASKED,
    workflow_session_id=SESSION,
    context=CONTEXT,
    request_id=REQUEST,
    opened_by="designer",
    status="OK",
    risk_level=FEASIBILITY.risk_level,
    score=FEASIBILITY.score,
    artifact_count=1,
    attachment_count=3,
    last_artifact_id=BOUND,
    last_kind=artifacts.ArtifactKind.ART_STUDIO_CANDIDATE,
)
SESSION_SHOWN = sessions.Session(
    session_id=SESSION,
    state=sessions.SessionState.APPROVED,
    mode="ai_assisted",
    label=ASKED,
    context=CONTEXT,
    created_at_utc=NOW,
    updated_at_utc=NOW,
    opened_by="designer",
    run_id=RUN,
    design_sha256=DESIGN_SHA256,
    feasibility_sha256=FEASIBILITY.feasibility_sha256,
    risk_level=FEASIBILITY.risk_level,
    score=FEASIBILITY.score,
    approval_artifact_id=APPROVED,
    approved_by=OPERATOR.id,
    version=4,
    allowed=("request_toolpaths", "require_revision"),
)
ADVISORY = advisories.Advisory(
    run_id=RUN,
    asset_id=ASSET,
    status=advisories.AdvisoryStatus.REVIEWED,
    rating=4,
    note="fine petals",
    allowed=("review", "promote", "reject"),
)
STORED = log.StoredEvent(
    position=12,
    stream=f"run-{RUN}",
    version=1,
    event_id="event_01K9XQ3V5T6Y7Z8A9B0C1D2E3N",
    type=log.RunOpened.type,
    recorded_at_utc=NOW,
    actor=OPERATOR,
    request_id=REQUEST,
    command_id=COMMAND,
    command_sha256=sha256_hex(b"command"),
    writer_epoch=1,
    data_json="{}",
    leaf_sha256=sha256_hex(b"leaf"),
)
_STATES = sessions.SessionState


def _in_session(state: sessions.SessionState, **more: object) -> dict[str, object]:
    return {"session_id": SESSION, "state": state, **more}


def _decided(state: sessions.SessionState, **more: object) -> dict[str, object]:
    decision = {"run_id": RUN, "artifact_id": APPROVED, "actor": OPERATOR, "note": "as agreed"}
    return _in_session(state, **decision, **more)


SEARCH = "search_01JZ8QK4T6V9W2X3Y4Z5A6B7C8"
SEARCHED = search.ConstraintSearch(
    context=search.SearchContext.model_validate(
        {
            **CONTEXT.model_dump(),
            "target_inner_diameter_mm": "90",
            "target_outer_diameter_mm": "110",
            "min_rings": 2,
            "max_rings": 5,
            "style": "gothic",
        }
    ),
    variant_seed=SEED,
)
LIMITED = search.LimitedBy(
    calculator="feature_size",
    risk=feasibility.RiskLevel.YELLOW,
    summary="the narrowest pocket is 1.1 mm wide for a 1 mm cutter",
    limiting=feasibility.Quantity(name="smallest_feature", value=_d("1.1"), unit="mm"),
    suggestion="widen it to at least 1.20 mm",
)
TRIED = search.SearchAttempt(
    number=1,
    outcome=search.AttemptOutcome.SCORED,
    call_id="call_01JZ8QK4T6V9W2X3Y4Z5A6B7C8",
    candidate_sha256=DESIGN_SHA256,
    feasibility_sha256=FEASIBILITY.feasibility_sha256,
    score=FEASIBILITY.score,
    risk=FEASIBILITY.risk_level,
    limited_by=LIMITED,
)
PROGRESS = search.SearchProgress(
    attempts=1, best_attempt=1, best_design_sha256=DESIGN_SHA256, score=_d("70"), limited_by=LIMITED, time_ms=_d("40.5")
)
FOUND = search.SearchReply(
    search_id=SEARCH,
    run_id=RUN,
    state="ended",
    outcome=search.SearchOutcome.CONCLUDED,
    started_at_utc=NOW,
    budget=search.SearchBudget(),
    progress=PROGRESS,
    result=search.SearchResult(
        status=search.SearchStatus.SUCCESS,
        stopped_by="target",
        best_attempt=1,
        best_design=PARAMETERS,
        best_design_sha256=DESIGN_SHA256,
        score=FEASIBILITY.score,
        risk=FEASIBILITY.risk_level,
        attempts=(TRIED,),
        time_ms=_d("40.5"),
        variant_seed=SEED,
    ),
    artifact_id=BOUND,
)
EXPLAINED: dict[str, Any] = {
    "artifact_id": BOUND,
    "run_id": RUN,
    "explanation_id": "explanation_01K9XQ3V5T6Y7Z8A9B0C1D2E3X",
}
ADVICE = "All twelve petals can be cut. The narrowest wall holds it back: 1.1 mm, where 1.2 mm cuts well."
SUMMARISED: dict[str, Any] = {
    "run_id": RUN,
    "created_at_utc": NOW,
    "status": "OK",
    "event_type": log.CandidateBound.type,
    "risk_level": FEASIBILITY.risk_level,
    "score": FEASIBILITY.score,
    "explanation_status": artifacts.ExplanationStatus.READY,
    "explanation_summary": "ALLOW: GREEN, score 88.5",
    "request_id": REQUEST,
    "compute_ms": _d("41.2"),
}
BONE = catalog.Material.model_validate(
    {
        "id": "my_bone",
        "name": "Bone of our own stock",
        "family": "bone",
        "density": {"value": "1900", "unit": "kg/m3", "source": "weighed", "standing": "est"},
        "min_wall": {"value": "0.5", "unit": "mm", "source": "test piece", "standing": "est"},
        "min_piece": {"value": "0.5", "unit": "mm", "source": "test piece", "standing": "est"},
    }
)


def _ai_examples() -> tuple[Message, ...]:
    return (
        ai.GenerateContent(
            operation="art.prompt_to_spec",
            output="json",
            prompt=ASKED,
            schema_name="RosetteSpec",
            output_schema_json='{"type":"object"}',
            variant_seed=SEED,
        ),
        ai.GeneratedContent(text='{"version":"v1"}', provenance=PROVENANCE),
        ai.AskProviders(),
        ai.Providers(
            default_provider="offline",
            providers=(ai.ProviderStatus(name="offline", configured=True, outputs=("text", "json", "image")),),
        ),
        ai.CallRequested(
            call_id=CALL,
            request_id=REQUEST,
            operation="art.prompt_to_spec",
            output="json",
            provider="offline",
            model_requested=None,
            prompt_sha256=PROVENANCE.prompt_sha256,
            variant_seed=SEED,
        ),
        ai.CallBlocked(provenance=PROVENANCE.model_copy(update={"allowed": False, "safety_reason": "hard category"})),
        ai.CallAttemptFailed(
            call_id=CALL,
            attempt=ai.Attempt(number=1, outcome="error", error=ErrorCode.AI_TIMEOUT, upstream_ms=_d("30000")),
        ),
        ai.CallCompleted(provenance=PROVENANCE),
        ai.CallFailed(provenance=PROVENANCE, error=ErrorCode.AI_TIMEOUT, reason="no answer within 30 s"),
    )


def _art_examples() -> tuple[Message, ...]:
    asked = {"prompt": ASKED, "count": 1, "variant_seed": SEED, "diameter_mm": _d("110")}
    answered = {
        "request_id": REQUEST,
        "variant_seed": SEED,
        "route": "direct",
        "variants": (VARIANT,),
        "asset_ids": (ASSET,),
        "success_count": 1,
        "failure_count": 0,
        "provenance": (PROVENANCE,),
        "compiler_version": "1",
        "compute_ms": _d("35.1"),
    }
    asset = art.Asset(
        asset_id=ASSET,
        created_at_utc=NOW,
        request_id=REQUEST,
        variant_seed=SEED,
        svg=SVG,
        spec=SPEC_BLOB,
        provenance=PROVENANCE_BLOB,
        preview=PREVIEW,
        prompt_sha256=PROVENANCE.prompt_sha256,
    )
    return (
        art.PromptToSvg.model_validate(asked),
        art.PromptToSvgReply.model_validate(answered),
        art.GenerateSvg.model_validate(asked | {"run_id": RUN}),
        art.GenerateSvgReply.model_validate(answered | {"run_id": RUN, "attachments": (ATTACHMENT,)}),
        art.AttachAssets(run_id=RUN, asset_ids=(ASSET,)),
        art.AttachAssetsReply(run_id=RUN, asset_ids=(ASSET,), attachments=(ATTACHMENT,)),
        art.CompileSpec(spec=SPEC),
        art.CompiledSpec(spec=SPEC, svg=SVG, compiler_version="1"),
        art.RecomputeSvg(spec=SPEC),
        art.RecomputedSvg(svg_sha256=SVG.sha256, compiler_version="rosette-svg/1.0.0"),
        art.CheckSvg(blob=SVG),
        art.CheckedSvg(accepted=True, elements=14),
        art.AskAsset(asset_id=ASSET),
        art.ListAssets(variant_seed=SEED),
        asset,
        art.Assets(items=(asset,)),
        art.VariantGenerated(
            request_id=REQUEST,
            asset_id=ASSET,
            call_id=CALL,
            variant_seed=SEED,
            svg_sha256=SVG.sha256,
            spec_sha256=SPEC_BLOB.sha256,
            provenance_sha256=PROVENANCE_BLOB.sha256,
            compiler_version="1",
        ),
        art.VariantFailed(request_id=REQUEST, call_id=CALL, variant_seed=SEED, error=FAILURE),
    )


def _cam_examples() -> tuple[Message, ...]:
    made = {"engine_version": ENGINE, "post_version": "grbl-1", "compute_ms": _d("840")}
    return (
        cam.ToolpathJob(
            spec=SPEC,
            cutter=cam.Cutter(tool_id="flat_1_0", kind="flat", diameter_mm=_d("1"), flute_length_mm=_d("4")),
            feeds=FEEDS,
            machine=cam.MachineLimits(
                machine_id="shapeoko_4_xxl",
                envelope_x_mm=_d("838"),
                envelope_y_mm=_d("838"),
                envelope_z_mm=_d("100"),
                rapid_xy_mm_per_min=_d("10000"),
                rapid_z_mm_per_min=_d("1000"),
                max_feed_xy_mm_per_min=_d("10000"),
                max_feed_z_mm_per_min=_d("1000"),
                min_spindle_rev_per_min=_d("10000"),
                max_spindle_rev_per_min=_d("30000"),
                acceleration_mm_per_s2=_d("500"),
            ),
            stock_thickness_mm=_d("2.8"),
            design_sha256=DESIGN_SHA256,
            feasibility_sha256=FEASIBILITY.feasibility_sha256,
            origin=ProgramOrigin(
                run_id=RUN,
                rests_on_artifact_id="artifact_01K9XQ3V5T6Y7Z8A9B0C1D2E3H",
                log_origin="rmos.local/1f6d0c5a9b3e",
            ),
        ),
        cam.RecomputedToolpaths(
            gcode_sha256=GCODE.sha256,
            opplan_sha256=sha256_hex(b"opplan"),
            preview_sha256=sha256_hex(b"preview"),
            toolpaths_sha256=sha256_hex(b"toolpaths"),
            engine_version=ENGINE,
            post_version="grbl-1",
        ),
        cam.ToolpathResult.model_validate(
            made
            | {
                "gcode": GCODE,
                "opplan": OPPLAN,
                "preview": SVG,
                "toolpaths_sha256": sha256_hex(b"toolpaths"),
                "simulation": SIMULATION,
            }
        ),
        cam.ToolpathsGenerated.model_validate(
            made
            | {
                "request_id": REQUEST,
                "design_sha256": DESIGN_SHA256,
                "toolpaths_sha256": sha256_hex(b"toolpaths"),
                "gcode_sha256": GCODE.sha256,
                "opplan_sha256": OPPLAN.sha256,
            }
        ),
        cam.ToolpathsFailed(
            request_id=REQUEST, design_sha256=DESIGN_SHA256, engine_version=ENGINE, reason="the cutter reaches no area"
        ),
    )


def _rmos_examples() -> tuple[Message, ...]:
    summary = rmos.ArtifactSummary(
        artifact_id=BOUND,
        run_id=RUN,
        kind=CANDIDATE.kind,
        status=CANDIDATE.status,
        created_at_utc=NOW,
        risk_level=FEASIBILITY.risk_level,
        score=FEASIBILITY.score,
        hashes=CANDIDATE.hashes,
    )
    new = rmos.NewAttachment(kind=artifacts.AttachmentKind.SPEC, filename="spec.json", blob=SPEC_BLOB)
    return (
        rmos.OpenRun(label=ASKED, workflow_session_id=SESSION, context=CONTEXT),
        RUN_SHOWN,
        rmos.AddAttachments(run_id=RUN, attachments=(new,)),
        rmos.Attachments(run_id=RUN, items=(ATTACHMENT,)),
        ATTACHMENT,
        rmos.ReferenceAssets(run_id=RUN, asset_ids=(ASSET,)),
        rmos.BindCandidate(
            run_id=RUN,
            required_kinds=(artifacts.AttachmentKind.SVG, artifacts.AttachmentKind.SPEC),
            operator_notes="first",
        ),
        rmos.ArtifactReply(artifact=TOOLPATHS, gcode_text="G21\nM30\n", opplan_json="{}"),
        rmos.MakeToolpaths(run_id=RUN, artifact_id=BOUND),
        rmos.OpenSession(mode="ai_assisted", label=ASKED, context=CONTEXT),
        rmos.SessionReply(session=SESSION_SHOWN, artifact=APPROVAL),
        rmos.DecideSession(session_id=SESSION, note="as agreed", expected_version=3),
        rmos.SetSessionContext(session_id=SESSION, context=CONTEXT, expected_version=3),
        rmos.SetSessionDesign(session_id=SESSION, design=PARAMETERS),
        rmos.EvaluateSession(session_id=SESSION),
        rmos.ArchiveSession(session_id=SESSION, note="delivered"),
        rmos.DeleteSession(session_id=SESSION, cascade=True, reason="a trial"),
        rmos.DeleteRun(run_id=RUN, cascade=True, reason="opened by mistake"),
        rmos.Deleted(ids=(RUN,)),
        rmos.OverrideVerdict(run_id=RUN, artifact_id=BOUND, scope="YELLOW", reason="the test cut was clean"),
        rmos.ImportRun(path="2025-08-20/run_7.json", file=_blob("run file", "application/json")),
        rmos.ImportedRun(run_id="run_7", artifact_id=BOUND, added=True, warnings=("tool_id: no catalog id",)),
        rmos.PurgeBlobs(older_than_days=365, statuses=("BLOCKED",)),
        rmos.Purged(dry_run=True, run_ids=(RUN,), digests=(PREVIEW.sha256,), bytes_freed=2048),
        advisories.AskAdvisories(run_id=RUN),
        advisories.Advisories(run_id=RUN, items=(ADVISORY,)),
        ADVISORY,
        advisories.ReviewAdvisory(run_id=RUN, asset_id=ASSET, rating=4),
        advisories.PromoteAdvisory(run_id=RUN, asset_id=ASSET),
        advisories.RejectAdvisory(run_id=RUN, asset_id=ASSET, code=advisories.RejectionCode.AESTHETIC),
        rmos.RunSummaries(items=(rmos.RunSummary.model_validate(SUMMARISED),)),
        rmos.AdvisedRunSummaries(
            items=(
                rmos.AdvisedRunSummary.model_validate(
                    {
                        **SUMMARISED,
                        "last_artifact_id": BOUND,
                        "ai_explanation_status": artifacts.ExplanationStatus.READY,
                        "ai_explanation_summary": ADVICE,
                    }
                ),
            )
        ),
        ai_explanations.ExplainArtifact(artifact_id=BOUND, provider="offline"),
        ai_explanations.AskAiExplanation(artifact_id=BOUND),
        ai_explanations.AiExplanation(
            **EXPLAINED,
            status=artifacts.ExplanationStatus.READY,
            summary=ADVICE,
            text=ADVICE,
            text_sha256=sha256_hex(ADVICE.encode()),
            provider=PROVENANCE.provider,
            model=PROVENANCE.model_answered,
            ai_call_id=CALL,
            asked_at_utc=NOW,
            asked_by=OPERATOR,
            answered_at_utc=NOW,
        ),
        comparison.AskDiff(of="artifacts", a=BOUND, b=CUT),
        comparison.Diff(
            of="artifacts",
            a=BOUND,
            b=CUT,
            fields=(comparison.FieldDiff(path="kind", a="art_studio_candidate", b="toolpaths"),),
            hashes=(comparison.HashDiff(name="gcode", b=GCODE.sha256),),
        ),
        comparison.AskExplanation(artifact_id=BOUND),
        comparison.Explanation(
            artifact_id=BOUND,
            status=artifacts.ExplanationStatus.READY,
            summary="ALLOW: GREEN, score 88.5",
            text="# ALLOW",
        ),
        feasibility.EvaluateFeasibility(design=PARAMETERS, context=CONTEXT),
        feasibility.FeasibilityReply(feasibility=FEASIBILITY, compute_ms=_d("40.2")),
        feasibility.EvaluateBatch(items_json='[{"design": {"inner_diameter_mm": 90}}]', context=CONTEXT),
        feasibility.BatchReply(items=(feasibility.BatchVerdict(feasibility=FEASIBILITY),), compute_ms=_d("40.2")),
        SEARCHED,
        FOUND,
        search.AskSearch(search_id=SEARCH),
        search.CancelSearch(search_id=SEARCH),
        dead_letters.RedriveDeadLetter(number=3),
        dead_letters.RedrivenDeadLetter(number=3, position=71, repeated=False),
        rmos.AddCatalogEntry(material=BONE),
        rmos.CatalogEntry(material=BONE, catalog_sha256=CATALOG),
        rmos.AddCatalogEntries(entries=(rmos.AddCatalogEntry(material=BONE),)),
        rmos.AddedCatalogEntries(added=1, catalog_sha256=CATALOG),
        rmos.ListRuns(day="2026-11-21", risk_level=feasibility.RiskLevel.GREEN, limit=20),
        rmos.Runs(items=(RUN_SHOWN,), next_cursor="12"),
        rmos.AskRun(run_id=RUN),
        rmos.ListArtifacts(run_id=RUN),
        rmos.Artifacts(items=(summary,)),
        rmos.AskArtifact(artifact_id=BOUND),
        rmos.ListAttachments(run_id=RUN, kind=artifacts.AttachmentKind.SPEC),
        rmos.ListRunAttachments(run_id=RUN, kind=artifacts.AttachmentKind.SPEC, limit=20),
        rmos.RunAttachments(run_id=RUN, items=(ATTACHMENT,), next_cursor="12"),
        rmos.AskAttachment(run_id=RUN, attachment_id=f"att-{SPEC_BLOB.sha256}"),
        rmos.ListRunEvents(run_id=RUN),
        rmos.Events(items=(STORED,)),
        rmos.AskSession(session_id=SESSION),
        rmos.ListSessions(state=sessions.SessionState.APPROVED),
        rmos.Sessions(items=(SESSION_SHOWN,), total=1),
        rmos.AskCatalog(kind="tools"),
        rmos.CatalogEntries(kind="tools", catalog_sha256=CATALOG, items_json="[]"),
        health.AskHealth(),
        health.Health(service="rmos", version="0.1.0", pid=4711, ready=True, lags=(LAG,)),
    )


def _log_examples() -> tuple[Message, ...]:
    kinds = artifacts.ArtifactKind
    return (
        log.RunOpenedV1(run_id=RUN, mode="router", label=ASKED, workflow_session_id=SESSION, context=CONTEXT),
        log.RunOpened(
            run_id=RUN,
            mode="router",
            label=ASKED,
            workflow_session_id=SESSION,
            context=CONTEXT,
            opened_at_utc=NOW,
        ),
        log.ArtifactImported(artifact=_artifact(BOUND, kinds.IMPORTED)),
        log.AttachmentAdded(run_id=RUN, attachment=ATTACHMENT),
        log.AssetsReferenced(run_id=RUN, asset_ids=(ASSET,)),
        log.FeasibilityRecorded(artifact=_artifact(BOUND, kinds.FEASIBILITY)),
        log.CandidateBound(artifact=CANDIDATE),
        log.DesignApproved(artifact=APPROVAL),
        log.DesignRejected(artifact=_artifact(APPROVED, kinds.REJECTION, **REFUSAL)),
        log.RevisionRequired(artifact=_artifact(APPROVED, kinds.REVISION, **REFUSAL)),
        log.ToolpathsDecided(artifact=TOOLPATHS),
        log.VerdictOverridden(artifact=_artifact(APPROVED, kinds.OVERRIDE, parent_artifact_id=BOUND)),
        log.AdvisoryReviewed(run_id=RUN, asset_id=ASSET, rating=4, note="fine petals"),
        log.AdvisoryPromoted(run_id=RUN, asset_id=ASSET, rating=5),
        log.AdvisoryRejected(run_id=RUN, asset_id=ASSET, code=advisories.RejectionCode.DUPLICATE),
        log.RunDeleted(run_id=RUN, reason="opened by mistake", cascaded=True),
        log.SessionOpened(session_id=SESSION, state=_STATES.CONTEXT_READY, mode="ai_assisted", context=CONTEXT),
        log.SessionRunOpened(session_id=SESSION, state=_STATES.CONTEXT_READY, run_id=RUN),
        log.SessionContextSet(session_id=SESSION, state=_STATES.CONTEXT_READY, context=CONTEXT),
        log.SessionDesignSet(
            session_id=SESSION,
            state=_STATES.CONTEXT_READY,
            run_id=RUN,
            design_sha256=DESIGN_SHA256,
            spec=SPEC_BLOB,
            context=CONTEXT,
        ),
        log.SessionRunDeleted(session_id=SESSION, state=_STATES.CONTEXT_READY, run_id=RUN, was_current=True),
        log.SessionFeasibilityRequested(session_id=SESSION, state=_STATES.FEASIBILITY_REQUESTED, run_id=RUN),
        log.SessionFeasibilityStored(
            session_id=SESSION,
            state=_STATES.FEASIBILITY_READY,
            run_id=RUN,
            artifact_id=BOUND,
            digests=DIGESTS,
            risk_level=FEASIBILITY.risk_level,
            score=FEASIBILITY.score,
        ),
        log.SessionApproved.model_validate(_decided(_STATES.APPROVED, digests=DIGESTS)),
        log.SessionRejected.model_validate(_decided(_STATES.REJECTED)),
        log.SessionRevisionRequired.model_validate(_decided(_STATES.DESIGN_REVISION_REQUIRED)),
        log.SessionToolpathsRequested(session_id=SESSION, state=_STATES.TOOLPATHS_REQUESTED, run_id=RUN),
        log.SessionToolpathsStored(
            session_id=SESSION, state=_STATES.TOOLPATHS_READY, run_id=RUN, artifact_id=CUT, gcode_sha256=GCODE.sha256
        ),
        log.SessionToolpathsFailed(session_id=SESSION, state=_STATES.APPROVED, run_id=RUN, artifact_id=CUT),
        log.SessionArchived(session_id=SESSION, state=_STATES.ARCHIVED, note="delivered"),
        log.SessionDeleted(session_id=SESSION, state=_STATES.ARCHIVED, reason="a trial", run_ids=(RUN,)),
        log.BlobsPurged(
            purge_id="purge_01K9XQ3V5T6Y7Z8A9B0C1D2E3P",
            older_than_days=365,
            statuses=("BLOCKED",),
            run_ids=(RUN,),
            digests=(PREVIEW.sha256,),
            bytes_freed=2048,
        ),
        log.SearchConcluded(artifact=_artifact(BOUND, kinds.CONSTRAINT_SEARCH)),
        log.SearchStarted(search_id=SEARCH, run_id=RUN, search=SEARCHED, variant_seed=SEED, started_at_utc=NOW),
        log.SearchProgressedV1(search_id=SEARCH, run_id=RUN, progress=PROGRESS),
        log.SearchProgressed(search_id=SEARCH, run_id=RUN, progress=PROGRESS, attempts=(TRIED,)),
        log.SearchEnded(
            search_id=SEARCH,
            run_id=RUN,
            outcome=search.SearchOutcome.CANCELLED,
            attempts=(TRIED,),
            time_ms=_d("40.5"),
        ),
        log.AiExplanationRequested(
            **EXPLAINED,
            provider="offline",
            prompt_sha256=PROVENANCE.prompt_sha256,
            asked_by=OPERATOR,
            asked_at_utc=NOW,
        ),
        log.AiExplanationReady(
            **EXPLAINED,
            text=_blob(ADVICE, "text/plain"),
            summary=ADVICE,
            provider=PROVENANCE.provider,
            model=PROVENANCE.model_answered,
            ai_call_id=CALL,
            answered_at_utc=NOW,
        ),
        log.AiExplanationFailed(
            **EXPLAINED,
            error=ai_explanations.ExplanationFailure(code=ErrorCode.AI_TIMEOUT, message="no answer within 60 s"),
            answered_at_utc=NOW,
        ),
        log.CatalogEntryAdded(material=BONE, catalog_sha256=CATALOG),
        log.CommandHadNoEffect(command="SetSessionContext", versions={f"session-{SESSION}": 3}),
    )


def _audit_examples() -> tuple[Message, ...]:
    root = sha256_hex(b"root")
    text = "rmos.local/0a1b2c3d4e5f\n2\nhswC0PyqJVQyJqYoMzyvnxpSlUZ7IAzfLYZmrXJkJhE=\n"
    note = f"{text}\n— rmos.local/0a1b2c3d4e5f AAAAAA==\n"
    key = "rmos.local/0a1b2c3d4e5f+9f0b3c1d+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    return (
        audit.AskCheckpoint(),
        audit.SignedCheckpoint(origin="rmos.local/0a1b2c3d4e5f", tree_size=2, root_sha256=root, note=note),
        audit.AskTile(path="tile/0/000.p/2"),
        audit.TileContent(path="tile/0/000.p/2", content_base64="AAAA"),
        audit.AskArtifactProof(artifact_id=BOUND),
        audit.ArtifactProof(
            artifact_id=BOUND,
            position=1,
            leaf_index=0,
            data_json="{}",
            entry="{}",
            leaf_sha256=sha256_hex(b"leaf"),
            tree_size=2,
            root_sha256=root,
            hashes=(sha256_hex(b"other leaf"),),
            checkpoint=note,
            verifier_keys=(key,),
        ),
        audit.AskConsistency(from_size=1, to_size=2),
        audit.ConsistencyProof(
            from_size=1,
            to_size=2,
            from_root_sha256=sha256_hex(b"leaf"),
            to_root_sha256=root,
            hashes=(sha256_hex(b"other leaf"),),
            to_checkpoint=note,
        ),
        audit.AskAttestation(run_id=RUN, up_to_position=2),
        audit.Attestation(
            envelope_json='{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[]}'
        ),
        audit.AskReplay(run_id=RUN),
        audit.Replayed(
            run_id=RUN,
            items=(
                audit.ReplayItem(
                    what="feasibility",
                    of=BOUND,
                    outcome=audit.ReplayOutcome.DRIFT,
                    recorded_sha256=sha256_hex(b"then"),
                    recomputed_sha256=sha256_hex(b"now"),
                    changed=("engine_version", "results.tool_fit"),
                ),
            ),
        ),
        audit.AskCheckpointKeys(),
        audit.CheckpointKeys(origin="rmos.local/0a1b2c3d4e5f", verifier_keys=(key,)),
    )


@cache
def examples() -> dict[type[Message], Message]:
    """Message class -> its example."""
    documents = (SPEC, PARAMETERS, STORED, CANDIDATE, FAILURE)
    groups = (
        _ai_examples(),
        _art_examples(),
        _cam_examples(),
        _rmos_examples(),
        _log_examples(),
        _audit_examples(),
        documents,
    )
    return {type(example): example for group in groups for example in group}
