"""The embedded Postgres server, used directly from the wheel's binaries."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from runtime.embedded.binaries import postgres_bin
from runtime.embedded.errors import EmbeddedError
from runtime.embedded.ports import LOOPBACK
from runtime.embedded.process import Command
from runtime.embedded.process_identity import command_line
from runtime.embedded.server import EmbeddedServer
from runtime.embedded.system_user import make_traversable, server_user

SUPERUSER = "postgres"
_PROBE_TIMEOUT_S = 2


class PostgresServer(EmbeddedServer):
    """Postgres on loopback over TCP with scram passwords; UTF8, C locale, no Unix socket, data under `home/data`.

    As root it runs under a system user of its own, because Postgres refuses root.
    """

    name = "postgres"
    # After kill -9 of the postmaster its children need a moment to notice and to let go of the shared memory.
    retry_reasons = ("pre-existing shared memory block", "lock file", "is still in use")

    def __init__(
        self,
        home: Path,
        port: int,
        superuser_password: str,
        *,
        log_path: Path | None = None,
        options: tuple[str, ...] = (),
    ) -> None:
        """`options`: settings of postgresql.conf (`name=value`) for this server."""
        super().__init__(home, port, log_path=log_path)
        self._superuser_password = superuser_password
        self._options = options
        self._data = self.home / "data"
        self._user: tuple[int, int] | None = None

    def dsn(self, user: str, password: str, dbname: str) -> str:
        """A libpq connection URI."""
        login = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"postgresql://{login}@{LOOPBACK}:{self.port}/{quote(dbname, safe='')}"

    def superuser_dsn(self, dbname: str = "postgres") -> str:
        return self.dsn(SUPERUSER, self._superuser_password, dbname)

    @property
    def superuser_environment(self) -> dict[str, str]:
        """The environment in which libpq programs from the wheel connect as superuser."""
        login = {"PGUSER": SUPERUSER, "PGPASSWORD": self._superuser_password, "PGDATABASE": "postgres"}
        return {**_environment(), "PGHOST": LOOPBACK, "PGPORT": str(self.port), "PGCONNECT_TIMEOUT": "10", **login}

    def prepare(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            self._user = server_user()
            make_traversable(self.home / "data")
            make_traversable(postgres_bin() / "postgres")
            self._own_data(*self._user)
        if not (self._data / "PG_VERSION").exists():
            self._init_data()
        self._forget_stale_lock()

    def command(self) -> Command:
        return Command(
            name=self.name,
            argv=(
                *(str(postgres_bin() / "postgres"), "-D", str(self._data), "-h", LOOPBACK, "-p", str(self.port)),
                *("-k", "", "-c", "max_connections=200"),
                *(part for option in self._options for part in ("-c", option)),
            ),
            env=_environment(),
            log_path=self.log_path,
            cwd=self.home,
            user=self._user,
            stop_signal=signal.SIGINT,  # fast shutdown; SIGTERM would wait for clients for ever
            parent_death_signal=signal.SIGINT,
        )

    def is_ready(self) -> bool:
        """Whether connections are accepted (not while it starts up or recovers)."""
        try:
            probe = subprocess.run(
                [str(postgres_bin() / "pg_isready"), "-q", "-h", LOOPBACK, "-p", str(self.port), "-t", "1"],
                env=_environment(),
                timeout=_PROBE_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
        return probe.returncode == 0

    def _init_data(self) -> None:
        """initdb beside the final place and a rename, so that a kill in the middle leaves no half-made cluster."""
        fresh, password_file = self.home / "data.new", self.home / "superuser.password"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        with open(os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(self._superuser_password)
        user, group = self._user or (None, None)
        if self._user is not None:
            os.chown(fresh, *self._user)
            os.chown(password_file, *self._user)
        try:
            subprocess.run(
                [
                    *(str(postgres_bin() / "initdb"), "-D", str(fresh), "-U", SUPERUSER),
                    *("--pwfile", str(password_file), "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"),
                ],
                env=_environment(),
                cwd=self.home,
                user=user,
                group=group,
                extra_groups=None if user is None else [],
                check=True,
                capture_output=True,
                text=True,
            )
        except subprocess.CalledProcessError as error:
            raise EmbeddedError(f"initdb failed in {fresh}:\n{error.stdout}{error.stderr}") from error
        finally:
            password_file.unlink()
        fresh.rename(self._data)

    def _own_data(self, user: int, group: int) -> None:
        """Hands data over that a normal user, or another machine's system user, wrote."""
        if self._data.exists() and self._data.stat().st_uid != user:
            for path in (self._data, *self._data.rglob("*")):
                os.chown(path, user, group, follow_symlinks=False)

    def _forget_stale_lock(self) -> None:
        """Removes postmaster.pid when its pid now belongs to another program, or to a Postgres on other data: Postgres
        itself only asks whether such a process lives, and would refuse to start."""
        lock = self._data / "postmaster.pid"
        with suppress(FileNotFoundError, ValueError, IndexError):
            owner = command_line(int(lock.read_text(encoding="ascii").splitlines()[0]))
            if owner is None or str(self._data) not in owner:
                lock.unlink()


def _environment() -> dict[str, str]:
    return {"LC_ALL": "C", "TZ": "UTC", "PATH": str(postgres_bin())}
