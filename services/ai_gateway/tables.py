"""The committed data files (safety rules, look-alike letters, prices), read from the installed package."""

from __future__ import annotations

from importlib.resources import files

from services.ai_gateway.domain.prices import PriceTable, parse_prices
from services.ai_gateway.domain.safety import SafetyRules, parse_rules


def _data(name: str) -> bytes:
    return (files("services.ai_gateway") / "data" / name).read_bytes()


def load_rules() -> SafetyRules:
    """Raises BadRules or OSError; the caller then runs without rules, which blocks every call."""
    return parse_rules(_data("safety_rules.v1.json"), _data("confusables.v1.json"))


def load_prices() -> PriceTable:
    """Raises BadPrices or OSError: without its price table the gateway does not start."""
    return parse_prices(_data("prices.v1.json"))
