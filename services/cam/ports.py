"""What cam's handlers need of the outside."""

from __future__ import annotations

from typing import Protocol

from contracts.blobs import BlobRef
from contracts.cam import ToolpathJob
from contracts.model import Message
from services.cam.generate import GeneratedProgram


class Programs(Protocol):
    async def generate(self, job: ToolpathJob) -> GeneratedProgram:
        """The verified program, computed outside the event loop.

        Raises CamError when the job cannot be cut or the program fails its own simulation, RmosError(UNAVAILABLE)
        when the worker died.
        """
        ...


class Blobs(Protocol):
    async def put(self, data: bytes, content_type: str) -> BlobRef:
        """Store content under its digest; returns once it is stored. Raises RmosError(UNAVAILABLE)."""
        ...


class Facts(Protocol):
    async def publish_fact(self, fact: Message, fact_id: str, request_id: str, subject: str | None = None) -> None:
        """Store a fact once; returns once it is stored. Raises RmosError(UNAVAILABLE)."""
        ...
