"""The ASGI application: routes, errors, description, and the edge around them."""

from __future__ import annotations

from fastapi import FastAPI

from services.gateway import openapi, problems
from services.gateway.access import ENDPOINTS, rule_key
from services.gateway.calls import Gateway
from services.gateway.edge import Edge
from services.gateway.readiness import Readiness
from services.gateway.routes import (
    admin,
    advisories,
    art,
    attachments,
    audit,
    catalog,
    decisions,
    events,
    runs,
    search,
    sessions,
    system,
)

_ROUTERS = (
    runs.router,
    attachments.router,
    decisions.router,
    search.router,
    sessions.router,
    advisories.router,
    admin.router,
    art.router,
    catalog.router,
    events.router,
    audit.router,
    system.router,
)


def application(gateway: Gateway) -> FastAPI:
    """The gateway's application around these parts."""
    app = FastAPI(title="RMOS", version=gateway.version, redirect_slashes=False, openapi_url=None, docs_url=None)
    app.state.gateway = gateway
    app.state.readiness = Readiness(gateway)
    registered: set[tuple[str, str]] = set()
    for router in _ROUTERS:
        app.include_router(router)
        registered |= {rule_key(method, route.path) for route in router.routes for method in route.methods}  # type: ignore[attr-defined]  # every route here is a GuardedRoute
    if missing := ENDPOINTS.keys() - registered:
        raise RuntimeError(f"endpoints with a rule but no route: {sorted(missing)}")
    problems.install(app)
    openapi.install(app, gateway.version)
    app.add_middleware(Edge, gateway=gateway)
    return app
