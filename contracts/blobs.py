"""A reference to content in the object store: the digest is the address."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.model import Message, Sha256

EXTENSIONS: dict[str, str] = {
    "image/svg+xml": ".svg",
    "image/png": ".png",
    "application/json": ".json",
    "text/x-gcode": ".nc",
    "text/html": ".html",
    "text/plain": ".txt",
}
"""Content type -> key suffix; anything else is stored as .bin."""


class BlobRef(Message):
    sha256: Sha256
    size: Annotated[int, Field(ge=0)]
    content_type: Annotated[str, Field(max_length=127)]


def blob_key(sha256: str, content_type: str) -> str:
    """Object key of this content: two fan-out folders, the digest, a suffix that only helps people."""
    return f"{sha256[0:2]}/{sha256[2:4]}/{sha256}{EXTENSIONS.get(content_type, '.bin')}"
