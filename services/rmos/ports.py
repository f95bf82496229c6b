"""What the authority's handlers need of the outside. The comments are the specification every adapter must keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from contracts.art import CheckedSvg, CompiledSpec
from contracts.artifacts import Run
from contracts.blobs import BlobRef
from contracts.cam import Post, ToolpathJob, ToolpathResult
from contracts.envelope import RequestContext
from contracts.feasibility import CuttingContext, Feasibility, Mode
from contracts.log import LogEvent
from contracts.rmos import ArtifactReply, AskArtifact, AskRun, AskSession, SessionReply
from contracts.spec import RosetteSpec


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event for the end of a stream. `event_id` is unique in the whole log."""

    stream: str
    event_id: str
    event: LogEvent


@dataclass(frozen=True, slots=True)
class AppendRequest:
    """All events or none, in this order. `expected` gives the version (0: must not exist yet) of each stream."""

    context: RequestContext
    expected: Mapping[str, int]
    events: Sequence[NewEvent]


@dataclass(frozen=True, slots=True)
class AppendResult:
    """`repeated` True: this command was appended before, and these are the positions of that first time."""

    positions: tuple[int, ...]
    repeated: bool


class EventLog(Protocol):
    async def append(self, request: AppendRequest) -> AppendResult:
        """Durable when it returns: positions are contiguous in the whole log, versions in each stream.

        Raises VERSION_CONFLICT with the actual version (nothing was appended; later appends are not affected),
        UNAVAILABLE when the log cannot take it now and nothing was appended. Never answers without knowing which.
        """
        ...

    async def read_stream(self, stream: str) -> list[LogEvent]:
        """All events of the stream in order, brought up to their newest version; empty when there are none."""
        ...

    async def outcome_of(self, request: RequestContext) -> list[LogEvent]:
        """The events that this command appended before, in order; empty when it did not."""
        ...


class Queries(Protocol):
    """Reads that see everything that was committed before they were asked."""

    async def run(self, query: AskRun) -> Run:
        """Raises NOT_FOUND."""
        ...

    async def artifact(self, query: AskArtifact) -> ArtifactReply:
        """The artifact alone, without inlined outputs. Raises NOT_FOUND."""
        ...

    async def session(self, query: AskSession) -> SessionReply:
        """Raises NOT_FOUND."""
        ...


class Blobs(Protocol):
    async def put(self, data: bytes, content_type: str) -> BlobRef:
        """Store content under its digest; returns once it is stored. Raises UNAVAILABLE."""
        ...

    async def get(self, reference: BlobRef) -> bytes:
        """The content, hashed again. Raises BLOB_MISSING, BLOB_CORRUPT (with both digests) or UNAVAILABLE."""
        ...


class Art(Protocol):
    async def compile_spec(self, spec: RosetteSpec, request: RequestContext) -> CompiledSpec:
        """What the spec compiles to, stored. Raises UNAVAILABLE or DEADLINE_EXCEEDED when nobody answers."""
        ...

    async def check_svg(self, blob: BlobRef, request: RequestContext) -> CheckedSvg:
        """Whether the stored SVG keeps to the allow-list. Raises as `compile_spec`."""
        ...


class Cam(Protocol):
    async def generate(self, job: ToolpathJob, request: RequestContext) -> ToolpathResult:
        """A program that passed its own simulation. Raises TOOLPATHS_ERROR with the reason, UNAVAILABLE, or
        DEADLINE_EXCEEDED."""
        ...


class Engine(Protocol):
    async def evaluate(self, spec: RosetteSpec, context: CuttingContext, mode: Mode) -> Feasibility:
        """The verdict, computed outside the event loop. Raises INVALID_REQUEST for ids the catalog does not have."""
        ...

    def job_for(self, spec: RosetteSpec, context: CuttingContext, feasibility: Feasibility, post: Post) -> ToolpathJob:
        """The CAM job for a design that may be cut. Raises TOOLPATHS_ERROR when a part of it is missing."""
        ...
