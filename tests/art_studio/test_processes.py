"""art_studio among its real neighbours: the processes of ai_gateway (offline designer), rmos and art_studio on real
servers, asked over the bus as the gateway asks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from contracts import subjects
from contracts.ai import Provenance
from contracts.art import (
    AskAsset,
    AttachAssets,
    CompileSpec,
    GenerateSvg,
    ListAssets,
    PromptConstraints,
    PromptToSvg,
    VariantStatus,
)
from contracts.artifacts import AttachmentKind
from contracts.blobs import BlobRef
from contracts.canonical import canonical_bytes, sha256_hex
from contracts.errors import ErrorCode, RmosError
from contracts.health import AskHealth
from contracts.params import PatternType, RingParam, RosetteParamSpec
from contracts.rmos import ListAttachments, ListRunEvents, OpenRun
from contracts.spec import HerringboneRing, RosetteSpec
from runtime.blobs import BlobStore
from runtime.ids import new_id
from runtime.testing import PostgresAccess, S3Access
from services.art_studio.domain.compiler import compile_svg
from services.art_studio.domain.seeds import seed_of_variant
from tests.art_studio.pixels import png_size
from tests.art_studio.specs import EVERYTHING, spec_of
from tests.art_studio.workshop import Caller, Workshop, caller, running_services, running_workshop

PETALS = PromptToSvg(prompt="a rosette with 24 petals and an ebony ring", count=3, variant_seed=7)


@pytest.fixture(scope="module")
def workshop(postgres_server: PostgresAccess, s3_server: S3Access) -> Iterator[Workshop]:
    with (
        running_workshop(postgres_server, s3_server) as access,
        running_services(access, "ai_gateway", "rmos", "art_studio"),
    ):
        yield access


@pytest.fixture
async def ask(workshop: Workshop) -> AsyncIterator[Caller]:
    async with caller(workshop) as asking:
        yield asking


@pytest.fixture
def blobs(workshop: Workshop) -> Iterator[BlobStore]:
    with workshop.blobs() as store:
        yield store


def json_ref(sha256: str) -> BlobRef:
    return BlobRef(sha256=sha256, size=0, content_type="application/json")


async def test_a_prompt_becomes_stored_designs_whose_digests_are_those_of_their_content(
    ask: Caller, blobs: BlobStore
) -> None:
    reply = await ask(subjects.PROMPT_TO_SVG, PETALS, "req-content")
    assert (reply.success_count, reply.failure_count, reply.request_id) == (3, 0, "req-content")
    assert [variant.index for variant in reply.variants] == [0, 1, 2]
    for variant, provenance in zip(reply.variants, reply.provenance, strict=True):
        assert variant.spec is not None
        assert variant.svg == compile_svg(variant.spec).decode()
        assert variant.variant_sha256 == sha256_hex(variant.svg.encode())
        svg = BlobRef(sha256=variant.variant_sha256, size=0, content_type="image/svg+xml")
        assert await blobs.get(svg) == variant.svg.encode()
        assert variant.attachment_sha256 == variant.spec_sha256
        assert await blobs.get(json_ref(variant.spec_sha256)) == canonical_bytes(variant.spec)
        assert Provenance.model_validate_json(await blobs.get(json_ref(variant.provenance_sha256))) == provenance
        assert png_size(await blobs.get(variant.preview)) == (1024, 1024)


async def test_the_offline_design_shows_the_asked_number_of_petals(ask: Caller) -> None:
    reply = await ask(subjects.PROMPT_TO_SVG, PETALS)
    for variant in reply.variants:
        assert [shape.petals for shape in variant.spec.shapes if shape.type == "radial_petals"] == [24]


async def test_the_same_seed_gives_the_same_designs_and_another_seed_others(ask: Caller) -> None:
    first = await ask(subjects.PROMPT_TO_SVG, PETALS)
    again = await ask(subjects.PROMPT_TO_SVG, PETALS)
    other = await ask(subjects.PROMPT_TO_SVG, PETALS.model_copy(update={"variant_seed": 8}))
    assert [v.spec_sha256 for v in again.variants] == [v.spec_sha256 for v in first.variants]
    assert again.asset_ids == first.asset_ids
    assert not {v.spec_sha256 for v in other.variants} & {v.spec_sha256 for v in first.variants}
    assert [v.variant_seed for v in first.variants] == [seed_of_variant(7, i) for i in range(3)]


async def test_without_a_seed_one_is_made_which_repeats_the_designs(ask: Caller) -> None:
    unseeded = PETALS.model_copy(update={"variant_seed": None, "count": 1})
    first = await ask(subjects.PROMPT_TO_SVG, unseeded)
    assert first.variant_seed != (await ask(subjects.PROMPT_TO_SVG, unseeded)).variant_seed
    again = await ask(subjects.PROMPT_TO_SVG, unseeded.model_copy(update={"variant_seed": first.variant_seed}))
    assert again.variants[0].spec_sha256 == first.variants[0].spec_sha256


async def test_the_limits_reach_the_designer_and_hold(ask: Caller) -> None:
    limits = PromptConstraints(inner_diameter_mm=90, max_shapes=4, depth_mm=2, materials=("koa", "holly"))
    command = PromptToSvg(prompt="bold rings and tiles", count=2, variant_seed=1, diameter_mm=118, constraints=limits)
    reply = await ask(subjects.PROMPT_TO_SVG, command)
    assert [variant.error for variant in reply.variants] == [None, None]
    for variant in reply.variants:
        assert max(shape.reach for shape in variant.spec.shapes) * 2 <= 118
        assert len(variant.spec.shapes) <= 4


async def test_each_variants_fact_is_stored_before_the_reply(ask: Caller, workshop: Workshop) -> None:
    reply = await ask(subjects.PROMPT_TO_SVG, PETALS, "req-facts")
    facts = [fact for fact in await workshop.facts("req-facts") if fact["type"] == "art.variant_generated.v1"]
    assert {(f["asset_id"], f["svg_sha256"], f["spec_sha256"], f["variant_seed"]) for f in facts} == {
        (v.asset_id, v.variant_sha256, v.spec_sha256, v.variant_seed) for v in reply.variants
    }
    assert {fact["call_id"] for fact in facts} == {provenance.call_id for provenance in reply.provenance}


@pytest.mark.parametrize(
    ("fault", "code"),
    [("refusal", "AI_REFUSED"), ("rate_limited", "AI_RATE_LIMITED"), ("truncated", "AI_INVALID_OUTPUT"),
     ("r_inner_over_r_outer", "AI_INVALID_OUTPUT"), ("off_canvas", "AI_INVALID_OUTPUT")],
)  # fmt: skip
async def test_when_every_variant_fails_the_error_names_each(
    ask: Caller, workshop: Workshop, fault: str, code: str
) -> None:
    request_id = new_id("req")
    with pytest.raises(RmosError) as caught:
        await ask(subjects.PROMPT_TO_SVG, PromptToSvg(prompt=f"rings [[fault:{fault}]]", count=2), request_id)
    assert caught.value.code is ErrorCode.GENERATION_FAILED
    assert [one["error"]["code"] for one in caught.value.details["variants"]] == [code, code]
    facts = [fact for fact in await workshop.facts(request_id) if fact["type"] == "art.variant_failed.v1"]
    assert [fact["error"]["code"] for fact in facts] == [code, code]
    assert all(fact["call_id"] for fact in facts)


@pytest.mark.parametrize("route", ["vector", "auto"])
async def test_routes_that_do_not_exist_yet_say_so(ask: Caller, route: str) -> None:
    with pytest.raises(RmosError, match="not available yet, use direct") as caught:
        await ask(subjects.PROMPT_TO_SVG, PETALS.model_copy(update={"route": route}))
    assert caught.value.code is ErrorCode.INVALID_REQUEST


async def test_a_spec_compiles_to_a_stored_drawing(ask: Caller, blobs: BlobStore) -> None:
    compiled = await ask(subjects.COMPILED_SPEC, CompileSpec(spec=EVERYTHING))
    assert compiled.spec == EVERYTHING
    assert await blobs.get(compiled.svg) == compile_svg(EVERYTHING)


async def test_parameters_compile_to_the_spec_they_mean(ask: Caller) -> None:
    ring = RingParam(ring_index=0, width_mm=3, pattern_type=PatternType.ROPE, material_id="koa")
    design = RosetteParamSpec(inner_diameter_mm=100, outer_diameter_mm=110, ring_params=(ring,), channel_depth_mm=2)
    compiled = await ask(subjects.COMPILED_SPEC, CompileSpec(design=design))
    assert [shape.type for shape in compiled.spec.shapes] == ["circle", "rope_ring"]


async def test_a_spec_of_too_many_pieces_is_an_invalid_spec(ask: Caller) -> None:
    ring = HerringboneRing(r_inner=10, r_outer=20, count=720)
    with pytest.raises(RmosError, match="fewer shapes") as caught:
        await ask(subjects.COMPILED_SPEC, CompileSpec(spec=spec_of(*[ring] * 30)))
    assert caught.value.code is ErrorCode.INVALID_SPEC


async def test_with_a_run_everything_of_every_variant_is_attached_in_the_callers_name(ask: Caller) -> None:
    run = await ask(subjects.OPEN_RUN, OpenRun(label="attach"))
    reply = await ask(subjects.GENERATE_SVG, GenerateSvg(**{**dict(PETALS), "count": 2}, run_id=run.run_id))
    assert reply.run_id == run.run_id
    listed = await ask(subjects.ATTACHMENTS, ListAttachments(run_id=run.run_id))
    assert {item.attachment_id for item in listed.items} == {item.attachment_id for item in reply.attachments}
    for variant in reply.variants:
        parts = {
            AttachmentKind.SVG: variant.variant_sha256,
            AttachmentKind.SPEC: variant.spec_sha256,
            AttachmentKind.PNG: variant.preview.sha256,
            AttachmentKind.PROVENANCE: variant.provenance_sha256,
        }
        own = [item for item in listed.items if item.metadata["asset_id"] == variant.asset_id]
        assert {item.kind: item.attachment_id for item in own} == parts
    events = (await ask(subjects.RUN_EVENTS, ListRunEvents(run_id=run.run_id))).items
    assert {event.type for event in events} >= {"rmos.attachment_added.v1", "rmos.assets_referenced.v1"}
    assert {event.actor.id for event in events if event.type.startswith("rmos.a")} == {"dana"}


async def test_for_an_unknown_run_nothing_is_generated(ask: Caller, workshop: Workshop) -> None:
    with pytest.raises(RmosError) as caught:
        await ask(subjects.GENERATE_SVG, GenerateSvg(**dict(PETALS), run_id="run_none"), "req-no-run")
    assert caught.value.code is ErrorCode.NOT_FOUND
    assert await workshop.facts("req-no-run") == []


async def test_without_a_run_nothing_is_attached(ask: Caller) -> None:
    reply = await ask(subjects.GENERATE_SVG, GenerateSvg(**dict(PETALS)))
    assert (reply.run_id, reply.attachments, reply.success_count) == (None, (), 3)


async def test_assets_are_attached_later_and_once(ask: Caller) -> None:
    generated = await ask(subjects.PROMPT_TO_SVG, PETALS)
    run = await ask(subjects.OPEN_RUN, OpenRun(label="later"))
    command = AttachAssets(run_id=run.run_id, asset_ids=generated.asset_ids)
    first = await ask(subjects.ATTACH_ASSETS, command)
    again = await ask(subjects.ATTACH_ASSETS, command)
    assert first.asset_ids == generated.asset_ids
    assert len(first.attachments) == 4 * len(generated.asset_ids)
    assert {item.attachment_id for item in again.attachments} == {item.attachment_id for item in first.attachments}
    listed = (await ask(subjects.ATTACHMENTS, ListAttachments(run_id=run.run_id))).items
    assert len(listed) == len(first.attachments)


async def test_an_unknown_asset_attaches_nothing(ask: Caller) -> None:
    generated = await ask(subjects.PROMPT_TO_SVG, PETALS)
    run = await ask(subjects.OPEN_RUN, OpenRun(label="unknown asset"))
    command = AttachAssets(run_id=run.run_id, asset_ids=(*generated.asset_ids, "asset_000000000000"))
    with pytest.raises(RmosError) as caught:
        await ask(subjects.ATTACH_ASSETS, command)
    assert caught.value.code is ErrorCode.NOT_FOUND
    assert (await ask(subjects.ATTACHMENTS, ListAttachments(run_id=run.run_id))).items == ()


async def test_an_asset_is_found_by_id_request_and_seed(ask: Caller) -> None:
    command = PETALS.model_copy(update={"variant_seed": 424242})
    reply = await ask(subjects.PROMPT_TO_SVG, command, "req-find")
    variant = reply.variants[1]
    asset = await ask(subjects.ASSET, AskAsset(asset_id=variant.asset_id))
    assert (asset.svg.sha256, asset.spec.sha256) == (variant.variant_sha256, variant.spec_sha256)
    assert asset.prompt_sha256 == sha256_hex(PETALS.prompt.encode())
    by_request = await ask(subjects.ASSETS, ListAssets(request_id="req-find"))
    by_root_seed = await ask(subjects.ASSETS, ListAssets(variant_seed=424242))
    by_own_seed = await ask(subjects.ASSETS, ListAssets(variant_seed=variant.variant_seed))
    assert {item.asset_id for item in by_request.items} == set(reply.asset_ids)
    assert {item.asset_id for item in by_root_seed.items} == set(reply.asset_ids)
    assert [item.asset_id for item in by_own_seed.items] == [variant.asset_id]


async def test_an_unknown_asset_is_not_found(ask: Caller) -> None:
    with pytest.raises(RmosError) as caught:
        await ask(subjects.ASSET, AskAsset(asset_id="asset_ffffffffffff"))
    assert caught.value.code is ErrorCode.NOT_FOUND


async def test_health_says_ready_and_which_compiler(ask: Caller) -> None:
    health = await ask(subjects.HEALTH["art_studio"], AskHealth())
    assert (health.service, health.ready, health.problems) == ("art_studio", True, ())
    assert health.details == {"compiler_version": "1.0.0"}


async def test_an_answer_that_the_model_mends_counts_as_a_success(ask: Caller) -> None:
    """`:once` spoils the first answer of a call only, and the repair mends it: all succeed, with two attempts each."""
    reply = await ask(subjects.PROMPT_TO_SVG, PromptToSvg(prompt="rings [[fault:truncated:once]]", count=2))
    assert reply.success_count == 2
    assert [provenance.repair_rounds for provenance in reply.provenance] == [1, 1]
    assert isinstance(reply.variants[0].spec, RosetteSpec)
    assert reply.variants[0].status is VariantStatus.OK
