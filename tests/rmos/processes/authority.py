"""Several real rmos processes on real servers: started, killed, paused, resumed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from runtime.embedded.process import Command, kill_group, spawn
from runtime.settings import NatsSettings, S3Settings
from runtime.testing import DatabaseAccess, NatsAccess, S3Access

REPOSITORY = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Servers:
    """What the processes of one authority share: a migrated database, a bus with the streams, a bucket."""

    nats: NatsAccess
    database: DatabaseAccess
    s3: S3Access

    def bus(self, user: str) -> NatsSettings:
        return NatsSettings(url=self.nats.url, user=user, password=self.nats.passwords[user])

    def blobs(self) -> S3Settings:
        return S3Settings(
            endpoint=self.s3.endpoint,
            access_key=self.s3.access_key,
            secret_key=self.s3.secret_key,
            bucket=self.s3.bucket,
            region=self.s3.region,
        )

    def environment(self) -> dict[str, str]:
        """What `rmos up` gives to an rmos process (runtime.embedded.environments), for these servers."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONUNBUFFERED": "1",
            "TZ": "UTC",
            "RMOS_WORKERS": "1",
            "RMOS_NATS_URL": self.nats.url,
            "RMOS_NATS_USER": "rmos",
            "RMOS_NATS_PASSWORD": self.nats.passwords["rmos"],
            "RMOS_POSTGRES_DSN": self.database.writer_dsn,
            "RMOS_S3_ENDPOINT": self.s3.endpoint,
            "RMOS_S3_ACCESS_KEY": self.s3.access_key,
            "RMOS_S3_SECRET_KEY": self.s3.secret_key,
            "RMOS_S3_BUCKET": self.s3.bucket,
            "RMOS_S3_REGION": self.s3.region,
            "RMOS_S3_SECURE": "false",
            "RMOS_LOG_ORIGIN": "rmos.test/processes",
            "RMOS_CHECKPOINT_KEY": "5e" * 32,
        }


@dataclass
class Authority:
    """The processes, by pid. `started` counts them all, also those that were killed since."""

    servers: Servers
    logs: Path
    processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    started: int = 0

    def start(self) -> int:
        """One more process; its pid."""
        self.started += 1
        command = Command(
            name=f"rmos-{self.started}",
            argv=(sys.executable, "-P", "-m", "services.rmos"),
            env={**self.servers.environment(), "PYTHONPATH": str(REPOSITORY)},
            log_path=self.logs / f"rmos-{self.started}.log",
            cwd=self.logs,
        )
        process = spawn(command)
        self.processes[process.pid] = process
        return process.pid

    def kill(self, pid: int) -> None:
        """SIGKILL, as the kernel does it when memory runs out; its pool workers go with it."""
        process = self.processes.pop(pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kill_group(pid)

    def pause(self, pid: int) -> None:
        self.processes[pid].send_signal(signal.SIGSTOP)

    def resume(self, pid: int) -> None:
        self.processes[pid].send_signal(signal.SIGCONT)

    def leader(self) -> tuple[int, int]:
        """Epoch and pid of the newest term; (0, 0) before the first."""
        with psycopg.connect(self.servers.database.reader_dsn) as auditor:
            row = auditor.execute("SELECT epoch, holder FROM rmos.writer_epochs ORDER BY epoch DESC LIMIT 1").fetchone()
        return (row[0], int(row[1].rpartition(":")[2])) if row is not None else (0, 0)

    def log_text(self) -> str:
        return "".join(path.read_text(errors="replace") for path in sorted(self.logs.glob("rmos-*.log")))


@contextmanager
def authority(servers: Servers, logs: Path, processes: int) -> Iterator[Authority]:
    """So many processes; all of them end with the test, the paused ones too."""
    running = Authority(servers, logs)
    try:
        for _ in range(processes):
            running.start()
        yield running
    finally:
        for pid in list(running.processes):
            running.kill(pid)
