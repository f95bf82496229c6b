"""Reproducible choices: SHA-256 in counter mode, the same on every platform and in every process."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Draws that depend on the key and on how many were made before, and on nothing else."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._drawn = 0

    def below(self, limit: int) -> int:
        """An integer in [0, limit). The bias of the modulo is under 2**-50 for the small limits used here."""
        block = hashlib.sha256(self._key + self._drawn.to_bytes(8, "big")).digest()
        self._drawn += 1
        return int.from_bytes(block[:8], "big") % limit

    def pick(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]

    def between(self, low: int, high: int) -> int:
        """An integer in [low, high]."""
        return low + self.below(high - low + 1)
