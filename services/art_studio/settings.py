"""What art_studio reads from its environment."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.settings import NatsSettings, PostgresSettings, ProcessSettings, S3Settings


@dataclass(frozen=True, slots=True)
class ArtSettings:
    nats: NatsSettings
    postgres: PostgresSettings
    s3: S3Settings
    process: ProcessSettings


def read_settings() -> ArtSettings:
    return ArtSettings(NatsSettings.read(), PostgresSettings.read(), S3Settings.read(), ProcessSettings.read())
