"""Costs are whole micro-USD or unknown; retries follow a table."""

from __future__ import annotations

import pytest

from contracts.ai import CostStatus, Usage
from contracts.errors import ErrorCode
from services.ai_gateway.domain.capabilities import capabilities_of
from services.ai_gateway.domain.prices import BadPrices, parse_prices
from services.ai_gateway.domain.retries import delay_before_retry
from services.ai_gateway.tables import load_prices

PRICES = load_prices()


@pytest.mark.parametrize(
    ("model", "usage", "cost"),
    [
        ("gpt-6.1-terra", Usage(input_tokens=1_000_000 // 4, output_tokens=0), 250_000),
        ("gpt-6.1-terra", Usage(input_tokens=1, output_tokens=0), 1),
        ("gpt-6-luna", Usage(input_tokens=1, output_tokens=0), 1),  # a tenth of a micro-USD, rounded up
        ("gpt-6.1-terra-2026-08-01", Usage(input_tokens=100, cached_input_tokens=100, output_tokens=10), 55),
        ("gpt-image-2.5-flare", Usage(input_tokens=20, output_tokens=4000, images=1), 120_100),
    ],
)
def test_a_listed_model_has_a_cost(model: str, usage: Usage, cost: int) -> None:
    assert PRICES.cost("openai", model, usage) == (cost, CostStatus.PRICED)


@pytest.mark.parametrize(
    ("provider", "model", "usage"),
    [
        ("openai", "gpt-99", Usage(input_tokens=1, output_tokens=1)),
        ("openai", "gpt-6-luna", Usage(input_tokens=1)),
        ("openai", "gpt-6-luna", Usage(input_tokens=300_000, output_tokens=1)),
        ("openai", None, Usage(input_tokens=1, output_tokens=1)),
        ("local", "gpt-6-luna", Usage(input_tokens=1, output_tokens=1)),
    ],
)
def test_an_unknown_price_is_unknown_and_not_zero(provider: str, model: str | None, usage: Usage) -> None:
    assert PRICES.cost(provider, model, usage) == (None, CostStatus.UNPRICED)


@pytest.mark.parametrize("table", [b"", b"{}", b'{"models":{"m":{"input":1.5,"cached_input":1,"output":1}}}'])
def test_a_price_table_with_fractions_or_gaps_is_refused(table: bytes) -> None:
    with pytest.raises(BadPrices):
        parse_prices(table)


def delay(code: ErrorCode, failures: int, **changes: object) -> float | None:
    options = {"retryable": True, "retry_after_s": None, "left_s": 60.0, "call_id": "call_1", **changes}
    return delay_before_retry(code, failures=failures, **options)  # type: ignore[arg-type]  # kinds as in the table


def test_delays_double_and_differ_from_call_to_call() -> None:
    first = [delay(ErrorCode.AI_RATE_LIMITED, n) for n in (1, 2, 3)]
    assert all(low <= value <= 2 * low for value, low in zip(first, (0.25, 0.5, 1.0), strict=True) if value)
    assert delay(ErrorCode.AI_RATE_LIMITED, 1, call_id="call_2") != first[0]
    assert delay(ErrorCode.AI_RATE_LIMITED, 1) == first[0]


def test_retries_end_with_the_table_the_deadline_and_the_error() -> None:
    assert delay(ErrorCode.AI_RATE_LIMITED, 4) is None
    assert delay(ErrorCode.AI_TIMEOUT, 2) is None
    assert delay(ErrorCode.AI_REFUSED, 1) is None
    assert delay(ErrorCode.AI_RATE_LIMITED, 1, retryable=False) is None
    assert delay(ErrorCode.AI_RATE_LIMITED, 1, left_s=0.1) is None


def test_a_providers_retry_after_is_honoured_where_the_deadline_allows() -> None:
    assert delay(ErrorCode.AI_RATE_LIMITED, 1, retry_after_s=7.0) == 7.0
    assert delay(ErrorCode.AI_RATE_LIMITED, 1, retry_after_s=7.0, left_s=5.0) is None
    assert delay(ErrorCode.AI_RATE_LIMITED, 1, retry_after_s=3600.0, left_s=7200.0) is None


def test_only_models_that_take_a_temperature_get_one() -> None:
    assert not capabilities_of("openai", "gpt-6.1-terra").temperature
    assert capabilities_of("openai", "gpt-4.1").temperature
    assert capabilities_of("local", "qwen3").temperature
    assert capabilities_of("local", "gpt-5").seed
    assert not capabilities_of("acme", "x").responses_api
