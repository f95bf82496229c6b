"""Proofs that the log is what it was: checkpoints, tiles, inclusion and consistency."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from contracts.model import Identifier, Message, Sha256

TreeSize = Annotated[int, Field(ge=0)]


class AskCheckpoint(Message):
    """The newest one, or the one that was signed for exactly this size."""

    tree_size: TreeSize | None = None


class SignedCheckpoint(Message):
    """`note` is the C2SP tlog-checkpoint; the rest is what it says."""

    origin: str
    tree_size: TreeSize
    root_sha256: Sha256
    note: str


class AskTile(Message):
    """A path below the log's prefix, after C2SP tlog-tiles: `tile/0/000`, `tile/entries/x001/x234/067.p/5`."""

    path: Annotated[str, Field(pattern=r"^tile/[0-9a-z/.]{1,120}$")]


class TileContent(Message):
    path: str
    content_base64: str


class AskArtifactProof(Message):
    artifact_id: Identifier


class ArtifactProof(Message):
    """Everything that shows, offline, that an artifact stands in the log.

    SHA-256 of `data_json` is the entry's `data_sha256`; SHA-256 of 0x00 and `entry` is `leaf_sha256`; leaf, index and
    `hashes` give the root (RFC 6962) that `checkpoint` signs.
    """

    artifact_id: Identifier
    position: Annotated[int, Field(ge=1)]
    leaf_index: TreeSize
    data_json: str
    entry: str
    leaf_sha256: Sha256
    tree_size: TreeSize
    root_sha256: Sha256
    hashes: tuple[Sha256, ...]
    checkpoint: str
    verifier_keys: tuple[str, ...]


class AskConsistency(Message):
    """`to_size` None is the newest checkpoint."""

    from_size: TreeSize
    to_size: TreeSize | None = None


class ConsistencyProof(Message):
    """That the tree of `to_size` is that of `from_size` with events added (RFC 6962 section 2.1.2).

    A checkpoint is given where one was signed for exactly this size.
    """

    from_size: TreeSize
    to_size: TreeSize
    from_root_sha256: Sha256
    to_root_sha256: Sha256
    hashes: tuple[Sha256, ...]
    from_checkpoint: str | None = None
    to_checkpoint: str | None = None


class AskCheckpointKeys(Message):
    """No fields."""


class CheckpointKeys(Message):
    """The log's name and its public keys as signed notes write them: the one that signs now, then the retired ones."""

    origin: str
    verifier_keys: tuple[str, ...]


class AskAttestation(Message):
    """What rmos signs about one run, from the events up to this position."""

    run_id: Identifier
    up_to_position: Annotated[int, Field(ge=1)]


class Attestation(Message):
    """`envelope_json` is a DSSE envelope around an in-toto statement v1, in canonical JSON."""

    envelope_json: str


class ReplayOutcome(StrEnum):
    SAME = "same"
    DRIFT = "drift"
    """It comes out otherwise today."""
    NOT_REPRODUCIBLE = "not_reproducible"
    """It cannot be told: something that is needed to compute it again is not there."""


class ReplayItem(Message):
    """One thing computed again. `changed` says in what a drifted one differs, `reason` why one cannot be told."""

    what: Literal["svg", "ai_answer", "feasibility", "toolpaths", "gcode", "opplan", "preview"]
    of: str
    """The artifact, or the attachment `att-<digest>`."""
    outcome: ReplayOutcome
    recorded_sha256: Sha256 | None = None
    recomputed_sha256: Sha256 | None = None
    changed: tuple[str, ...] = ()
    reason: str | None = None


class AskReplay(Message):
    run_id: Identifier


class Replayed(Message):
    """Of one run, in the order of its events. Nothing was recorded."""

    run_id: Identifier
    items: tuple[ReplayItem, ...]
