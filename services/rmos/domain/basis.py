"""What a program rests on. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.artifacts import ArtifactKind, RunArtifact
from contracts.log import ApprovedDigests
from services.rmos.domain import override


def first_verdict(artifacts: Iterable[RunArtifact], digests: ApprovedDigests) -> str | None:
    """The run's first artifact with exactly this verdict; None when only toolpaths have it. The same whenever it is
    asked for in a run: toolpaths' own artifacts do not count."""
    wanted = override.hashes_of(digests).items()
    verdicts = (item for item in artifacts if item.kind is not ArtifactKind.TOOLPATHS and item.feasibility is not None)
    return next((item.artifact_id for item in verdicts if wanted <= item.hashes.items()), None)
