"""Linking generated designs to a run: rmos is asked, in the caller's name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from contracts.art import AskAsset, Asset, Assets, AttachAssets, AttachAssetsReply, ListAssets
from contracts.artifacts import Attachment, AttachmentKind
from contracts.blobs import BlobRef
from contracts.envelope import RequestContext
from contracts.errors import RmosError
from contracts.rmos import NewAttachment
from services.art_studio.ports import AssetIndex, Authority

ATTACHMENTS_AT_ONCE = 60  # contracts.rmos.AddAttachments


class AssetHandlers:
    def __init__(self, index: AssetIndex, authority: Authority) -> None:
        self._index = index
        self._authority = authority

    async def attach_assets(self, command: AttachAssets, request: RequestContext) -> AttachAssetsReply:
        """The run's attachments of these assets. Raises NOT_FOUND for an unknown asset or run, before any is attached.

        Attaching again adds nothing, so a request that failed half way can be repeated.
        """
        ids = tuple(dict.fromkeys(command.asset_ids))
        assets = [await self._index.get(asset_id) for asset_id in ids]
        await self._authority.run(command.run_id, request)
        attachments = await attach_to_run(self._authority, command.run_id, assets, request)
        return AttachAssetsReply(run_id=command.run_id, asset_ids=ids, attachments=attachments)

    async def asset(self, query: AskAsset, _: RequestContext) -> Asset:
        return await self._index.get(query.asset_id)

    async def assets(self, query: ListAssets, _: RequestContext) -> Assets:
        return await self._index.page(query)


async def attach_to_run(
    authority: Authority, run_id: str, assets: Sequence[Asset], request: RequestContext
) -> tuple[Attachment, ...]:
    """Attach everything the assets consist of and reference them. An error's details name the assets."""
    wanted = list({(new.kind, new.blob.sha256): new for new in _attachments(assets)}.values())
    ids = list(dict.fromkeys(asset.asset_id for asset in assets))
    attached: list[Attachment] = []
    try:
        for start in range(0, len(wanted), ATTACHMENTS_AT_ONCE):
            attached.extend(await authority.attach(run_id, wanted[start : start + ATTACHMENTS_AT_ONCE], request))
        await authority.reference(run_id, ids, request)
    except RmosError as error:
        kept = {**error.details, "run_id": run_id, "asset_ids": ids}
        raise RmosError(error.code, f"the designs are kept but not attached: {error.message}", **kept) from error
    return tuple(attached)


def _attachments(assets: Sequence[Asset]) -> Iterator[NewAttachment]:
    for asset in assets:
        metadata = {
            "asset_id": asset.asset_id,
            "request_id": asset.request_id,
            "variant_seed": str(asset.variant_seed),
        }
        parts: tuple[tuple[AttachmentKind, BlobRef, str], ...] = (
            (AttachmentKind.SPEC, asset.spec, "spec.json"),
            (AttachmentKind.SVG, asset.svg, "rosette.svg"),
            (AttachmentKind.PNG, asset.preview, "preview.png"),
            (AttachmentKind.PROVENANCE, asset.provenance, "provenance.json"),
        )
        for kind, blob, ending in parts:
            yield NewAttachment(kind=kind, filename=f"{asset.asset_id}-{ending}", blob=blob, metadata=metadata)
