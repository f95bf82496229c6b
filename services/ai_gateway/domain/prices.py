"""What a call costs, in integer micro-USD from a committed price table. An unknown price is unknown, never zero."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from contracts.ai import CostStatus, Usage
from contracts.canonical import sha256_hex


class BadPrices(Exception):
    """The price table cannot be read."""


@dataclass(frozen=True, slots=True)
class Price:
    """Micro-USD per million tokens; above `up_to_input_tokens` another, unlisted tier applies."""

    input: int
    cached_input: int
    output: int
    up_to_input_tokens: int | None


@dataclass(frozen=True, slots=True)
class PriceTable:
    sha256: str
    models: Mapping[str, Price]

    def cost(self, provider: str, model: str | None, usage: Usage) -> tuple[int | None, CostStatus]:
        """The call's cost, rounded up to a whole micro-USD, and how far it is known.

        A dated snapshot ("gpt-image-2-2026-04-21") costs what its model costs. Provider `local` is unpriced: its URL
        may be anybody's server.
        """
        if provider == "offline":
            return 0, CostStatus.FREE
        price = self._price(model) if provider == "openai" and model else None
        if price is None or usage.input_tokens is None or usage.output_tokens is None:
            return None, CostStatus.UNPRICED
        if price.up_to_input_tokens is not None and usage.input_tokens > price.up_to_input_tokens:
            return None, CostStatus.UNPRICED
        cached = min(usage.cached_input_tokens or 0, usage.input_tokens)
        scaled = (
            (usage.input_tokens - cached) * price.input
            + cached * price.cached_input
            + usage.output_tokens * price.output
        )
        return -(-scaled // 1_000_000), CostStatus.PRICED

    def _price(self, model: str) -> Price | None:
        stem = model[:-11] if len(model) > 11 and model[-11:].replace("-", "").isdigit() else model
        return self.models.get(model) or self.models.get(stem)


def parse_prices(data: bytes) -> PriceTable:
    """Raises BadPrices."""
    try:
        entries = orjson.loads(data)["models"]
        models = {
            name: Price(
                _whole(entry["input"]),
                _whole(entry["cached_input"]),
                _whole(entry["output"]),
                entry.get("up_to_input_tokens"),
            )
            for name, entry in entries.items()
        }
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadPrices(f"the price table cannot be read: {error}") from error
    return PriceTable(sha256_hex(data), models)


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is no price in whole micro-USD")
    return value
