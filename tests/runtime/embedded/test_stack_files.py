"""Credentials, lock and state files of a stack's home."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.subjects import SERVICES
from runtime.embedded import stack_state
from runtime.embedded.environments import Environments
from runtime.embedded.errors import EmbeddedError, HomeNotWritable, PortInUse
from runtime.embedded.nats import NatsServer
from runtime.embedded.nats_conf import USERS
from runtime.embedded.ports import LOOPBACK
from runtime.embedded.postgres import PostgresServer
from runtime.embedded.process_identity import start_mark
from runtime.embedded.roles import ROLES
from runtime.embedded.s3 import S3Server
from runtime.embedded.stack_config import StackConfig, load_or_create
from runtime.embedded.stack_state import ProcessRecord

LIVE = "import time\nwhile True: time.sleep(60)"


def modes(home: Path) -> dict[str, str]:
    return {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in (home, *home.iterdir())}


@pytest.mark.parametrize("there", [True, False])
def test_a_new_home_is_its_owners_alone(tmp_path: Path, there: bool) -> None:
    home = tmp_path / "home"
    if there:
        home.mkdir(mode=0o755)
    stack_state.make_home(home)
    assert modes(home) == dict.fromkeys(("home", "logs", "nats", "s3"), "0o700")


def test_content_that_an_older_version_left_open_is_closed_and_a_shared_folder_stays_as_it_is(tmp_path: Path) -> None:
    home = tmp_path / "shared"
    (home / "s3").mkdir(parents=True)
    for path in (home, home / "s3"):
        path.chmod(0o755)
    stack_state.make_home(home)
    assert modes(home) == {"shared": "0o755", **dict.fromkeys(("logs", "nats", "s3"), "0o700")}


def test_credentials_are_made_once_and_kept_private(tmp_path: Path) -> None:
    first = load_or_create(tmp_path)
    assert load_or_create(tmp_path) == first
    [path] = tmp_path.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_every_user_and_role_has_a_password_of_its_own(tmp_path: Path) -> None:
    config = load_or_create(tmp_path)
    assert set(config.nats_passwords) == set(USERS)
    assert set(config.postgres_passwords) == set(ROLES)
    secrets = [
        *(*config.nats_passwords.values(), *config.postgres_passwords.values(), *config.api_keys.values()),
        *(config.postgres_superuser_password, config.s3_access_key, config.s3_secret_key),
    ]
    assert len(set(secrets)) == len(secrets)


def test_a_user_that_came_with_a_newer_version_gets_a_password_and_the_others_keep_theirs(tmp_path: Path) -> None:
    config = load_or_create(tmp_path)
    [path] = tmp_path.iterdir()
    older = json.loads(path.read_text())
    del older["nats_passwords"]["cam"]
    path.write_text(json.dumps(older))
    newer = load_or_create(tmp_path)
    assert newer.nats_passwords["cam"] != config.nats_passwords["cam"]
    assert newer.nats_passwords["rmos"] == config.nats_passwords["rmos"]


def test_a_port_taken_meanwhile_is_replaced_but_one_asked_for_is_refused(tmp_path: Path) -> None:
    config = load_or_create(tmp_path)
    with socket.socket() as other:
        other.bind((LOOPBACK, config.ports.nats))
        other.listen()
        assert load_or_create(tmp_path).ports.nats != config.ports.nats
        with pytest.raises(PortInUse, match=str(config.ports.nats)):
            load_or_create(tmp_path, config.ports.nats)


def test_unreadable_credentials_are_never_replaced(tmp_path: Path) -> None:
    load_or_create(tmp_path)
    [path] = tmp_path.iterdir()
    path.write_text("{")
    with pytest.raises(EmbeddedError, match="restore it"):
        load_or_create(tmp_path)
    assert path.read_text() == "{"


def test_a_home_below_a_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HomeNotWritable, match="--home"):
        stack_state.make_home(tmp_path / "file" / "home")


def test_a_home_is_locked_by_one_supervisor_which_it_names(tmp_path: Path) -> None:
    assert not stack_state.is_running(tmp_path)
    with stack_state.locked(tmp_path):
        assert stack_state.is_running(tmp_path)
        assert stack_state.supervisor_pid(tmp_path) == os.getpid()
        with pytest.raises(stack_state.AlreadyRunning), stack_state.locked(tmp_path):
            pass
    assert not stack_state.is_running(tmp_path)
    assert stack_state.supervisor_pid(tmp_path) is None


def test_leftovers_are_stopped_when_their_start_mark_is_ours(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", LIVE], start_new_session=True) as left:
        record = ProcessRecord(name="cam", pid=left.pid, start_mark=start_mark(left.pid), starts=1)
        stack_state.write_processes(tmp_path, [record])
        assert stack_state.stop_leftovers(tmp_path) == ["cam"]
        assert left.wait(10) == -9


def test_a_process_that_got_a_recorded_pid_later_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", LIVE], start_new_session=True) as stranger:
        record = ProcessRecord(name="cam", pid=stranger.pid, start_mark="another/1", starts=1)
        stack_state.write_processes(tmp_path, [record])
        assert stack_state.stop_leftovers(tmp_path) == []
        assert stranger.poll() is None
        stranger.kill()


USER = {
    "PATH": "/bin",
    "SOME_VENDOR_API_KEY": "vendor-key",
    "RMOS_LOG_LEVEL": "debug",
    "RMOS_REQUIRE_APPROVAL": "session",
    "RMOS_HTTP_MAX_STREAMS": "7",
    "RMOS_POSTGRES_OWNER_DSN": "of-another-system",
    "RMOS_API_KEY": "of-a-person",
}


HANDED_ON = ("RMOS_LOG_LEVEL", "RMOS_REQUIRE_APPROVAL", "RMOS_HTTP_MAX_STREAMS")


@pytest.fixture
def environments(tmp_path: Path) -> Environments:
    config = load_or_create(tmp_path)
    return environments_of(config, tmp_path)


def environments_of(config: StackConfig, home: Path) -> Environments:
    return Environments(
        config,
        NatsServer(home, config.ports.nats),
        PostgresServer(home, config.ports.postgres, config.postgres_superuser_password),
        S3Server(home, config.ports.s3, config.s3_access_key, config.s3_secret_key),
        USER,
        "offline",
    )


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_sees_its_own_bus_password_and_nobody_else_s(environments: Environments, service: str) -> None:
    environment = environments.of_service(service)
    seen = " ".join(environment.values())
    passwords = environments.config.nats_passwords
    assert environment["RMOS_NATS_USER"] == service
    assert [user for user, password in passwords.items() if password in seen] == [service]


def test_only_rmos_and_art_studio_reach_postgres_each_under_its_role(environments: Environments) -> None:
    seen = {service: " ".join(environments.of_service(service).values()) for service in SERVICES}
    passwords = environments.config.postgres_passwords
    holders = {role: [name for name, text in seen.items() if password in text] for role, password in passwords.items()}
    assert holders == {"rmos_owner": [], "rmos_writer": ["rmos"], "rmos_reader": [], "art_studio": ["art_studio"]}


def test_vendor_keys_reach_the_ai_gateway_alone(environments: Environments) -> None:
    holders = [name for name in SERVICES if "vendor-key" in environments.of_service(name).values()]
    assert holders == ["ai_gateway"]


def test_api_keys_reach_the_gateway_alone(environments: Environments) -> None:
    key = environments.config.api_keys["admin"]
    assert [name for name in SERVICES if key in " ".join(environments.of_service(name).values())] == ["gateway"]


@pytest.mark.parametrize("service", SERVICES)
def test_settings_are_handed_on_and_credentials_of_other_systems_are_not(
    environments: Environments, service: str
) -> None:
    environment = environments.of_service(service)
    assert {name: environment.get(name) for name in HANDED_ON} == {name: USER[name] for name in HANDED_ON}
    assert not {"of-another-system", "of-a-person"} & set(environment.values())
