"""`rmos up`, `down` and `status` as a person runs them: real servers, stand-in services (see stand_in/README.md)."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from runtime.embedded.ports import LOOPBACK, free_port
from runtime.embedded.process import wait_until
from runtime.embedded.process_identity import start_mark

STAND_IN = Path(__file__).parent / "stand_in"
SERVERS = ("nats", "postgres", "s3")
SERVICES = ("gateway", "ai_gateway", "art_studio", "rmos", "cam")
BACK_WITHIN_S = 10
"""What the system promises after kill -9 of any of its processes."""
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(STAND_IN), "SOME_VENDOR_API_KEY": "vendor-key"}


def rmos(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.app", *arguments]
    return subprocess.run(
        command, env={**ENVIRONMENT, **environment}, capture_output=True, text=True, check=False, timeout=90
    )


@contextmanager
def up(home: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running `rmos up` and its first line; always stopped."""
    command = [sys.executable, "-m", "cli.app", "up", "--home", str(home), *arguments]
    with (
        (home.parent / f"{home.name}.stderr").open("a+") as errors,
        subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            errors.seek(0)
            assert line, errors.read()
            yield process, line
        finally:
            process.terminate()
            process.wait(60)


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rmos-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder) / "home"


@pytest.fixture(scope="module")
def running() -> Iterator[Path]:
    """The home of a stack that runs for all tests of this module that leave it running."""
    with tempfile.TemporaryDirectory(prefix="rmos-test-", ignore_cleanup_errors=True) as folder:
        home = Path(folder) / "home"
        with up(home, "--port", str(free_port())):
            yield home


def stack_of(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home / "stack.json").read_text())
    return found


def is_ready(home: Path) -> bool:
    return rmos("status", "--home", str(home)).returncode == 0


def test_stack_json_tells_how_to_reach_everything_to_its_owner_alone(running: Path) -> None:
    stack = stack_of(running)
    keys = {"checkpoint_vkey", "retired_checkpoint_vkeys", "operator"}
    assert set(stack) == {"url", "api_keys", "nats_url", "dashboard", "postgres_dsn", "s3", "pids", *keys}
    assert set(stack["api_keys"]) == {"designer", "operator", "auditor", "admin"}
    assert set(stack["s3"]) == {"endpoint", "access_key", "secret_key", "bucket", "region"}
    assert set(stack["dashboard"]) == {"user", "password", "inbox_prefix"}
    assert set(stack["pids"]) == {*SERVERS, *SERVICES}
    assert stat.S_IMODE((running / "stack.json").stat().st_mode) == 0o600


def test_nobody_else_can_read_what_lies_in_the_home(running: Path) -> None:
    passing = 0o001 if os.geteuid() == 0 else 0  # Postgres then runs as another user, who must pass through
    folders = [running / name for name in ("logs", "nats", "s3", "s3/data", "nats/jetstream")]
    paths = [*folders, *(running / "logs").iterdir()]
    assert (running / "logs" / "gateway.log") in paths
    modes = {str(path.relative_to(running)): stat.S_IMODE(path.stat().st_mode) & 0o077 for path in paths}
    assert modes == dict.fromkeys(modes, 0)
    assert stat.S_IMODE(running.stat().st_mode) & 0o077 & ~passing == 0


def test_the_auditor_s_database_login_reads_and_cannot_write(running: Path) -> None:
    with psycopg.connect(stack_of(running)["postgres_dsn"]) as auditor:
        assert auditor.execute("SELECT count(*) >= 1 FROM rmos.migrations").fetchone() == (True,)
        auditor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE")
        auditor.commit()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            auditor.execute("INSERT INTO rmos.migrations DEFAULT VALUES")


def test_status_names_every_process(running: Path) -> None:
    answered = rmos("status", "--home", str(running), "--json")
    status = json.loads(answered.stdout)
    assert (answered.returncode, status["running"], status["ready"]) == (0, True, True)
    assert {name: process["pid"] for name, process in status["processes"].items()} == stack_of(running)["pids"]


def test_a_second_up_says_where_the_first_one_runs(running: Path) -> None:
    again = rmos("up", "--home", str(running))
    assert again.returncode == 0
    assert again.stdout == f"RMOS is already running at {stack_of(running)['url']}\n"


@pytest.mark.skipif(sys.platform != "linux", reason="reads environments from /proc")
def test_vendor_keys_are_in_the_ai_gateway_s_process_alone(running: Path) -> None:
    pids = stack_of(running)["pids"]
    holders = [name for name, pid in pids.items() if b"vendor-key" in Path(f"/proc/{pid}/environ").read_bytes()]
    assert holders == ["ai_gateway"]


def test_no_process_shows_a_secret_on_its_command_line(running: Path) -> None:
    stack = stack_of(running)
    shown = subprocess.run(["ps", "axww", "-o", "command"], capture_output=True, text=True, check=True).stdout
    secrets = [*stack["api_keys"].values(), stack["dashboard"]["password"], stack["s3"]["secret_key"]]
    assert [secret for secret in secrets if secret in shown] == []


@pytest.mark.parametrize("name", [*SERVERS, *SERVICES])
def test_a_process_killed_by_9_is_back_and_everything_ready_within_10_s(running: Path, name: str) -> None:
    killed = stack_of(running)["pids"][name]
    os.kill(killed, signal.SIGKILL)
    assert wait_until(lambda: stack_of(running)["pids"].get(name) not in (killed, None), BACK_WITHIN_S)
    assert wait_until(lambda: is_ready(running), BACK_WITHIN_S, interval_s=0.3)


def test_a_restart_keeps_credentials_address_and_data(home: Path) -> None:
    with up(home, "--port", str(free_port())) as (process, line):
        first = stack_of(home)
        assert line == f"RMOS is ready at {first['url']}\n"
        assert rmos("down", "--home", str(home)).returncode == 0
        assert process.wait(30) == 0
        assert process.stdout is not None
        assert process.stdout.read() == ""
    assert not (home / "stack.json").exists()
    assert rmos("status", "--home", str(home)).returncode == 1
    assert [name for name, pid in first["pids"].items() if start_mark(pid) is not None] == []
    with up(home):
        second = stack_of(home)
        with psycopg.connect(second["postgres_dsn"]) as auditor:
            assert auditor.execute("SELECT count(*) FROM rmos.migrations").fetchone() == (2,)
    assert {**first, "pids": {}} == {**second, "pids": {}}


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal exists on Linux only")
def test_after_kill_9_of_the_supervisor_nothing_stays_and_the_next_up_works(home: Path) -> None:
    with up(home, "--port", str(free_port())) as (process, _):
        pids = stack_of(home)["pids"]
        process.kill()
        assert wait_until(lambda: not any(start_mark(pid) for pid in pids.values()), timeout_s=15)
    assert rmos("status", "--home", str(home)).returncode == 1
    with up(home):
        assert is_ready(home)


@pytest.mark.parametrize(
    ("broken", "last_words"),
    [("cam", "cam has lost its catalog"), ("migrate", "the schema is newer than this program")],
)
def test_a_stack_that_cannot_get_ready_says_why_and_leaves_nothing_running(
    home: Path, broken: str, last_words: str
) -> None:
    answered = rmos("up", "--home", str(home), "--port", str(free_port()), RMOS_STAND_IN_BROKEN=broken)
    assert (answered.returncode, answered.stdout) == (1, "")
    assert last_words in answered.stderr
    shown = subprocess.run(["ps", "axww", "-o", "command"], capture_output=True, text=True, check=True).stdout
    assert str(home) not in shown


def test_restarts_are_on_record_in_the_log_of_the_supervisor(running: Path) -> None:
    killed = stack_of(running)["pids"]["cam"]
    os.kill(killed, signal.SIGKILL)
    log = running / "logs" / "supervisor.log"
    assert wait_until(lambda: "cam ended with status -9" in log.read_text(), timeout_s=10)
    assert wait_until(lambda: is_ready(running), BACK_WITHIN_S, interval_s=0.3)


def test_down_with_nothing_running_is_fine(home: Path) -> None:
    answered = rmos("down", "--home", str(home))
    assert (answered.returncode, answered.stdout) == (0, f"no stack is running in {home}\n")


def test_a_port_in_use_is_named_and_nothing_is_started(home: Path) -> None:
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        port = other.getsockname()[1]
        answered = rmos("up", "--home", str(home), "--port", str(port))
    assert answered.returncode == 2
    assert f"port {port} (HTTP) is already in use" in answered.stderr
    assert answered.stdout == ""


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    answered = rmos("up", "--home", str(tmp_path / "file" / "home"))
    assert answered.returncode == 2
    assert f"cannot write to {tmp_path / 'file' / 'home'}" in answered.stderr


def test_a_wrong_option_is_a_usage_error() -> None:
    assert rmos("up", "--port", "0").returncode == 2
