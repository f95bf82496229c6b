from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from contracts.subjects import SERVICES
from tests.e2e.stack import Stack


def command_line(pid: int) -> str:
    return subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_five_services_run_as_five_processes(stack: Stack) -> None:
    pids = {service: stack.pid(service) for service in SERVICES}
    assert len(set(pids.values())) == 5
    for service, pid in pids.items():
        assert f"services.{service}" in command_line(pid)


def test_the_stack_file_is_for_its_owner_only_and_names_everything(stack: Stack) -> None:
    path = stack.home / "stack.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    state = stack.state
    assert {"url", "api_keys", "nats_url", "dashboard", "postgres_dsn", "s3", "pids"} <= state.keys()
    assert set(state["api_keys"]) == {"designer", "operator", "auditor", "admin"}


def test_a_second_up_says_that_the_stack_runs_and_where(stack: Stack) -> None:
    again = subprocess.run(
        [sys.executable, "-m", "cli.app", "up", "--home", str(stack.home)], capture_output=True, text=True, check=False
    )
    assert again.returncode == 0
    assert stack.url in again.stdout


def test_status_tells_programs_and_people_that_it_is_ready(stack: Stack) -> None:
    command = [sys.executable, "-m", "cli.app", "status", "--home", str(stack.home)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    told = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    assert json.loads(told.stdout)["ready"] is True


@pytest.mark.parametrize("service", SERVICES)
def test_the_vendor_sdk_is_loaded_by_the_ai_gateway_alone(service: str) -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", f"import services.{service}.app, sys; print('openai' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded.stdout.strip() == str(service == "ai_gateway")


def test_the_vendor_sdk_is_installed_by_the_ai_gateways_extra_alone() -> None:
    carriers = set()
    for text in requires("rmos") or []:
        requirement = Requirement(text)
        if requirement.name == "openai":
            assert requirement.marker is not None
            carriers |= {
                extra for extra in [*SERVICES, "blobs", "embedded", ""] if requirement.marker.evaluate({"extra": extra})
            }
    assert carriers == {"ai_gateway"}


def test_only_the_ai_gateway_gets_provider_keys(stack: Stack) -> None:
    if sys.platform != "linux":
        pytest.skip("reads the environment of a process from /proc, which only Linux has")
    for service in SERVICES:
        environment = Path(f"/proc/{stack.pid(service)}/environ").read_bytes().decode()
        names = {item.partition("=")[0] for item in environment.split("\0")}
        assert not any("POSTGRES" in name for name in names) or service in {"rmos", "art_studio"}
        assert "OPENAI_API_KEY" not in names or service == "ai_gateway"
    assert os.getpid() not in stack.state["pids"].values()
