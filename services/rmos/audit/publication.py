"""The log as the world sees it: tiles, entry bundles and the newest checkpoint below a public prefix of the store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from services.rmos.domain.merkle import HASH_BYTES
from services.rmos.domain.tiles import CHECKPOINT_PATH, ENTRIES, Tile, bundle_of, entries_in

PREFIX = "tlog/"
"""Of the object names; what is below it may be served to everybody, as it is."""
_TILE_TYPE = "application/octet-stream"
_NOTE_TYPE = "text/plain; charset=utf-8"


class Objects(Protocol):
    """runtime.objects.ObjectStore, below the prefix."""

    async def put(self, name: str, data: bytes, content_type: str) -> None: ...
    async def put_all(self, objects: Iterable[tuple[str, bytes]], content_type: str) -> None: ...
    async def get(self, name: str) -> bytes | None: ...
    async def names(self, prefix: str) -> list[str]: ...
    async def remove(self, name: str) -> None: ...


class Publication:
    """Every method raises RmosError(UNAVAILABLE) when the object store is away."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def put_tiles(self, tiles: Sequence[tuple[Tile, bytes]]) -> None:
        """All are stored when it returns. Storing one again is harmless: what a tile holds never changes."""
        await self._objects.put_all(((tile.path, content) for tile, content in tiles), _TILE_TYPE)

    async def put_checkpoint(self, note: bytes) -> None:
        """Makes the tree of this size the public one; its tiles must be stored by now."""
        await self._objects.put(CHECKPOINT_PATH, note, _NOTE_TYPE)

    async def checkpoint(self) -> bytes | None:
        """The public note; None before the first one."""
        return await self._objects.get(CHECKPOINT_PATH)

    async def tile(self, tile: Tile) -> bytes | None:
        """The tile, a partial one also out of the full one that replaced it; None when neither is stored."""
        content = await self._objects.get(tile.path)
        if content is None and tile.is_partial:
            full = await self._objects.get(tile.full.path)
            return None if full is None else cut(tile, full)
        return content

    async def drop_partials(self, tile: Tile) -> None:
        """Removes the partial tiles that a full one replaces (tlog-tiles: "MAY delete")."""
        for name in await self._objects.names(tile.partials_prefix):
            await self._objects.remove(name)


def cut(tile: Tile, full: bytes) -> bytes:
    """The partial tile or bundle of this width out of the full one. Raises ValueError for a broken bundle."""
    if tile.level == ENTRIES:
        return bundle_of(entries_in(full)[: tile.width])
    return full[: HASH_BYTES * tile.width]
