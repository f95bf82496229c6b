"""Materials, tools, machines, and the model providers."""

from __future__ import annotations

from fastapi import APIRouter

from contracts import subjects
from contracts.ai import AskProviders, Providers
from contracts.model import for_people
from contracts.rmos import AskCatalog
from services.gateway import examples
from services.gateway.bodies import CatalogKind
from services.gateway.calls import CallerOf
from services.gateway.guard import GuardedRoute
from services.gateway.problems import Reply
from services.gateway.views import catalog_view

router = APIRouter(route_class=GuardedRoute, tags=["catalog"])


@router.get("/api/catalog/{kind}", responses=examples.CATALOG)
async def catalog(kind: CatalogKind, caller: CallerOf) -> Reply:
    """Every entry of a kind; each figure with unit, source and standing (src published, pre earlier, est estimate)."""
    return Reply(catalog_view(await caller.ask(subjects.CATALOG, AskCatalog(kind=kind))))


@router.get("/api/ai/providers", response_model=Providers)
async def providers(caller: CallerOf) -> Reply:
    """Which model providers there are, and which are configured."""
    return Reply(for_people(await caller.ask(subjects.PROVIDERS, AskProviders())))
