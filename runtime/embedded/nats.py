"""The embedded NATS server with JetStream."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

from runtime.embedded.binaries import nats_server
from runtime.embedded.ports import LOOPBACK
from runtime.embedded.process import Command
from runtime.embedded.server import EmbeddedServer

MAX_PAYLOAD_BYTES = 8 * 1024 * 1024
PING_INTERVAL_S = 1
PING_MAX = 4
"""A client that leaves so many pings unanswered is dropped. A paused process is still in its queue groups and would be
given its share of the requests: with NATS' defaults (2 minutes, twice) for up to six minutes."""


def listener_section(host: str, port: int, store_dir: str, *, monitor_port: int | None = None) -> str:
    """The part of the configuration that differs between machines: where to listen and where to store.

    `sync_interval: always` fsyncs before a publish is acknowledged: the log's copy must not lose what it acknowledged.
    """
    lines = [
        f"listen: {json.dumps(f'{host}:{port}')}",
        "server_name: rmos",
        f"max_payload: {MAX_PAYLOAD_BYTES}",
        f'ping_interval: "{PING_INTERVAL_S}s"',
        f"ping_max: {PING_MAX}",
        f"jetstream {{ store_dir: {json.dumps(store_dir)}, sync_interval: always }}",
    ]
    if monitor_port is not None:
        lines.insert(1, f"http: {monitor_port}")
    return "\n".join(lines) + "\n"


class NatsServer(EmbeddedServer):
    """NATS on loopback with its JetStream store under `home`.

    `config_text` is the rest of the configuration: accounts, users and permissions (see runtime.embedded.nats_conf);
    empty means no authentication.
    """

    name = "nats"

    def __init__(self, home: Path, port: int, config_text: str = "", *, log_path: Path | None = None) -> None:
        super().__init__(home, port, log_path=log_path)
        self._config_text = config_text

    @property
    def url(self) -> str:
        return f"nats://{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        store = self.home / "jetstream"
        store.mkdir(parents=True, exist_ok=True)
        config = self.home / "nats.conf"
        # It holds passwords: readable by the owner only, from the first byte.
        with open(os.open(config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(listener_section(LOOPBACK, self.port, str(store)) + self._config_text)

    def command(self) -> Command:
        return Command(
            name=self.name,
            argv=(str(nats_server()), "-c", str(self.home / "nats.conf")),
            env={"HOME": str(self.home), "PATH": ""},
            log_path=self.log_path,
        )

    def is_ready(self) -> bool:
        """The server greets with INFO; it says `jetstream` only once its streams are recovered."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=2) as connection:
                greeting = connection.makefile("rb").readline()
            return greeting.startswith(b"INFO ") and json.loads(greeting[5:]).get("jetstream") is True
        except (OSError, ValueError):
            return False
