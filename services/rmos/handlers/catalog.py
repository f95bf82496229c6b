"""Customers' own catalog entries: added as events, folded over the packaged catalog, the same in every process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from contracts.catalog import Entry
from contracts.envelope import RequestContext, Role
from contracts.errors import ErrorCode, RmosError
from contracts.log import CatalogEntryAdded, LogEvent
from contracts.model import Message
from contracts.rmos import AddCatalogEntries, AddCatalogEntry, AddedCatalogEntries, CatalogEntry
from runtime.logs import Logger
from services.rmos.domain.catalog import Catalog, entry_in, with_entries
from services.rmos.handlers.desk import Desk

STREAM = "catalog"
REFRESH_S = 1.0
"""Every process reads the stream this often: the leader also before its first command and after each of its own."""


class CatalogUser(Protocol):
    """What judges by the catalog."""

    @property
    def packaged(self) -> Catalog: ...

    @property
    def catalog(self) -> Catalog: ...

    def use(self, own: tuple[Entry, ...], catalog: Catalog) -> None:
        """Judge by `catalog` from now on: the packaged one with these entries."""
        ...


class CatalogHandlers:
    def __init__(self, desk: Desk, user: CatalogUser, log: Logger) -> None:
        self._desk = desk
        self._user = user
        self._log = log
        self._known = 0

    async def add_entry(self, command: AddCatalogEntry, request: RequestContext) -> CatalogEntry:
        """The entry as it was added, also when the command is repeated.

        Raises FORBIDDEN for others than admins, INVALID_REQUEST for an id or alias that the catalog has, a wrong unit
        or an impossible figure; then nothing is recorded.
        """
        (added,) = await self._added(command, (command,), request)
        return CatalogEntry.model_validate(added.model_dump())

    async def add_entries(self, command: AddCatalogEntries, request: RequestContext) -> AddedCatalogEntries:
        """All of them in one transaction; raises as `add_entry` for the first that is refused, also for one that
        clashes with another of the command, and then none is recorded."""
        added = await self._added(command, command.entries, request)
        return AddedCatalogEntries(added=len(added), catalog_sha256=added[-1].catalog_sha256)

    async def _added(
        self, command: Message, entries: Sequence[AddCatalogEntry], request: RequestContext
    ) -> list[CatalogEntryAdded]:
        if request.actor.role is not Role.ADMIN:
            raise RmosError(ErrorCode.FORBIDDEN, f"catalog entries are added by admins, not by {request.actor.role}")
        added = await self._desk.once(command, request, lambda: self._add(command, entries, request), _added_in)
        await self.refresh()
        return added

    async def _add(
        self, command: Message, entries: Sequence[AddCatalogEntry], request: RequestContext
    ) -> list[CatalogEntryAdded]:
        desk = self._desk
        events = await desk.log.read_stream(STREAM)
        own = [entry_in(event) for event in events if isinstance(event, CatalogEntryAdded)]
        catalog, _ = with_entries(self._user.packaged, own)
        added: list[CatalogEntryAdded] = []
        for entry in entries:
            catalog = catalog.with_entry(entry_in(entry))
            added.append(CatalogEntryAdded.model_validate({**entry.model_dump(), "catalog_sha256": catalog.sha256}))
        await desk.record(command, request, {STREAM: len(events)}, [(STREAM, event) for event in added])
        return added

    async def refresh(self) -> None:
        """Brings the catalog of this process to what the log says. Raises UNAVAILABLE."""
        events = await self._desk.log.read_stream(STREAM)
        if len(events) == self._known:
            return
        own = [entry_in(event) for event in events if isinstance(event, CatalogEntryAdded)]
        catalog, hidden = with_entries(self._user.packaged, own)
        if hidden:
            self._log.warning("catalog_entries_hidden", ids=hidden, reason="the packaged catalog has these ids now")
        used = tuple(entry for entry in own if entry.id not in hidden)
        self._user.use(used, catalog)
        self._known = len(events)

    async def keep_fresh(self) -> None:
        """Refreshes for ever; a database that is away is waited for."""
        while True:
            await self.refreshed()
            await asyncio.sleep(REFRESH_S)

    async def refreshed(self) -> None:
        """Returns once the catalog is that of the log."""
        while True:
            try:
                await self.refresh()
                return
            except RmosError as error:
                self._log.warning("catalog_not_read", reason=error.message)
                await asyncio.sleep(REFRESH_S)


def _added_in(recorded: Sequence[LogEvent]) -> list[CatalogEntryAdded]:
    return [event for event in recorded if isinstance(event, CatalogEntryAdded)]
