from __future__ import annotations

from decimal import Decimal

import pytest

from contracts.errors import ErrorCode, RmosError
from contracts.health import Health, Lag
from contracts.subjects import HEALTH
from runtime import testing
from tests.gateway.conftest import World, a_world


async def test_ready_is_200_when_everything_answers(world: World) -> None:
    async with world.client(None) as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 200
    body = answer.json()
    assert body["ready"] is True
    assert set(body["services"]) == {"rmos", "art_studio", "ai_gateway", "cam"}
    assert all(part["ready"] for part in (*body["services"].values(), body["bus"], body["object_store"]))


@pytest.mark.parametrize("service", list(HEALTH))
@pytest.mark.parametrize("how", ["not ready", "error", "gone"])
async def test_one_service_missing_is_503_and_says_which(world: World, service: str, how: str) -> None:
    if how == "gone":
        await world.partner.buses[service].close()
    elif how == "error":
        world.partner.says(HEALTH[service], RmosError(ErrorCode.INTERNAL, "broken"))
    else:
        sick = Health(service=service, version="1", pid=1, ready=False, problems=("no leader",))
        world.partner.says(HEALTH[service], sick)
    async with world.client(None) as client:
        answer = await client.get("/readyz")
        alive = await client.get("/healthz")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    states = answer.json()["services"]
    assert [name for name, part in states.items() if not part["ready"]] == [service]
    if how == "not ready":
        assert states[service]["problem"] == "no leader"
    assert alive.status_code == 200


async def test_an_object_store_that_does_not_answer_is_503(log_nats: testing.NatsAccess) -> None:
    with testing.running_s3() as s3:
        async with a_world(log_nats, s3) as world, world.client(None) as client:
            assert (await client.get("/readyz")).status_code == 200
            s3.server.stop()
            answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["object_store"]["ready"] is False
    assert all(part["ready"] for part in answer.json()["services"].values())


async def test_metrics_count_requests_by_route_and_status(world: World) -> None:
    async with world.client() as client:
        for run in ("x1", "x2"):
            await client.get(f"/api/runs/{run}")
        await client.get("/api/nothing")
        text = (await client.get("/metrics")).text
    assert 'rmos_http_requests_total{method="GET",route="/api/runs/{run_id}",status="200"} 2.0' in text
    assert 'rmos_http_requests_total{method="GET",route="(none)",status="404"} 1.0' in text
    assert "rmos_http_request_duration_seconds_bucket" in text


async def test_methods_that_a_client_invents_are_counted_as_one(world: World) -> None:
    async with world.client() as client:
        for number in range(3):
            await client.request(f"AAA{number}", "/healthz")
        text = (await client.get("/metrics")).text
    assert "AAA" not in text
    assert 'rmos_http_requests_total{method="other",route="/healthz",status="405"} 3.0' in text


async def test_metrics_say_how_far_projections_and_checkpoints_are_behind_the_log(world: World) -> None:
    lags = (
        Lag(name="checkpoints", position=5, behind_positions=7, behind_s=Decimal("1.25")),
        Lag(name="projections", position=12, behind_positions=0, behind_s=Decimal(0)),
    )
    world.partner.says(HEALTH["rmos"], Health(service="rmos", version="1", pid=1, ready=True, lags=lags))
    async with world.client() as client:
        text = (await client.get("/metrics")).text
        assert 'rmos_log_lag_positions{follower="checkpoints"} 7.0' in text
        assert 'rmos_log_lag_seconds{follower="checkpoints"} 1.25' in text
        assert 'rmos_log_lag_positions{follower="projections"} 0.0' in text
        world.partner.says(HEALTH["rmos"], RmosError(ErrorCode.UNAVAILABLE, "away"))
        assert "rmos_log_lag_positions{" not in (await client.get("/metrics")).text
