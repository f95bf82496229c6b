"""Verdicts on many designs: the same engine, side by side in its processes; nothing is recorded."""

from __future__ import annotations

import asyncio
import time

import orjson
from pydantic import JsonValue, ValidationError

from contracts.canonical import Canonical
from contracts.envelope import RequestContext
from contracts.errors import ErrorBody, ErrorCode, RmosError
from contracts.feasibility import BATCH_PART, BatchItem, EvaluateBatch, batch_reply
from contracts.params import spec_of
from runtime.bus import invalid_request
from runtime.logs import logger
from services.rmos.domain.context import merged
from services.rmos.handlers.desk import milliseconds
from services.rmos.ports import Engine


class BatchHandlers:
    def __init__(self, engine: Engine) -> None:
        self._engine, self._log = engine, logger()

    async def feasibility(self, query: EvaluateBatch, _: RequestContext) -> Canonical:
        """A verdict or an error for each item, in their order (a BatchReply). Raises INVALID_REQUEST when there are no
        items, or more than fit one message."""
        started = time.perf_counter()
        items = _items(query.items_json)
        verdicts = await asyncio.gather(*(self._verdict(item, query) for item in items))
        return batch_reply(verdicts, milliseconds(time.perf_counter() - started))

    async def _verdict(self, item: JsonValue, query: EvaluateBatch) -> Canonical | ErrorBody:
        try:
            asked = _item(item)
            spec = asked.spec if asked.spec is not None else spec_of(asked.design)  # type: ignore[arg-type]  # the message has exactly one
            context = merged(query.context, asked.context)
            return await self._engine.written_verdict(spec, context, query.mode, with_results=query.with_results)
        except RmosError as error:
            return error.body
        except Exception:  # noqa: BLE001 - the edge of one item: recorded here, and no loss to the others
            self._log.exception("batch_item_failed")
            return RmosError(ErrorCode.INTERNAL, "an unexpected error; the service's log names it").body


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
