"""Wires ai_gateway: the only module here that knows the concrete bus, object store and providers."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from importlib.metadata import version

from contracts import subjects
from contracts.ai import Output
from contracts.envelope import RequestContext
from contracts.health import AskHealth, Health
from runtime.blobs import BlobStore
from runtime.bus import Bus
from runtime.clock import SystemClock, unix_ms, utc_text
from runtime.ids import new_id
from runtime.logs import Logger
from runtime.settings import SettingsError
from services.ai_gateway.domain.safety import BadRules, SafetyRules
from services.ai_gateway.handlers import GenerateContentHandler, Policy, Surroundings
from services.ai_gateway.ports import Provider
from services.ai_gateway.registry import ALIASES, Registry
from services.ai_gateway.settings import LOCAL_KEY_VARIABLE, OPENAI_KEY_VARIABLE, ModelSettings, read_settings
from services.ai_gateway.tables import load_prices, load_rules
from services.ai_gateway.vendors.offline.provider import OfflineProvider
from services.ai_gateway.vendors.openai_sdk import OpenAIProvider

ENGINE_VERSION = "ai-gateway-1"


def providers_of(settings: ModelSettings) -> dict[str, Provider]:
    """Every configured provider by name."""
    configured: dict[str, Provider] = {}
    if settings.openai_api_key is not None:
        models: dict[Output, str] = {
            "text": settings.openai_model,
            "json": settings.openai_model,
            "image": settings.openai_image_model,
        }
        configured["openai"] = OpenAIProvider(
            "openai", settings.openai_url, settings.openai_api_key, models, OPENAI_KEY_VARIABLE
        )
    if settings.local_base_url is not None and settings.local_model is not None:
        local: dict[Output, str] = {"text": settings.local_model, "json": settings.local_model}
        configured["local"] = OpenAIProvider(
            "local", settings.local_base_url, settings.local_api_key, local, LOCAL_KEY_VARIABLE
        )
    configured["offline"] = OfflineProvider()
    return configured


def registry_of(settings: ModelSettings, configured: dict[str, Provider]) -> Registry:
    """Raises SettingsError when RMOS_AI_PROVIDER names a provider that is not configured."""
    default = None if settings.provider is None else ALIASES.get(settings.provider, settings.provider)
    if default is not None and default not in configured:
        raise SettingsError(f"RMOS_AI_PROVIDER is {default}, which needs {settings.missing[default]}")
    return Registry(configured, settings.missing, default)


def _rules(log: Logger) -> SafetyRules | None:
    try:
        return load_rules()
    except (BadRules, OSError) as error:
        log.error("safety_rules_unusable", error=str(error))
        return None


async def start(stack: AsyncExitStack, log: Logger) -> None:
    settings = read_settings()
    configured = providers_of(settings.models)
    for provider in configured.values():
        stack.push_async_callback(provider.close)
    registry = registry_of(settings.models, configured)
    policy = Policy(_rules(log), (*settings.models.secrets, settings.s3.secret_key, settings.nats.password))
    blobs = BlobStore(settings.s3)
    stack.callback(blobs.close)
    clock = SystemClock()
    bus = await Bus.connect(settings.nats, "ai_gateway", clock, log)
    stack.push_async_callback(bus.close)
    around = Surroundings(
        now_text=lambda: utc_text(clock.now()),
        unix_ms=unix_ms,
        new_id=new_id,
        sleep=asyncio.sleep,
        engine_version=ENGINE_VERSION,
        capture=settings.models.capture,
    )
    handler = GenerateContentHandler(registry, policy, load_prices(), bus, blobs, around)

    async def health(_: AskHealth, __: RequestContext) -> Health:
        problems = () if policy.rules else ("the safety rules could not be loaded: every call is blocked",)
        details = {"default_provider": registry.overview().default_provider, "policy_sha256": policy.sha256}
        return Health(
            service="ai_gateway",
            version=version("rmos"),
            pid=os.getpid(),
            ready=not problems,
            problems=problems,
            details=details,
        )

    await bus.serve(subjects.GENERATE_CONTENT, handler.generate)
    await bus.serve(subjects.PROVIDERS, handler.providers)
    await bus.serve(subjects.HEALTH["ai_gateway"], health)
