"""The environment of each process of the stack: its own credentials and nobody else's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from contracts.subjects import MIGRATE
from runtime.embedded.nats import NatsServer
from runtime.embedded.ports import LOOPBACK
from runtime.embedded.postgres import PostgresServer
from runtime.embedded.roles import ART_STUDIO, DATABASE, OWNER, WRITER
from runtime.embedded.s3 import REGION, S3Server
from runtime.embedded.stack_config import StackConfig

_PLAIN = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV")
_OWNED = (
    *("RMOS_NATS_", "RMOS_POSTGRES_", "RMOS_S3_", "RMOS_HTTP_HOST", "RMOS_HTTP_PORT", "RMOS_API_KEY", "RMOS_HOME"),
    *("RMOS_CHECKPOINT_", "RMOS_LOG_ORIGIN"),
)
"""What the stack itself decides; the user's own variables of these names (for another system, say) stay out."""
AI_GATEWAY = "ai_gateway"


@dataclass(frozen=True, slots=True)
class Environments:
    """Builds the environments from the servers' addresses, the stack's credentials and the user's own environment.

    From the user's environment every process gets a plain few (PATH, HOME, …) and the `RMOS_…` settings such as policy
    and log level. ai_gateway gets all of it: model providers' keys, addresses and proxies live there, their names are
    known to that service alone, and it is the one place where they belong.
    """

    config: StackConfig
    nats: NatsServer
    postgres: PostgresServer
    s3: S3Server
    user: Mapping[str, str]
    provider: str | None = None

    def of_service(self, service: str) -> dict[str, str]:
        """Everything the service's process sees."""
        own: dict[str, str] = {}
        if service == "gateway":
            own = {
                "RMOS_HTTP_HOST": LOOPBACK,
                "RMOS_HTTP_PORT": str(self.config.ports.http),
                "RMOS_API_KEYS": json.dumps(self.config.api_keys),
            }
        elif service == "rmos":
            own = {
                "RMOS_POSTGRES_DSN": self._dsn(WRITER),
                "RMOS_LOG_ORIGIN": self.config.log_origin,
                "RMOS_CHECKPOINT_KEY": self.config.checkpoint_keys[0],
                "RMOS_CHECKPOINT_RETIRED_VKEYS": " ".join(self.config.checkpoint_vkeys[1:]),
            }
        elif service == "art_studio":
            own = {"RMOS_POSTGRES_DSN": self._dsn(ART_STUDIO)}
        elif service == AI_GATEWAY and self.provider is not None:
            own = {"RMOS_AI_PROVIDER": self.provider}
        return {**self._inherited(service), **self._bus(service), **self._blobs(), **own}

    def of_migration(self) -> dict[str, str]:
        """The one process with the rights to change the schema and the streams; it ends before services start."""
        owner = self._dsn(OWNER)
        return {
            **self._inherited("rmos"),
            **self._bus(MIGRATE),
            **self._blobs(),
            "RMOS_POSTGRES_OWNER_DSN": owner,
        }

    def _inherited(self, service: str) -> dict[str, str]:
        kept = {
            name: text
            for name, text in self.user.items()
            if not name.startswith(_OWNED) and (service == AI_GATEWAY or name in _PLAIN or name.startswith("RMOS_"))
        }
        return {**kept, "PYTHONUNBUFFERED": "1", "TZ": "UTC"}

    def _bus(self, user: str) -> dict[str, str]:
        return {
            "RMOS_NATS_URL": self.nats.url,
            "RMOS_NATS_USER": user,
            "RMOS_NATS_PASSWORD": self.config.nats_passwords[user],
        }

    def _blobs(self) -> dict[str, str]:
        return {
            "RMOS_S3_ENDPOINT": self.s3.endpoint,
            "RMOS_S3_ACCESS_KEY": self.config.s3_access_key,
            "RMOS_S3_SECRET_KEY": self.config.s3_secret_key,
            "RMOS_S3_BUCKET": self.s3.bucket,
            "RMOS_S3_REGION": REGION,
            "RMOS_S3_SECURE": "false",
        }

    def _dsn(self, role: str) -> str:
        return self.postgres.dsn(role, self.config.postgres_passwords[role], DATABASE)
