"""Whether the system is there: for supervisors, load balancers and Prometheus."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from services.gateway.calls import GatewayOf
from services.gateway.guard import GuardedRoute
from services.gateway.problems import Reply
from services.gateway.readiness import ReadinessOf

router = APIRouter(route_class=GuardedRoute, tags=["system"])


@router.get("/healthz")
async def healthz(gateway: GatewayOf) -> Reply:
    """200: this process is alive."""
    return Reply({"status": "alive", "service": "gateway", "version": gateway.version, "pid": gateway.pid})


@router.get("/readyz", responses={503: {"description": "Something is missing; the body says what."}})
async def readyz(readiness: ReadinessOf) -> Reply:
    """200 when every service answers that it is ready, the bus is connected and the object store answers."""
    state = await readiness.state()
    return Reply(state, 200 if state["ready"] else 503, headers={} if state["ready"] else {"Retry-After": "1"})


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(gateway: GatewayOf, readiness: ReadinessOf) -> Response:
    """Counters, histograms, and how far projections and checkpoints are behind the log; Prometheus text format."""
    await readiness.measure()
    return Response(gateway.metrics.text(), media_type="text/plain; version=0.0.4")
