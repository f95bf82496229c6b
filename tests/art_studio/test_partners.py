"""art_studio when its partners misbehave. Bus, stores and art_studio are real; at the bus border stand a designer and
an authority that speak contracts.ai and contracts.rmos and do what each test needs of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

import pytest

from contracts import subjects
from contracts.ai import (
    CostStatus,
    GenerateContent,
    GeneratedContent,
    Provenance,
    SafetyCategory,
    SafetyFinding,
)
from contracts.art import GenerateSvg, ListAssets, PromptConstraints, PromptToSvg, VariantStatus
from contracts.artifacts import Attachment, Run
from contracts.canonical import sha256_hex
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.health import AskHealth
from contracts.rmos import AddAttachments, AskRun, Attachments, ReferenceAssets
from contracts.spec import HerringboneRing, Ring, RosetteSpec
from runtime.bus import Bus
from runtime.clock import SystemClock
from runtime.ids import new_id
from runtime.logs import logger
from runtime.testing import PostgresAccess, S3Access
from services.art_studio.app import serve
from services.art_studio.domain.seeds import seed_of_variant
from services.art_studio.handlers.generation import INLINE_SVG_BYTES, VARIANTS_AT_ONCE
from tests.art_studio.specs import spec_of
from tests.art_studio.workshop import DESIGNER, Caller, Workshop, caller, running_workshop

NOW = "2026-11-21T12:00:00.000000Z"
RING = spec_of(Ring(r_inner=50, r_outer=53, material="koa", depth_mm=2), canvas_mm=120)
SEED = 99
Answer = Callable[[int], str]
"""Variant seed -> the text the model answers; it may raise RmosError."""


def answers(spec: RosetteSpec) -> str:
    return spec.model_dump_json()


def record(call: GenerateContent, request: RequestContext, flags: tuple[SafetyFinding, ...] = ()) -> Provenance:
    return Provenance(
        call_id=new_id("call"),
        request_id=request.request_id,
        operation=call.operation,
        category=SafetyCategory.CREATIVE,
        output="json",
        created_at_utc=NOW,
        provider="border",
        allowed=True,
        safety_flags=flags,
        policy_sha256="0" * 64,
        prompt_sha256=sha256_hex(call.prompt.encode()),
        latency_ms=1,
        queue_ms=0,
        cost_status=CostStatus.FREE,
        price_table_sha256="0" * 64,
        variant_seed=call.variant_seed,
        engine_version="border",
    )


@dataclass
class DesignerAtTheBorder:
    """Stands where ai_gateway stands and answers what a test says."""

    answer: Answer = lambda _: answers(RING)
    flags: tuple[SafetyFinding, ...] = ()
    at_once: int = 0
    most_at_once: int = 0

    async def generate(self, call: GenerateContent, request: RequestContext) -> GeneratedContent:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0)  # lets the other variants of the request arrive
            return GeneratedContent(
                text=self.answer(call.variant_seed or 0), provenance=record(call, request, self.flags)
            )
        finally:
            self.at_once -= 1


@dataclass
class AuthorityAtTheBorder:
    """Stands where rmos stands, knows one run, and remembers what it was asked to attach."""

    refuse: RmosError | None = None
    attached: list[AddAttachments] = field(default_factory=list)
    referenced: list[ReferenceAssets] = field(default_factory=list)
    actors: set[str] = field(default_factory=set)

    async def run(self, query: AskRun, request: RequestContext) -> Run:
        return Run(
            run_id=query.run_id,
            created_at_utc=NOW,
            updated_at_utc=NOW,
            position=1,
            mode="router",
            request_id=request.request_id,
            opened_by=DESIGNER.id,
        )

    async def attach(self, command: AddAttachments, request: RequestContext) -> Attachments:
        if self.refuse:
            raise self.refuse
        self.attached.append(command)
        self.actors.add(request.actor.id)
        items = tuple(
            Attachment(
                attachment_id=new.blob.sha256,
                kind=new.kind,
                filename=new.filename,
                content_type=new.blob.content_type,
                size=new.blob.size,
                metadata=new.metadata,
                created_at_utc=NOW,
            )
            for new in command.attachments
        )
        return Attachments(run_id=command.run_id, items=items)

    async def reference(self, command: ReferenceAssets, _: RequestContext) -> ReferenceAssets:
        self.referenced.append(command)
        return command


@dataclass(frozen=True, slots=True)
class Scene:
    ask: Caller
    designer: DesignerAtTheBorder
    authority: AuthorityAtTheBorder


@pytest.fixture(scope="module")
def workshop(postgres_server: PostgresAccess, s3_server: S3Access) -> Iterator[Workshop]:
    with running_workshop(postgres_server, s3_server) as access:
        yield access


@pytest.fixture
async def scene(workshop: Workshop) -> AsyncIterator[Scene]:
    designer, authority = DesignerAtTheBorder(), AuthorityAtTheBorder()
    async with AsyncExitStack() as stack:
        await serve(workshop.art_settings(), stack, logger())
        for user in ("ai_gateway", "rmos"):
            bus = await Bus.connect(workshop.bus_settings(user), user, SystemClock(), logger())
            stack.push_async_callback(bus.close)
            if user == "ai_gateway":
                await bus.serve(subjects.GENERATE_CONTENT, designer.generate)
            else:
                await bus.serve(subjects.RUN, authority.run)
                await bus.serve(subjects.ADD_ATTACHMENTS, authority.attach)
                await bus.serve(subjects.REFERENCE_ASSETS, authority.reference)
        ask = await stack.enter_async_context(caller(workshop))
        yield Scene(ask, designer, authority)


def command(**fields: object) -> PromptToSvg:
    return PromptToSvg.model_validate({"prompt": "a ring", "variant_seed": SEED, **fields})


def failing_at(*failing: int, error: RmosError) -> Answer:
    """Answers RING, but raises for the variants of these indices of a request with seed SEED."""
    seeds = {seed_of_variant(SEED, index) for index in failing}

    def answer(variant_seed: int) -> str:
        if variant_seed in seeds:
            raise error
        return answers(RING)

    return answer


async def test_one_good_variant_makes_the_request_a_success(scene: Scene, workshop: Workshop) -> None:
    scene.designer.answer = failing_at(0, 2, error=RmosError(ErrorCode.AI_TIMEOUT, "no answer in time"))
    reply = await scene.ask(subjects.PROMPT_TO_SVG, command(count=4), "req-partial")
    assert [variant.status for variant in reply.variants] == [
        VariantStatus.ERROR,
        VariantStatus.OK,
        VariantStatus.ERROR,
        VariantStatus.OK,
    ]
    assert (reply.success_count, reply.failure_count) == (2, 2)
    assert reply.variants[0].error.code is ErrorCode.AI_TIMEOUT
    assert reply.variants[0].error.message == "no answer in time"
    assert len(reply.asset_ids) == 1  # both good variants are the same design
    types = [fact["type"] for fact in await workshop.facts("req-partial")]
    assert sorted(types) == ["art.variant_failed.v1"] * 2 + ["art.variant_generated.v1"] * 2


async def test_answers_beyond_the_limits_fail_with_the_limit(scene: Scene) -> None:
    limits = PromptConstraints(materials=("holly",), min_feature_mm=4)
    with pytest.raises(RmosError) as caught:
        await scene.ask(subjects.PROMPT_TO_SVG, command(constraints=limits.model_dump(mode="json")))
    assert caught.value.code is ErrorCode.GENERATION_FAILED
    (variant,) = caught.value.details["variants"]
    assert variant["error"]["code"] == "AI_INVALID_OUTPUT"
    assert len(variant["error"]["details"]["problems"]) == 2


async def test_a_request_asks_for_a_bounded_number_of_variants_at_once(scene: Scene) -> None:
    reply = await scene.ask(subjects.PROMPT_TO_SVG, command(count=10))
    assert reply.success_count == 10
    assert 1 <= scene.designer.most_at_once <= VARIANTS_AT_ONCE


async def test_soft_safety_findings_become_warnings_of_the_variant(scene: Scene) -> None:
    scene.designer.flags = (SafetyFinding(flag="brand_name", action="warn", reason="names a maker"),)
    (variant,) = (await scene.ask(subjects.PROMPT_TO_SVG, command())).variants
    assert variant.safety_flags == scene.designer.flags
    assert variant.warnings == ("SOFT_WARN brand_name: names a maker",)


async def test_a_drawing_too_large_for_the_reply_is_left_to_be_fetched(scene: Scene, workshop: Workshop) -> None:
    wide = HerringboneRing(r_inner=50, r_outer=60, count=720, materials=("ebony", "maple"))
    scene.designer.answer = lambda seed: answers(spec_of(*[wide] * 6, meta={"title": str(seed)}))
    reply = await scene.ask(subjects.PROMPT_TO_SVG, command(count=2))
    inline = [variant.svg is not None for variant in reply.variants]
    assert inline == [True, False]
    assert len(reply.variants[0].svg) <= INLINE_SVG_BYTES
    assert "fetch it by variant_sha256" in reply.variants[1].warnings[-1]
    page = await scene.ask(subjects.ASSETS, ListAssets(request_id=reply.request_id))
    left_out = next(item for item in page.items if item.asset_id == reply.variants[1].asset_id)
    with workshop.blobs() as blobs:
        assert sha256_hex(await blobs.get(left_out.svg)) == reply.variants[1].variant_sha256


async def test_attaching_is_asked_in_the_callers_name(scene: Scene) -> None:
    reply = await scene.ask(subjects.GENERATE_SVG, GenerateSvg(**dict(command(count=2)), run_id="run_1"))
    (attached,) = scene.authority.attached
    assert scene.authority.actors == {DESIGNER.id}
    kinds = sorted(new.kind for new in attached.attachments)
    assert kinds == ["png", "provenance", "provenance", "spec", "svg"]  # one design, two calls
    assert [one.asset_ids for one in scene.authority.referenced] == [reply.asset_ids]
    assert len(reply.attachments) == 5


async def test_a_command_with_a_key_is_done_once_and_answered_alike(scene: Scene) -> None:
    scene.designer.answer = lambda seed: answers(spec_of(RING.shapes[0], meta={"title": str(seed)}))
    generate = GenerateSvg(prompt="a ring", count=2, run_id="run_1")
    first = await scene.ask(subjects.GENERATE_SVG, generate, "req-first", "key-1")
    again = await scene.ask(subjects.GENERATE_SVG, generate, "req-again", "key-1")
    assert again == first
    assert (len(scene.authority.attached), len(scene.authority.referenced)) == (1, 1)
    other = await scene.ask(subjects.GENERATE_SVG, generate, "req-other", "key-2")
    assert set(other.asset_ids).isdisjoint(first.asset_ids)
    for body in (generate.model_copy(update={"prompt": "two rings"}), generate.model_copy(update={"run_id": "run_2"})):
        with pytest.raises(RmosError) as caught:
            await scene.ask(subjects.GENERATE_SVG, body, "req-body", "key-1")
        assert caught.value.code is ErrorCode.IDEMPOTENCY_MISMATCH
    assert len(scene.authority.attached) == 2


async def test_a_command_with_a_key_that_failed_half_way_is_the_same_work_when_it_comes_again(scene: Scene) -> None:
    scene.designer.answer = lambda seed: answers(spec_of(RING.shapes[0], meta={"title": str(seed)}))
    generate = GenerateSvg(prompt="a ring", run_id="run_1")
    scene.authority.refuse = RmosError(ErrorCode.UNAVAILABLE, "the log cannot take it now")
    with pytest.raises(RmosError) as caught:
        await scene.ask(subjects.GENERATE_SVG, generate, "req-half", "key-half")
    scene.authority.refuse = None
    done = await scene.ask(subjects.GENERATE_SVG, generate, "req-whole", "key-half")
    assert list(done.asset_ids) == caught.value.details["asset_ids"]


async def test_when_attaching_fails_the_error_names_the_kept_assets(scene: Scene) -> None:
    scene.authority.refuse = RmosError(ErrorCode.UNAVAILABLE, "the log cannot take it now")
    with pytest.raises(RmosError) as caught:
        await scene.ask(subjects.GENERATE_SVG, GenerateSvg(**dict(command()), run_id="run_1"), "req-kept")
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert caught.value.body.retryable
    kept = await scene.ask(subjects.ASSETS, ListAssets(request_id="req-kept"))
    assert caught.value.details["asset_ids"] == [item.asset_id for item in kept.items]


async def test_when_every_variant_fails_for_want_of_a_service_the_error_is_retryable(scene: Scene) -> None:
    scene.designer.answer = failing_at(0, 1, error=RmosError(ErrorCode.UNAVAILABLE, "ask again"))
    with pytest.raises(RmosError) as caught:
        await scene.ask(subjects.PROMPT_TO_SVG, command(count=2))
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert caught.value.body.retryable
    assert len(caught.value.details["variants"]) == 2


async def test_without_a_designer_on_the_bus_the_error_is_retryable(workshop: Workshop) -> None:
    async with AsyncExitStack() as stack:
        await serve(workshop.art_settings(), stack, logger())
        ask = await stack.enter_async_context(caller(workshop))
        with pytest.raises(RmosError) as caught:
            await ask(subjects.PROMPT_TO_SVG, command())
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert caught.value.body.retryable


async def test_health_names_what_is_missing(postgres_server: PostgresAccess, workshop: Workshop) -> None:
    unmigrated = replace(workshop, database=postgres_server.create_database())
    async with AsyncExitStack() as stack:
        await serve(unmigrated.art_settings(), stack, logger())
        ask = await stack.enter_async_context(caller(workshop))
        health = await ask(subjects.HEALTH["art_studio"], AskHealth())
    assert not health.ready
    assert health.problems == ("asset_index: it answers but is not set up; run the migration step",)
