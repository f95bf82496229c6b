"""What a service reads from its environment, once, at its edge."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class SettingsError(Exception):
    """A setting is missing or wrong; the message names the environment variable."""


class Settings(BaseModel):
    """Base: fields are read from the environment variable named by their alias. Secrets stay out of `repr`."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Self:
        """From the given mapping, or from the process' environment."""
        source = os.environ if environment is None else environment
        try:
            return cls.model_validate({name: value for name, value in source.items() if value != ""})
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
            raise SettingsError(f"{wrong} (set it in the environment)") from None


class NatsSettings(Settings):
    url: Annotated[str, Field(alias="RMOS_NATS_URL")]
    user: Annotated[str, Field(alias="RMOS_NATS_USER")]
    password: Annotated[str, Field(alias="RMOS_NATS_PASSWORD", repr=False)]


class PostgresSettings(Settings):
    dsn: Annotated[str, Field(alias="RMOS_POSTGRES_DSN", repr=False)]


class PostgresOwnerSettings(Settings):
    """Rights to change the schema: the migration step has them, no service."""

    dsn: Annotated[str, Field(alias="RMOS_POSTGRES_OWNER_DSN", repr=False)]


class S3Settings(Settings):
    """`endpoint` is host:port without a scheme, as minio-py wants it."""

    endpoint: Annotated[str, Field(alias="RMOS_S3_ENDPOINT")]
    access_key: Annotated[str, Field(alias="RMOS_S3_ACCESS_KEY")]
    secret_key: Annotated[str, Field(alias="RMOS_S3_SECRET_KEY", repr=False)]
    bucket: Annotated[str, Field(alias="RMOS_S3_BUCKET")] = "rmos"
    region: Annotated[str, Field(alias="RMOS_S3_REGION")] = "us-east-1"
    secure: Annotated[bool, Field(alias="RMOS_S3_SECURE")] = False


class ProcessSettings(Settings):
    log_level: Annotated[str, Field(alias="RMOS_LOG_LEVEL")] = "info"
    workers: Annotated[int, Field(alias="RMOS_WORKERS", ge=1, le=256)] = 2
    """Worker processes for CPU work, where the service has any."""
    heartbeat_file: Annotated[Path | None, Field(alias="RMOS_HEARTBEAT_FILE")] = None
    """Touched every few seconds once the service is started, for health checks of containers."""
