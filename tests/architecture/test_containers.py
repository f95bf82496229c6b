"""Containers: each service gets its own credentials, and every variable it is given is one that somebody reads."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from contracts.subjects import SERVICES
from runtime.embedded import nats_conf
from runtime.embedded.roles import ROLES
from tests.architecture.source import ROOT, sources

COMPOSE = (ROOT / "docker-compose.yml").read_text("utf-8")


def needed_variables() -> set[str]:
    return set(re.findall(r"\$\{(\w+):\?", COMPOSE))


def section(service: str) -> str:
    """The lines of one service."""
    found = re.search(rf"^  {service}:\n((?:    .*\n|\n)+)", COMPOSE, re.MULTILINE)
    assert found, service
    return found.group(1)


def made_by_make_env(folder: Path) -> dict[str, str]:
    file = folder / "env"
    subprocess.run([ROOT / "deploy/compose/make-env", file], check=True, capture_output=True)
    assert file.stat().st_mode & 0o777 == 0o600
    pairs = (line.split("=", 1) for line in file.read_text().splitlines() if not line.startswith("#"))
    return dict(pairs)


def test_make_env_makes_exactly_the_secrets_that_compose_needs_and_no_two_alike(tmp_path: Path) -> None:
    made = made_by_make_env(tmp_path)
    assert made.keys() == needed_variables()
    assert len(set(made.values())) == len(made)
    origin, seed = made.pop("RMOS_LOG_ORIGIN"), made.pop("RMOS_CHECKPOINT_KEY")
    assert re.fullmatch(r"rmos\.local/[0-9a-f]{12}", origin)
    assert re.fullmatch(r"[0-9a-f]{64}", seed)
    assert all(re.fullmatch(r"k[0-9a-f]{40}", secret) for secret in made.values())


def test_make_env_leaves_an_environment_that_is_there_alone(tmp_path: Path) -> None:
    first = made_by_make_env(tmp_path)
    assert made_by_make_env(tmp_path) == first


def test_make_env_adds_what_a_newer_version_needs_and_keeps_the_rest(tmp_path: Path) -> None:
    first = made_by_make_env(tmp_path)
    file = tmp_path / "env"
    kept = [line for line in file.read_text().splitlines() if not line.startswith("RMOS_NATS_PASSWORD_OPERATOR=")]
    own = "RMOS_HTTP_PORT=9999"  # a person's own last line, without an end
    file.write_text("\n".join([*kept, own]))
    second = made_by_make_env(tmp_path)
    assert second.keys() == {*first, "RMOS_HTTP_PORT"}
    assert file.read_text().splitlines()[:-1] == [*kept, own]
    assert re.fullmatch(r"k[0-9a-f]{40}", second["RMOS_NATS_PASSWORD_OPERATOR"])
    assert second["RMOS_NATS_PASSWORD_OPERATOR"] != first["RMOS_NATS_PASSWORD_OPERATOR"]
    assert list(tmp_path.iterdir()) == [file]


def test_no_secret_has_a_default() -> None:
    assert re.findall(r"\$\{\w*(?:PASSWORD|SECRET|ACCESS_KEY|RMOS_API_KEY)\w*:-", COMPOSE) == []


def test_the_committed_bus_configuration_is_the_generated_one() -> None:
    assert (ROOT / "deploy/nats/nats.conf").read_text("utf-8") == nats_conf.compose_config()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_gets_its_own_bus_user_and_nobody_elses_password(service: str) -> None:
    text = section(service)
    assert f"RMOS_NATS_USER: {service}\n" in text
    assert set(re.findall(r"RMOS_NATS_PASSWORD_(\w+):\?", text)) == {service.upper()}


def test_every_database_role_has_a_password_and_the_owner_is_used_by_the_migration_alone() -> None:
    for role in ROLES:
        assert f"RMOS_POSTGRES_PASSWORD_{role.removeprefix('rmos_').upper()}:" in section("postgres")
    holders = {service for service in SERVICES if "PASSWORD_OWNER" in section(service)}
    assert holders == set()
    assert "PASSWORD_OWNER" in section("migrate")


def test_only_the_service_that_holds_the_vendors_gets_their_keys() -> None:
    assert {service for service in SERVICES if "OPENAI_API_KEY" in section(service)} == {"ai_gateway"}


def test_every_variable_that_a_service_is_given_is_one_that_some_settings_read() -> None:
    read = {name for s in sources() for name in re.findall(r'"([A-Z][A-Z0-9_]+)"', s.text)}
    given = {
        name for service in (*SERVICES, "migrate") for name in re.findall(r"^      ([A-Z]\w+):", section(service), re.M)
    }
    assert given - read == set()
