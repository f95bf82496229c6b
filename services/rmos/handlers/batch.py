"""Verdicts on many designs: the same engine, side by side in its processes; nothing is recorded."""

from __future__ import annotations

import asyncio
import time

import orjson
from pydantic import JsonValue, ValidationError

from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import BATCH_PART, BatchItem, BatchReply, BatchVerdict, EvaluateBatch
from contracts.params import spec_of
from runtime.bus import invalid_request
from services.rmos.domain.context import merged
from services.rmos.handlers.desk import milliseconds
from services.rmos.ports import Engine


class BatchHandlers:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def feasibility(self, query: EvaluateBatch, _: RequestContext) -> BatchReply:
        """A verdict or an error for each item, in their order. Raises INVALID_REQUEST when there are no items, or more
        than fit one message."""
        started = time.perf_counter()
        items = _items(query.items_json)
        verdicts = await asyncio.gather(*(self._verdict(item, query) for item in items))
        return BatchReply(items=tuple(verdicts), compute_ms=milliseconds(time.perf_counter() - started))

    async def _verdict(self, item: JsonValue, query: EvaluateBatch) -> BatchVerdict:
        try:
            asked = _item(item)
            spec = asked.spec if asked.spec is not None else spec_of(asked.design)  # type: ignore[arg-type]  # the message has exactly one
            context = merged(query.context, asked.context)
            verdict = await self._engine.evaluate(spec, context, query.mode)
        except RmosError as error:
            return BatchVerdict(error=error.body)
        if not query.with_results:
            # the digest covers the results: it stays that of the whole verdict
            verdict = verdict.model_copy(update={"results": ()})
        return BatchVerdict(feasibility=verdict)


def _items(text: str) -> list[JsonValue]:
    try:
        items = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise RmosError(ErrorCode.INVALID_REQUEST, f"items_json is not JSON: {error.msg}") from error
    if not isinstance(items, list) or not 1 <= len(items) <= BATCH_PART:
        raise RmosError(ErrorCode.INVALID_REQUEST, f"items_json must be an array of 1 to {BATCH_PART} items")
    return items


def _item(item: JsonValue) -> BatchItem:
    try:
        return BatchItem.model_validate(item)
    except ValidationError as error:
        raise invalid_request(error) from error
