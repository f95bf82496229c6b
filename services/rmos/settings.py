"""What rmos reads from its environment."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from contracts.gcode_header import LogOrigin
from runtime.settings import NatsSettings, PostgresSettings, ProcessSettings, S3Settings, Settings, SettingsError
from services.rmos.audit.acceptance import SETTING, Acceptance, NotAnAcceptance
from services.rmos.domain.checkpoint import NotAKey, SigningKey, VerifierKey
from services.rmos.domain.policy import OnDrift, RequireApproval, SafetyPolicy


class PolicySettings(Settings):
    block_on_red: Annotated[bool, Field(alias="RMOS_BLOCK_ON_RED")] = True
    treat_unknown_as_red: Annotated[bool, Field(alias="RMOS_TREAT_UNKNOWN_AS_RED")] = True
    allow_red_override: Annotated[bool, Field(alias="RMOS_ALLOW_RED_OVERRIDE")] = False
    require_approval: Annotated[RequireApproval, Field(alias="RMOS_REQUIRE_APPROVAL")] = RequireApproval.SESSION
    minimum_approval_score: Annotated[Decimal, Field(alias="RMOS_MINIMUM_APPROVAL_SCORE", ge=0, le=100)] = Decimal(70)
    on_drift: Annotated[OnDrift, Field(alias="RMOS_ON_DRIFT")] = OnDrift.BLOCK


class CheckpointSettings(Settings):
    origin: Annotated[LogOrigin, Field(alias="RMOS_LOG_ORIGIN")]
    """The log's name in its checkpoints; never changes."""
    key: Annotated[str, Field(alias="RMOS_CHECKPOINT_KEY", repr=False)]
    """The Ed25519 seed that signs, 64 hexadecimal digits."""
    retired: Annotated[str, Field(alias="RMOS_CHECKPOINT_RETIRED_VKEYS")] = ""
    """Public keys of earlier seeds, apart by spaces."""
    accept: Annotated[str, Field(alias="RMOS_ACCEPT_TREE")] = ""
    """What a person accepts where log and mark do not fit, as rmos' log proposed it; mostly nothing."""

    def signing_key(self) -> SigningKey:
        """Raises SettingsError."""
        try:
            return SigningKey.from_hex(self.origin, self.key)
        except NotAKey as error:
            raise SettingsError(f"RMOS_CHECKPOINT_KEY, RMOS_LOG_ORIGIN: {error}") from None

    def verifier_keys(self) -> tuple[VerifierKey, ...]:
        """The key that signs now, then the retired ones. Raises SettingsError."""
        try:
            return (self.signing_key().verifier, *(VerifierKey.parse(text) for text in self.retired.split()))
        except NotAKey as error:
            raise SettingsError(f"RMOS_CHECKPOINT_RETIRED_VKEYS: {error}") from None

    def acceptance(self) -> Acceptance | None:
        """Raises SettingsError."""
        try:
            return Acceptance.parse(self.accept) if self.accept else None
        except NotAnAcceptance as error:
            raise SettingsError(f"{SETTING}: {error}") from None


@dataclass(frozen=True, slots=True)
class RmosSettings:
    nats: NatsSettings
    postgres: PostgresSettings
    s3: S3Settings
    process: ProcessSettings
    policy: SafetyPolicy
    checkpoints: CheckpointSettings


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
            allow_red_override=policy.allow_red_override,
            require_approval=policy.require_approval,
            minimum_approval_score=policy.minimum_approval_score,
            on_drift=policy.on_drift,
        ),
        checkpoints=CheckpointSettings.read(),
    )
