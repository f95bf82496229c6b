from __future__ import annotations

import re

import pytest

from contracts.canonical import sha256_hex
from contracts.envelope import Role
from contracts.errors import ErrorCode, RmosError
from services.gateway.access import ENDPOINTS, MAY, Keys, Permission
from tests.gateway.conftest import KEYS, World

OPEN = {("GET", "/healthz"), ("GET", "/readyz")}
ROLES = (Role.DESIGNER, Role.OPERATOR, Role.AUDITOR, Role.ADMIN)
EXPECTED = {
    Permission.READ: {Role.DESIGNER, Role.OPERATOR, Role.AUDITOR, Role.ADMIN},
    Permission.DESIGN: {Role.DESIGNER, Role.OPERATOR, Role.ADMIN},
    Permission.DECIDE: {Role.OPERATOR, Role.ADMIN},
    Permission.AUDIT: {Role.AUDITOR, Role.ADMIN},
    Permission.ADMINISTER: {Role.ADMIN},
    Permission.ADMINISTER: {Role.ADMIN},
}


def a_url(path: str) -> str:
    return re.sub(
        r"\{(\w+)(?::path)?\}", lambda match: {"kind": "tools", "attachment_id": "0" * 64}.get(match[1], "x1"), path
    )


def test_the_roles_may_what_their_names_promise() -> None:
    assert {permission: set(roles) for permission, roles in MAY.items()} == EXPECTED
    assert {key for key, rule in ENDPOINTS.items() if rule.permission is None} == OPEN
    assert all(
        rule.permission in {Permission.READ, Permission.AUDIT}
        for (method, _), rule in ENDPOINTS.items()
        if method == "GET" and rule.permission
    )
    assert not [key for key, rule in ENDPOINTS.items() if key[0] == "POST" and rule.permission is Permission.READ]


@pytest.mark.parametrize("role", ROLES)
async def test_every_endpoint_refuses_exactly_the_roles_that_may_not(world: World, role: Role) -> None:
    async with world.client(role) as client:
        for (method, path), rule in ENDPOINTS.items():
            if path == "/api/events/stream":
                continue  # does not end; its right is that of every reader, tested with the feed
            answer = await client.request(method, a_url(path), json={} if method == "POST" else None)
            allowed = EXPECTED[rule.permission] if rule.permission else set(ROLES)
            may = role in allowed
            assert (answer.status_code == 403) is not may, f"{role} {method} {path}: {answer.text}"
            if not may:
                body = answer.json()
                assert body["error"] == "FORBIDDEN"
                assert set(body["details"]["allowed_roles"]) == {allowed_role.value for allowed_role in allowed}


async def test_without_a_key_only_the_probes_and_the_description_answer(world: World) -> None:
    async with world.client(None) as client:
        for method, path in ENDPOINTS:
            answer = await client.request(method, a_url(path), content=b"\xff{" if method == "POST" else None)
            if (method, path) in OPEN:
                assert answer.status_code == 200
            else:
                assert answer.status_code == 401, path
                assert answer.json()["error"] == "UNAUTHENTICATED"
                assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        for path in ("/openapi.json", "/docs"):
            assert (await client.get(path)).status_code == 200
    assert [asked for asked in world.partner.asked if not asked.conversation.subject.endswith("health.v1")] == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer not-a-key-of-anybody"},
        {"Authorization": f"Basic {KEYS[Role.ADMIN]}"},
        {"Authorization": "Bearer "},
        {"Authorization": KEYS[Role.ADMIN]},
        {"X-API-Key": ""},
        {"X-API-Key": "ключ"},
        {"X-API-Key": KEYS[Role.ADMIN], "Authorization": f"Bearer {KEYS[Role.AUDITOR]}"},
        {"X-API-Key": sha256_hex(KEYS[Role.ADMIN].encode())},
    ],
)
async def test_a_wrong_credential_is_401(world: World, headers: dict[str, str]) -> None:
    async with world.client(None) as client:
        sent = {name.encode(): value.encode() for name, value in headers.items()}
        answer = await client.get("/api/runs", headers=sent)
    assert answer.status_code == 401
    assert answer.json()["error"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("header", ["X-API-Key", "Authorization"])
async def test_both_headers_carry_a_key_and_the_actor_is_the_keys(world: World, header: str) -> None:
    prefix = "bearer " if header == "Authorization" else ""
    async with world.client(None) as client:
        answer = await client.get("/api/runs/x1", headers={header: prefix + KEYS[Role.AUDITOR]})
    assert answer.status_code == 200
    actor = world.partner.asked[-1].context.actor
    assert (actor.id, actor.role.value, actor.kind.value) == ("auditor", "auditor", "person")


def test_an_unknown_key_names_nothing_of_itself() -> None:
    with pytest.raises(RmosError) as caught:
        Keys(KEYS).actor_of({"x-api-key": "super-secret-guess"})
    assert caught.value.code is ErrorCode.UNAUTHENTICATED
    assert "super-secret-guess" not in str(caught.value.body)
