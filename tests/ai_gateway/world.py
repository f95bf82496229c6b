"""What the gateway's tests share: a handler over in-memory facts and blobs, and requests for it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from contracts.ai import TERMINAL_FACTS, GenerateContent
from contracts.blobs import BlobRef
from contracts.canonical import sha256_hex
from contracts.envelope import SYSTEM_ACTOR, RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.model import Message
from contracts.spec import RosetteSpec
from runtime.clock import unix_ms
from services.ai_gateway.handlers import GenerateContentHandler, Policy, Surroundings
from services.ai_gateway.ports import Provider
from services.ai_gateway.registry import Registry
from services.ai_gateway.tables import load_prices, load_rules
from services.ai_gateway.vendors.offline.provider import OfflineProvider

SCHEMA = orjson.dumps(RosetteSpec.model_json_schema()).decode()


@dataclass
class KeptFacts:
    """Facts in memory; storing fails while `broken` names the fact's class."""

    kept: list[tuple[str, Message]] = field(default_factory=list)
    broken: frozenset[str] = frozenset()

    async def publish_fact(self, fact: Message, fact_id: str, request_id: str, subject: str | None = None) -> None:
        if type(fact).__name__ in self.broken:
            raise RmosError(ErrorCode.UNAVAILABLE, "the fact could not be stored; ask again")
        self.kept.append((fact_id, fact))

    @property
    def names(self) -> list[str]:
        return [type(fact).__name__ for _, fact in self.kept]

    @property
    def terminal(self) -> list[Any]:
        return [fact for _, fact in self.kept if isinstance(fact, TERMINAL_FACTS)]


@dataclass
class KeptBlobs:
    kept: dict[str, bytes] = field(default_factory=dict)
    broken: bool = False

    async def put(self, data: bytes, content_type: str) -> BlobRef:
        if self.broken:
            raise RmosError(ErrorCode.UNAVAILABLE, "the object store does not answer")
        reference = BlobRef(sha256=sha256_hex(data), size=len(data), content_type=content_type)
        self.kept[reference.sha256] = data
        return reference


@dataclass
class World:
    handler: GenerateContentHandler
    facts: KeptFacts
    blobs: KeptBlobs
    slept: list[float]

    async def ask(self, **changes: Any) -> Any:
        deadline_ms = changes.pop("deadline_ms", unix_ms() + 20_000)
        return await self.handler.generate(request(**changes), context(deadline_ms))


def world(
    providers: Mapping[str, Provider] | None = None,
    *,
    policy: Policy | None = None,
    capture: bool = False,
    default: str | None = None,
) -> World:
    facts, blobs, slept = KeptFacts(), KeptBlobs(), []
    ids = itertools.count(1)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    around = Surroundings(
        now_text=lambda: "2026-11-21T12:00:00.000000Z",
        unix_ms=unix_ms,
        new_id=lambda prefix: f"{prefix}_{next(ids)}",
        sleep=sleep,
        engine_version="test",
        capture=capture,
    )
    configured = {"offline": OfflineProvider(), **(providers or {})}
    missing = {"openai": "OPENAI_API_KEY", "local": "LOCAL_LLM_URL"}
    registry = Registry(configured, missing, default)
    handler = GenerateContentHandler(
        registry, policy or Policy(load_rules(), ("canary-key-0123456789",)), load_prices(), facts, blobs, around
    )
    return World(handler, facts, blobs, slept)


def request(**changes: Any) -> GenerateContent:
    base: dict[str, Any] = {
        "operation": "design",
        "output": "json",
        "prompt": "Gothic rosette with 24 petals, 110 mm",
        "variant_seed": 7,
    }
    base.update(changes)
    if base["output"] == "json":
        base = {"schema_name": "RosetteSpec", "output_schema_json": SCHEMA, **base}
    return GenerateContent.model_validate(base)


def context(deadline_ms: int) -> RequestContext:
    return RequestContext(command_id="cmd_1", request_id="req_1", actor=SYSTEM_ACTOR, deadline_ms=deadline_ms)
