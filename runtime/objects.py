"""Objects by name on any S3 endpoint, beside the content-addressed blobs: files that a standard client looks up."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cache, partial
from typing import Any, TypeVar

from runtime.pool import WorkerPool
from runtime.s3 import answering, content_of, s3_client
from runtime.settings import S3Settings

R = TypeVar("R")


class ObjectStore:
    """Put, get, list and remove below one prefix. Every failure is RmosError(UNAVAILABLE)."""

    def __init__(
        self, settings: S3Settings, prefix: str = "", connections: int = 8, pool: WorkerPool | None = None
    ) -> None:
        """With a pool, objects are put by a process of it: a thread of this one would hold Python's lock for a
        millisecond for each (docs/decisions/0013)."""
        self._settings, self._bucket, self._prefix, self._pool = settings, settings.bucket, prefix, pool
        self._client = s3_client(settings, connections)
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="objects")

    async def put(self, name: str, data: bytes, content_type: str) -> None:
        """Store, over what is there; returns once it is stored."""
        await self._put([(name, data)], content_type)

    async def put_all(self, objects: Iterable[tuple[str, bytes]], content_type: str) -> None:
        """Store several at once; some may be stored when it raises."""
        await self._put(list(objects), content_type)

    async def get(self, name: str) -> bytes | None:
        """The content; None when there is no such object."""
        return await self._in_thread(lambda: self.read(name))

    async def get_all(self, names: Iterable[str]) -> list[bytes | None]:
        """In the order of the names."""
        return await _all(self.get(name) for name in names)

    async def names(self, prefix: str) -> list[str]:
        """All names that begin so."""
        return [name for name, _ in await self._in_thread(lambda: self.listed(prefix))]

    async def remove(self, name: str) -> None:
        """One that is not there is fine."""
        await self._in_thread(lambda: self._client.remove_object(self._bucket, self._prefix + name))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def read(self, name: str) -> bytes | None:
        """As `get`, in the caller's thread. Raises runtime.s3.FAILURES."""
        return content_of(self._client, self._bucket, self._prefix + name)

    def listed(self, prefix: str) -> list[tuple[str, int]]:
        """Names that begin so, with their sizes, in the caller's thread. Raises as `read`."""
        entries = self._client.list_objects(self._bucket, prefix=self._prefix + prefix, recursive=True)
        return [((entry.object_name or "").removeprefix(self._prefix), entry.size or 0) for entry in entries]

    def aged(self, prefix: str) -> list[tuple[str, int, datetime | None]]:
        """As `listed`, with the time at which each was last stored; None where the server does not tell."""
        entries = self._client.list_objects(self._bucket, prefix=self._prefix + prefix, recursive=True)
        return [
            ((entry.object_name or "").removeprefix(self._prefix), entry.size or 0, entry.last_modified)
            for entry in entries
        ]

    def put_each(self, objects: Iterable[tuple[str, bytes]], content_type: str) -> None:
        """As `put_all`; the caller waits."""
        with answering():
            for _ in self._threads.map(partial(self._put_one, content_type), objects):
                pass

    async def _put(self, objects: list[tuple[str, bytes]], content_type: str) -> None:
        if self._pool is not None:
            await self._pool.run(_put_in_worker, self._settings, self._prefix, objects, content_type)
        else:
            await _all(self._in_thread(partial(self._put_one, content_type, each)) for each in objects)

    def _put_one(self, content_type: str, each: tuple[str, bytes]) -> None:
        name, data = each
        self._client.put_object(
            self._bucket, self._prefix + name, io.BytesIO(data), len(data), content_type=content_type
        )

    async def _in_thread(self, work: Callable[[], R]) -> R:
        with answering():
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)


async def _all(waiting: Iterable[Coroutine[Any, Any, R]]) -> list[R]:
    return list(await asyncio.gather(*waiting))


@cache
def _store_of_worker(settings: S3Settings, prefix: str) -> ObjectStore:
    return ObjectStore(settings, prefix)


def _put_in_worker(settings: S3Settings, prefix: str, objects: list[tuple[str, bytes]], content_type: str) -> None:
    _store_of_worker(settings, prefix).put_each(objects, content_type)
