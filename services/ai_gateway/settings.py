"""What ai_gateway reads from its environment: the one place in the system where providers' variables are named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from runtime.settings import NatsSettings, ProcessSettings, S3Settings, Settings

OPENAI_KEY_VARIABLE, LOCAL_KEY_VARIABLE = "OPENAI_API_KEY", "LOCAL_LLM_API_KEY"
OPENAI_URL = "https://api.openai.com/v1"
Url = Annotated[str, Field(pattern=r"^https?://[^\s/]+(/\S*)?$")]


class ModelSettings(Settings):
    """A provider is configured when its variables are set; `offline` always is."""

    openai_api_key: Annotated[str | None, Field(alias="OPENAI_API_KEY", repr=False)] = None
    openai_model: Annotated[str, Field(alias="OPENAI_MODEL")] = "gpt-6.1-terra"
    openai_image_model: Annotated[str, Field(alias="OPENAI_IMAGE_MODEL")] = "gpt-image-2.5-flare"
    openai_url: Annotated[Url, Field(alias="RMOS_OPENAI_URL")] = OPENAI_URL
    local_url: Annotated[Url | None, Field(alias="LOCAL_LLM_URL")] = None
    local_model: Annotated[str | None, Field(alias="LOCAL_LLM_MODEL")] = None
    local_api_key: Annotated[str, Field(alias=LOCAL_KEY_VARIABLE, repr=False)] = "none-needed"
    provider: Annotated[Literal["openai", "local", "offline", "stub"] | None, Field(alias="RMOS_AI_PROVIDER")] = None
    capture: Annotated[bool, Field(alias="RMOS_AI_CAPTURE")] = False

    @property
    def local_base_url(self) -> str | None:
        """With the path /v1 where only a server was named, as these servers want it."""
        if self.local_url is None:
            return None
        url = self.local_url.rstrip("/")
        return url if url.count("/") > 2 else f"{url}/v1"

    @property
    def missing(self) -> dict[str, str]:
        """Provider that is not configured -> the variable that is missing."""
        missing = {}
        if self.openai_api_key is None:
            missing["openai"] = OPENAI_KEY_VARIABLE
        if self.local_url is None or self.local_model is None:
            missing["local"] = "LOCAL_LLM_URL" if self.local_url is None else "LOCAL_LLM_MODEL"
        return missing

    @property
    def secrets(self) -> tuple[str, ...]:
        """Keys that no prompt may hold. Short ones are placeholders of local servers, and words of ordinary text."""
        keys = (self.openai_api_key, self.local_api_key)
        return tuple(key for key in keys if key is not None and len(key) >= 16)


@dataclass(frozen=True, slots=True)
class AiGatewaySettings:
    nats: NatsSettings
    s3: S3Settings
    process: ProcessSettings
    models: ModelSettings


def read_settings() -> AiGatewaySettings:
    return AiGatewaySettings(NatsSettings.read(), S3Settings.read(), ProcessSettings.read(), ModelSettings.read())
