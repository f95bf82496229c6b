"""Which providers there are, which are configured, and which one a request gets."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from contracts.ai import GenerateContent, Providers, ProviderStatus
from contracts.errors import ErrorCode, RmosError
from services.ai_gateway.domain.capabilities import OUTPUTS
from services.ai_gateway.ports import Provider

ORDER = ("openai", "local", "offline")
"""The default provider is the first configured one of these."""
ALIASES = {"stub": "offline"}
SLOTS = {"openai": 16, "local": 2, "offline": 8}
"""Calls at a time: a local server computes on one machine, a vendor limits by rate, the offline designer by CPU."""


@dataclass(frozen=True, slots=True)
class Chosen:
    provider: Provider
    model: str
    slots: asyncio.Semaphore


class Registry:
    """`missing` names, per provider that is not configured, the environment variable that would configure it."""

    def __init__(self, configured: Mapping[str, Provider], missing: Mapping[str, str], default: str | None) -> None:
        self._configured = configured
        self._missing = missing
        self._default = default or next(name for name in ORDER if name in configured)
        self._slots = {name: asyncio.Semaphore(SLOTS[name]) for name in configured}

    def chosen(self, request: GenerateContent) -> Chosen:
        """Raises AI_NOT_CONFIGURED naming the variable to set, or INVALID_REQUEST for a name nobody has."""
        asked = request.provider or self._default
        name = ALIASES.get(asked, asked)
        if name not in ORDER:
            raise RmosError(
                ErrorCode.INVALID_REQUEST,
                f"provider: there is no {asked!r}; there are {', '.join(ORDER)}",
                provider=asked,
            )
        if name not in self._configured:
            variable = self._missing[name]
            raise RmosError(
                ErrorCode.AI_NOT_CONFIGURED,
                f"provider {name} is not configured: set {variable} for the AI gateway",
                provider=name,
                variable=variable,
            )
        provider = self._configured[name]
        model = request.model or provider.default_model(request.output)
        if request.output not in OUTPUTS[name] or model is None:
            raise RmosError(
                ErrorCode.INVALID_REQUEST,
                f"provider {name} does not make {request.output}; it makes {', '.join(OUTPUTS[name])}",
                provider=name,
            )
        return Chosen(provider, model, self._slots[name])

    def overview(self) -> Providers:
        return Providers(default_provider=self._default, providers=tuple(self._status(name) for name in ORDER))

    def _status(self, name: str) -> ProviderStatus:
        provider = self._configured.get(name)
        return ProviderStatus(
            name=name,
            configured=provider is not None,
            default_model=None if provider is None else provider.default_model("json"),
            outputs=OUTPUTS[name],
        )
