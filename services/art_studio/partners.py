"""The other services as art_studio's handlers know them: requests over the bus with the caller's name and deadline."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from contracts import subjects
from contracts.ai import GenerateContent, GeneratedContent
from contracts.artifacts import Attachment, Run
from contracts.envelope import RequestContext
from contracts.rmos import AddAttachments, AskRun, Attachments, NewAttachment, ReferenceAssets
from runtime.bus import Bus


class DesignerOverBus:
    def __init__(self, bus: Bus, new_id: Callable[[str], str]) -> None:
        self._bus = bus
        self._new_id = new_id

    async def generate(self, call: GenerateContent, request: RequestContext) -> GeneratedContent:
        asked = request.caused(self._new_id("command"))
        generated: GeneratedContent = await self._bus.request(subjects.GENERATE_CONTENT, call, asked)
        return generated


class AuthorityOverBus:
    def __init__(self, bus: Bus, new_id: Callable[[str], str]) -> None:
        self._bus = bus
        self._new_id = new_id

    async def run(self, run_id: str, request: RequestContext) -> Run:
        asked = request.caused(self._new_id("query"))
        run: Run = await self._bus.request(subjects.RUN, AskRun(run_id=run_id), asked)
        return run

    async def attach(
        self, run_id: str, attachments: Sequence[NewAttachment], request: RequestContext
    ) -> tuple[Attachment, ...]:
        asked = request.caused(self._new_id("command"))
        command = AddAttachments(run_id=run_id, attachments=tuple(attachments))
        added: Attachments = await self._bus.request(subjects.ADD_ATTACHMENTS, command, asked)
        return added.items

    async def reference(self, run_id: str, asset_ids: Sequence[str], request: RequestContext) -> None:
        asked = request.caused(self._new_id("command"))
        command = ReferenceAssets(run_id=run_id, asset_ids=tuple(asset_ids))
        await self._bus.request(subjects.REFERENCE_ASSETS, command, asked)
