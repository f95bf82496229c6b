"""Seeds and asset ids: both derived from what they name, never drawn."""

from __future__ import annotations

import hashlib

from contracts.canonical import digest_of

ASSET_ID_LENGTHS = (12, 16, 24, 64)
"""Hex digits of an asset id: the first that no other asset has."""


def seed_of_variant(seed: int, index: int) -> int:
    """The seed of variant `index` of a request with this seed, below 2**53 so that every JSON reader keeps it whole."""
    return _seed(f"rmos.art.variant/{seed}/{index}")


def seed_of_command(command_id: str) -> int:
    """The seed of a request that names none but may come again under the same id, below 2**53 likewise."""
    return _seed(f"rmos.art.command/{command_id}")


def _seed(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 11


def asset_digest(svg_sha256: str, spec_sha256: str) -> str:
    """What makes an asset the same asset: its drawing and its spec."""
    return digest_of({"spec": spec_sha256, "svg": svg_sha256})


def asset_ids(digest: str) -> tuple[str, ...]:
    """The ids that an asset with this digest may have, shortest first."""
    return tuple(f"asset_{digest[:length]}" for length in ASSET_ID_LENGTHS)
