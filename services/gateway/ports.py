"""What the endpoints need from the world, as they see it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Any, BinaryIO, Protocol

from contracts.blobs import BlobRef
from contracts.envelope import RequestContext
from contracts.model import Message
from contracts.subjects import Conversation
from services.gateway.feed.event import FeedEvent


class Requests(Protocol):
    """The bus, as one that only asks."""

    @property
    def connected(self) -> bool: ...

    async def request(self, conversation: Conversation, body: Message, context: RequestContext) -> Any:
        """The conversation's reply. Raises RmosError: the answered one, UNAVAILABLE or DEADLINE_EXCEEDED."""
        ...


class Blobs(Protocol):
    """The object store. Failures are RmosErrors: BLOB_MISSING, BLOB_CORRUPT or UNAVAILABLE."""

    async def put(self, data: bytes, content_type: str) -> BlobRef: ...

    async def put_file(self, file: BinaryIO, reference: BlobRef) -> None: ...

    async def get(self, reference: BlobRef) -> bytes:
        """The content, hashed after reading."""
        ...

    async def ready(self) -> bool: ...


class Feed(Protocol):
    """The log as text frames."""

    @property
    def failure(self) -> str | None:
        """Why there is no feed at the moment; None when there is one."""
        ...

    async def reaches(self, position: int) -> bool:
        """Whether the log has events up to this position; one that is ahead is waited for a moment, because a client
        may know of an event before the feed has it."""
        ...

    def follow(self, after: int | None, wanted: Callable[[FeedEvent], bool]) -> AsyncGenerator[bytes, None]:
        """Frames of every wanted event after this position (None: from now on), each once, in order; comments while
        nothing happens; at the end, if the client came too far behind, one frame that says so."""
        ...
