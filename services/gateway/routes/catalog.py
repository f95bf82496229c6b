"""Materials, tools, machines, and the model providers."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body

from contracts import subjects
from contracts.ai import AskProviders, Providers
from contracts.model import for_people
from contracts.rmos import AddCatalogEntries, AddCatalogEntry, AddedCatalogEntries, AskCatalog
from services.gateway import examples
from services.gateway.bodies import CatalogKind
from services.gateway.calls import CallerOf, message_of
from services.gateway.guard import GuardedRoute
from services.gateway.problems import Reply
from services.gateway.views import catalog_view

router = APIRouter(route_class=GuardedRoute, tags=["catalog"])


@router.get("/api/catalog/{kind}", responses=examples.CATALOG)
async def catalog(kind: CatalogKind, caller: CallerOf) -> Reply:
    """Every entry of a kind; each figure with unit, source and standing (src published, pre earlier, est estimate)."""
    return Reply(catalog_view(await caller.ask(subjects.CATALOG, AskCatalog(kind=kind))))


@router.post("/api/catalog/{kind}", status_code=201, responses=examples.CATALOG_ENTRY)
async def add_catalog_entry(
    kind: CatalogKind, body: Annotated[dict[str, Any], Body(openapi_examples=examples.ADD_ENTRY)], caller: CallerOf
) -> Reply:
    """Add a material, tool or machine of your own. Every figure has its unit, source and standing; an id or alias that
    the catalog has is refused: entries are never replaced."""
    command = message_of(AddCatalogEntry, {kind.removesuffix("s"): body})
    return Reply(for_people(await caller.ask(subjects.ADD_CATALOG_ENTRY, command), exclude_none=True), 201)


@router.post("/api/catalog", status_code=201, response_model=AddedCatalogEntries)
async def add_catalog_entries(
    body: Annotated[AddCatalogEntries, Body(openapi_examples=examples.ADD_ENTRIES)], caller: CallerOf
) -> Reply:
    """Add several entries of your own, all or none: where one is refused nothing is added."""
    return Reply(for_people(await caller.ask(subjects.ADD_CATALOG_ENTRIES, body)), 201)


@router.get("/api/ai/providers", response_model=Providers)
async def providers(caller: CallerOf) -> Reply:
    """Which model providers there are, and which are configured."""
    return Reply(for_people(await caller.ask(subjects.PROVIDERS, AskProviders())))
