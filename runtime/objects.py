"""Objects by name on any S3 endpoint, beside the content-addressed blobs: files that a standard client looks up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from runtime.s3 import answering, missing, s3_store
from runtime.settings import S3Settings

if TYPE_CHECKING:  # obstore's typed dictionaries are in its stubs only
    from obstore import ObjectMeta

AT_ONCE = 8
"""So many of several objects are on their way together."""


class ObjectStore:
    """Put, get, list and remove below one prefix. Every failure is RmosError(UNAVAILABLE)."""

    def __init__(self, settings: S3Settings, prefix: str = "") -> None:
        self._prefix = prefix
        self._store = s3_store(settings)

    async def put(self, name: str, data: bytes, content_type: str) -> None:
        """Store, over what is there; returns once it is stored."""
        with answering():
            attributes = {"Content-Type": content_type}
            await self._store.put_async(self._prefix + name, data, attributes=attributes, use_multipart=False)

    async def put_all(self, objects: Iterable[tuple[str, bytes]], content_type: str) -> None:
        """Store several at once; some may be stored when it raises."""
        turn = asyncio.Semaphore(AT_ONCE)

        async def put(name: str, data: bytes) -> None:
            async with turn:
                await self.put(name, data, content_type)

        await asyncio.gather(*(put(name, data) for name, data in objects))

    async def get(self, name: str) -> bytes | None:
        """The content; None when there is no such object."""
        with answering():
            try:
                found = await self._store.get_async(self._prefix + name)
                return (await found.bytes_async()).to_bytes()
            except FileNotFoundError as error:
                missing(error)
                return None

    async def names(self, folder: str) -> list[str]:
        """All names below a folder, whose own name ends with a slash; '' is everything."""
        with answering():
            found = await self._store.list(self._prefix + folder).collect_async()
        return [self._name(entry) for entry in found]

    async def remove(self, name: str) -> None:
        """One that is not there is fine."""
        with answering():
            await self._store.delete_async(self._prefix + name)

    def close(self) -> None:
        """Ends the connections."""
        del self._store

    def read(self, name: str) -> bytes | None:
        """As `get`, in the caller's thread. Raises runtime.s3.FAILURES."""
        try:
            return self._store.get(self._prefix + name).bytes().to_bytes()
        except FileNotFoundError as error:
            missing(error)
            return None

    def listed(self, folder: str) -> list[tuple[str, int]]:
        """As `names`, with their sizes, in the caller's thread. Raises as `read`."""
        return [(self._name(entry), entry["size"]) for entry in self._entries(folder)]

    def aged(self, folder: str) -> list[tuple[str, int, datetime]]:
        """As `listed`, with the time at which each was last stored."""
        return [(self._name(entry), entry["size"], entry["last_modified"]) for entry in self._entries(folder)]

    def _entries(self, folder: str) -> Iterator[ObjectMeta]:
        for chunk in self._store.list(self._prefix + folder):
            yield from chunk

    def _name(self, entry: ObjectMeta) -> str:
        return entry["path"].removeprefix(self._prefix)
