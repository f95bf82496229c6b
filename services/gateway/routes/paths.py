"""Parameters of paths. An id that cannot be one is refused before anybody is asked."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

_ID = r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$"

RunId = Annotated[str, Path(pattern=_ID, examples=["run_01JZ8QK4T6V9W2X3Y4Z5A6B7C8"])]
ArtifactId = Annotated[str, Path(pattern=_ID, examples=["artifact_01JZ8QK4T6V9W2X3Y4Z5A6B7C8"])]
OtherId = Annotated[str, Path(pattern=_ID, description="What it is compared with.")]
SessionId = Annotated[str, Path(pattern=_ID, examples=["session_01JZ8QK4T6V9W2X3Y4Z5A6B7C8"])]
SearchId = Annotated[str, Path(pattern=_ID, examples=["search_01JZ8QK4T6V9W2X3Y4Z5A6B7C8"])]
AssetId = Annotated[str, Path(pattern=_ID, examples=["asset_0f3a9c12bd47"])]
AttachmentId = Annotated[str, Path(pattern=r"^(att-)?[0-9a-f]{64}$")]
OutputName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,63}$", examples=["gcode"])]
