from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import subjects
from contracts.envelope import Actor, Role
from contracts.errors import ErrorCode, RmosError
from services.gateway.identity import chosen_command_id, chosen_request_id
from tests.gateway.conftest import World

DESIGNER = Actor(id="designer", role=Role.DESIGNER)
OPERATOR = Actor(id="operator", role=Role.OPERATOR)
VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=128)


@given(VISIBLE)
def test_any_128_visible_characters_are_a_request_id(text: str) -> None:
    assert chosen_request_id([text]) == text


@given(st.text(max_size=200))
@settings(max_examples=200)
def test_nothing_else_is_a_request_id(text: str) -> None:
    visible = 1 <= len(text) <= 128 and all("!" <= character <= "~" for character in text)
    if visible:
        assert chosen_request_id([text]) == text
    else:
        with pytest.raises(RmosError) as caught:
            chosen_request_id([text])
        assert caught.value.code is ErrorCode.INVALID_REQUEST


@given(VISIBLE, VISIBLE)
def test_a_command_id_is_one_to_one_with_actor_and_key(one: str, other: str) -> None:
    ids = {chosen_command_id([key], actor) for key in (one, other) for actor in (DESIGNER, OPERATOR)}
    assert len(ids) == 2 * len({one, other})
    assert chosen_command_id([one], DESIGNER) == chosen_command_id([one], DESIGNER)


def test_a_command_id_is_the_same_in_another_process() -> None:
    code = (
        "from contracts.envelope import Actor, Role; from services.gateway.identity import chosen_command_id;"
        "print(chosen_command_id(['my-key'], Actor(id='designer', role=Role.DESIGNER)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert said == chosen_command_id(["my-key"], DESIGNER)


@pytest.mark.parametrize("chosen", ["abc", "{order/7}#1;ü".replace("ü", "u"), "~" * 128, '"quoted"'])
async def test_a_request_id_travels_to_the_bus_and_back(world: World, chosen: str) -> None:
    async with world.client() as client:
        answer = await client.get("/api/runs/x1", headers={"X-Request-ID": chosen})
    assert answer.status_code == 200
    assert answer.headers["X-Request-ID"] == chosen
    assert world.partner.last(subjects.RUN).context.request_id == chosen


@pytest.mark.parametrize("chosen", ["a b", "x" * 129, "tab\there", "umlaut-ü", ""])
async def test_a_request_id_outside_the_rule_is_400_and_goes_nowhere(world: World, chosen: str) -> None:
    async with world.client() as client:
        answer = await client.get("/api/runs/x1", headers={b"X-Request-ID": chosen.encode()})
    assert answer.status_code == 400
    assert answer.json()["error"] == "INVALID_REQUEST"
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"] != chosen
    assert world.partner.asked == []


async def test_two_request_ids_are_refused(world: World) -> None:
    async with world.client() as client:
        answer = await client.get("/api/runs/x1", headers=[("X-Request-ID", "a"), ("X-Request-ID", "b")])
    assert answer.status_code == 400


async def test_without_one_each_request_gets_its_own_id(world: World) -> None:
    async with world.client() as client:
        answers = [await client.get("/api/runs/x1") for _ in range(3)]
    made = [answer.headers["X-Request-ID"] for answer in answers]
    assert len(set(made)) == 3
    assert [asked.context.request_id for asked in world.partner.asked] == made


async def test_an_idempotency_key_names_the_command_and_without_one_each_is_new(world: World) -> None:
    async with world.client() as client:
        for _ in range(2):
            await client.post("/api/runs", json={}, headers={"Idempotency-Key": "order 7".replace(" ", "-")})
        for _ in range(2):
            await client.post("/api/runs", json={})
    contexts = [asked.context for asked in world.partner.asked_of(subjects.OPEN_RUN)]
    assert contexts[0].command_id == contexts[1].command_id
    assert len({context.command_id for context in contexts}) == 3
    assert [context.idempotent for context in contexts] == [True, True, False, False]


@pytest.mark.parametrize("key", ["two words", "x" * 129, ""])
async def test_an_idempotency_key_outside_the_rule_is_400(world: World, key: str) -> None:
    async with world.client() as client:
        answer = await client.post("/api/runs", json={}, headers={"Idempotency-Key": key})
    assert answer.status_code == 400
    assert world.partner.asked == []


async def test_a_command_carries_a_deadline_of_its_class(world: World) -> None:
    before = world.gateway.now_ms()
    async with world.client() as client:
        await client.post("/api/runs", json={})
        await client.post("/api/rmos/toolpaths", json={"artifact_id": "x1"})
    after = world.gateway.now_ms()
    for conversation, patience_ms in ((subjects.OPEN_RUN, 30_000), (subjects.MAKE_TOOLPATHS, 120_000)):
        deadline = world.partner.last(conversation).context.deadline_ms
        assert before + patience_ms <= deadline <= after + patience_ms


@pytest.mark.parametrize(
    ("actor", "status"),
    [
        ("operator", 200),
        ({"id": "operator"}, 200),
        ({"id": "operator", "role": "operator", "kind": "person"}, 200),
        (None, 200),
        ("admin", 403),
        ({"id": "operator", "role": "admin"}, 403),
        ({"id": "operator", "kind": "ai"}, 403),
        ({"id": "somebody"}, 403),
        ({"name": "operator"}, 400),
        (7, 400),
    ],
)
async def test_an_actor_in_a_body_must_be_the_credentials(world: World, actor: object, status: int) -> None:
    async with world.client(Role.OPERATOR) as client:
        body = {"session_id": "s1", "note": "good", "actor": actor}
        answer = await client.post("/api/rmos/workflow/approve", json=body)
    assert answer.status_code == status
    recorded = [asked.context.actor.id for asked in world.partner.asked_of(subjects.APPROVE)]
    assert recorded == (["operator"] if status == 200 else [])


async def test_only_a_w3c_trace_context_is_passed_on(world: World) -> None:
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    async with world.client() as client:
        await client.get("/api/runs/x1", headers={"traceparent": trace})
        await client.get("/api/runs/x1", headers={"traceparent": "anything else"})
    assert [asked.context.traceparent for asked in world.partner.asked] == [trace, None]
