"""What a model takes, as tables. A hint that the model does not take is not sent (and so changes nothing)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from contracts.ai import Output


@dataclass(frozen=True, slots=True)
class Capabilities:
    temperature: bool
    seed: bool
    """A best-effort seed, chat completions only."""
    responses_api: bool


_FAMILIES: tuple[tuple[str, str, Capabilities], ...] = (
    # reasoning models answer 400 to any temperature but the default
    ("openai", r"(gpt-[5-9]|o\d)", Capabilities(temperature=False, seed=False, responses_api=True)),
    ("openai", r"gpt-4", Capabilities(temperature=True, seed=False, responses_api=True)),
    ("openai", r"", Capabilities(temperature=False, seed=False, responses_api=True)),
    ("local", r"", Capabilities(temperature=True, seed=True, responses_api=False)),
    ("offline", r"", Capabilities(temperature=False, seed=True, responses_api=False)),
)
"""Provider, start of the model's name, what it takes; the first match holds."""

_NOTHING = Capabilities(temperature=False, seed=False, responses_api=False)

OUTPUTS: dict[str, tuple[Output, ...]] = {
    "openai": ("text", "json", "image"),
    "local": ("text", "json"),
    "offline": ("text", "json", "image"),
}


def capabilities_of(provider: str, model: str) -> Capabilities:
    for name, start, capabilities in _FAMILIES:
        if name == provider and re.match(start, model):
            return capabilities
    return _NOTHING
