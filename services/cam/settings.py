"""What cam reads from its environment."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.settings import NatsSettings, ProcessSettings, S3Settings


@dataclass(frozen=True, slots=True)
class CamSettings:
    nats: NatsSettings
    s3: S3Settings
    process: ProcessSettings


def read_settings() -> CamSettings:
    return CamSettings(NatsSettings.read(), S3Settings.read(), ProcessSettings.read())
