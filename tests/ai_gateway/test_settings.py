"""What the environment configures."""

from __future__ import annotations

import pytest

from runtime.settings import SettingsError
from services.ai_gateway.app import providers_of, registry_of
from services.ai_gateway.settings import ModelSettings


def default_of(environment: dict[str, str]) -> str:
    settings = ModelSettings.read(environment)
    return registry_of(settings, providers_of(settings)).overview().default_provider


LOCAL = {"LOCAL_LLM_URL": "http://127.0.0.1:11434", "LOCAL_LLM_MODEL": "qwen3:8b"}


@pytest.mark.parametrize(
    ("environment", "default"),
    [
        ({}, "offline"),
        (LOCAL, "local"),
        ({"OPENAI_API_KEY": "k", **LOCAL}, "openai"),
        ({"OPENAI_API_KEY": "k", "RMOS_AI_PROVIDER": "offline"}, "offline"),
        ({"OPENAI_API_KEY": "k", "RMOS_AI_PROVIDER": "stub"}, "offline"),
        ({"OPENAI_API_KEY": ""}, "offline"),
        ({"LOCAL_LLM_URL": "http://127.0.0.1:11434"}, "offline"),
    ],
)
async def test_the_default_is_the_first_configured_provider_or_the_chosen_one(
    environment: dict[str, str], default: str
) -> None:
    assert default_of(environment) == default


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"RMOS_AI_PROVIDER": "openai"}, "OPENAI_API_KEY"),
        ({"RMOS_AI_PROVIDER": "local", "LOCAL_LLM_URL": "http://x"}, "LOCAL_LLM_MODEL"),
        ({"RMOS_AI_PROVIDER": "acme"}, "RMOS_AI_PROVIDER"),
        ({"LOCAL_LLM_URL": "localhost:11434"}, "LOCAL_LLM_URL"),
        ({"RMOS_AI_CAPTURE": "perhaps"}, "RMOS_AI_CAPTURE"),
    ],
)
async def test_a_wrong_setting_is_named(environment: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        default_of(environment)


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://127.0.0.1:11434", "http://127.0.0.1:11434/v1"),
        ("http://127.0.0.1:11434/", "http://127.0.0.1:11434/v1"),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        ("https://models.example/api/v3/", "https://models.example/api/v3"),
    ],
)
def test_a_bare_server_address_gets_the_usual_path(url: str, base: str) -> None:
    assert ModelSettings.read({"LOCAL_LLM_URL": url}).local_base_url == base


def test_keys_stay_out_of_repr() -> None:
    settings = ModelSettings.read(
        {"OPENAI_API_KEY": "canary-key-0123456789", "LOCAL_LLM_API_KEY": "canary-key-local-1"}
    )
    assert "canary" not in repr(settings)
    assert settings.secrets == ("canary-key-0123456789", "canary-key-local-1")
