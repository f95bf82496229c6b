"""What rmos reads from its environment."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from runtime.settings import NatsSettings, PostgresSettings, ProcessSettings, S3Settings, Settings
from services.rmos.domain.policy import RequireApproval, SafetyPolicy


class PolicySettings(Settings):
    block_on_red: Annotated[bool, Field(alias="RMOS_BLOCK_ON_RED")] = True
    treat_unknown_as_red: Annotated[bool, Field(alias="RMOS_TREAT_UNKNOWN_AS_RED")] = True
    require_approval: Annotated[RequireApproval, Field(alias="RMOS_REQUIRE_APPROVAL")] = RequireApproval.SESSION
    minimum_approval_score: Annotated[Decimal, Field(alias="RMOS_MINIMUM_APPROVAL_SCORE", ge=0, le=100)] = Decimal(70)


@dataclass(frozen=True, slots=True)
class RmosSettings:
    nats: NatsSettings
    postgres: PostgresSettings
    s3: S3Settings
    process: ProcessSettings
    policy: SafetyPolicy


def read_settings() -> RmosSettings:
    policy = PolicySettings.read()
    return RmosSettings(
        nats=NatsSettings.read(),
        postgres=PostgresSettings.read(),
        s3=S3Settings.read(),
        process=ProcessSettings.read(),
        policy=SafetyPolicy(
            block_on_red=policy.block_on_red,
            treat_unknown_as_red=policy.treat_unknown_as_red,
            require_approval=policy.require_approval,
            minimum_approval_score=policy.minimum_approval_score,
        ),
    )
