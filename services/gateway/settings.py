"""What the gateway reads from its environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, Json, model_validator

from runtime.settings import NatsSettings, ProcessSettings, S3Settings, Settings

ApiKey = Annotated[str, Field(min_length=16, max_length=512, pattern=r"^[!-~]+$")]
KeyedRole = Literal["designer", "operator", "auditor", "admin"]


class HttpSettings(Settings):
    """Where to listen, who may come in, and how much at once. `RMOS_API_KEYS` is JSON: {"designer": "…", …}."""

    host: Annotated[str, Field(alias="RMOS_HTTP_HOST")] = "127.0.0.1"
    port: Annotated[int, Field(alias="RMOS_HTTP_PORT", ge=0, le=65535)] = 8080
    api_keys: Annotated[
        Json[Annotated[dict[KeyedRole, ApiKey], Field(min_length=1)]], Field(alias="RMOS_API_KEYS", repr=False)
    ]
    max_in_flight: Annotated[int, Field(alias="RMOS_HTTP_MAX_IN_FLIGHT", ge=1)] = 256
    max_streams: Annotated[int, Field(alias="RMOS_HTTP_MAX_STREAMS", ge=1)] = 200
    max_json_bytes: Annotated[int, Field(alias="RMOS_HTTP_MAX_JSON_BYTES", ge=1)] = 10_000_000
    max_multipart_bytes: Annotated[int, Field(alias="RMOS_HTTP_MAX_MULTIPART_BYTES", ge=1)] = 200_000_000

    @model_validator(mode="after")
    def _one_role_a_key(self) -> Self:
        if len(set(self.api_keys.values())) != len(self.api_keys):
            raise ValueError("RMOS_API_KEYS gives one key to two roles")
        return self


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    http: HttpSettings
    nats: NatsSettings
    s3: S3Settings
    process: ProcessSettings


def read_settings() -> GatewaySettings:
    return GatewaySettings(HttpSettings.read(), NatsSettings.read(), S3Settings.read(), ProcessSettings.read())
