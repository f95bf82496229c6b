"""A search's surroundings without servers: the offline designer called in place, the engine in this process."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass, field

import orjson

from contracts.ai import GenerateContent, GeneratedContent
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.examples import PROVENANCE
from contracts.feasibility import CuttingContext, Feasibility, Mode
from contracts.search import ConstraintSearch, SearchContext
from contracts.spec import RosetteSpec
from runtime.clock import unix_ms
from services.ai_gateway.vendors.offline.parameters import design_parameters
from services.rmos.domain.feasibility import evaluate
from services.rmos.engine import PooledEngine, the_catalog
from services.rmos.handlers.searching import Search, SearchLoop
from tests.rmos.domain import given

CATALOG = the_catalog()
WANTED = SearchContext.model_validate(
    {
        "material_id": "spruce_sitka",
        "tool_id": "flat_1_5875",
        "machine_id": "shapeoko_4_xxl",
        "stock_thickness_mm": "2.8",
        "channel_depth_mm": "1.5",
        "target_inner_diameter_mm": 90,
        "target_outer_diameter_mm": 120,
        "min_rings": 3,
        "max_rings": 6,
        "style": "gothic",
    }
)


@dataclass
class OfflineDesigner:
    """Answers as the offline provider does, with a call id of its own for each call; keeps what it was asked."""

    asked: list[GenerateContent] = field(default_factory=list)
    deadlines_ms: list[int] = field(default_factory=list)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def generate(self, call: GenerateContent, request: RequestContext) -> GeneratedContent:
        self.asked.append(call)
        self.deadlines_ms.append(request.deadline_ms)
        design = design_parameters(call.prompt, call.system_prompt, call.variant_seed)
        return self.answer(orjson.dumps(design).decode())

    def answer(self, text: str) -> GeneratedContent:
        provenance = PROVENANCE.model_copy(update={"call_id": f"call_{next(self.numbers)}"})
        return GeneratedContent(text=text, provenance=provenance)


class Repeating(OfflineDesigner):
    """The same design, always."""

    async def generate(self, call: GenerateContent, request: RequestContext) -> GeneratedContent:
        return await super().generate(call.model_copy(update={"prompt": "{}", "variant_seed": 1}), request)


class Backwards(Repeating):
    """The same design, always; of the calls under way the newest is answered first."""

    async def generate(self, call: GenerateContent, request: RequestContext) -> GeneratedContent:
        place = len(self.asked)
        for _ in range(40 - place):
            await asyncio.sleep(0)
        return await super().generate(call, request)


class Saying(OfflineDesigner):
    """The same text, always."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    async def generate(self, call: GenerateContent, request: RequestContext) -> GeneratedContent:
        self.asked.append(call)
        return self.answer(self._text)


class Failing(OfflineDesigner):
    """The same error, always."""

    def __init__(self, code: ErrorCode) -> None:
        super().__init__()
        self._code = code

    async def generate(self, call: GenerateContent, request: RequestContext) -> GeneratedContent:
        self.asked.append(call)
        raise RmosError(self._code, "no answer", provenance={"call_id": f"call_{next(self.numbers)}"})


class Hanging(OfflineDesigner):
    """Answers the first calls, then never again."""

    def __init__(self, answers: int) -> None:
        super().__init__()
        self._answers = answers

    async def generate(self, call: GenerateContent, request: RequestContext) -> GeneratedContent:
        if len(self.asked) >= self._answers:
            self.asked.append(call)
            await asyncio.Event().wait()
        return await super().generate(call, request)


class HereEngine(PooledEngine):
    """The engine in this process; counts what it judges."""

    def __init__(self) -> None:
        self.catalog = CATALOG
        self.judged: list[RosetteSpec] = []

    async def evaluate(self, spec: RosetteSpec, context: CuttingContext, mode: Mode) -> Feasibility:
        self.judged.append(spec)
        return evaluate(spec, context, CATALOG, mode)


async def unseen(_: Search) -> None:
    """Nobody watches."""


async def searched(
    asked: ConstraintSearch, designer: OfflineDesigner, engine: HereEngine | None = None, seed: int = 7
) -> Search:
    """The search after its loop came to its end."""
    search = Search(asked, seed, given.request(), time.perf_counter())
    await SearchLoop(designer, engine or HereEngine(), lambda: CATALOG, unix_ms).run(search, unseen)
    return search
