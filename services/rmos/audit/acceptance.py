"""What a person says when log and mark do not fit: this tree, and no other, is the one to go on from."""

from __future__ import annotations

import re
from dataclasses import dataclass

SETTING = "RMOS_ACCEPT_TREE"
_FORM = re.compile(r"(0|[1-9]\d{0,17}):(0|[1-9]\d{0,17}):([0-9a-f]{64})", re.ASCII)


class NotAnAcceptance(ValueError):
    """The text is not of the form that the checkpointer proposes."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The first `size` events of the log, whose tree has this root, in the place of the mark of this sequence (0: of
    none). The next mark has another sequence, so an acceptance that was forgotten somewhere accepts nothing more."""

    mark: int
    size: int
    root: bytes

    def __str__(self) -> str:
        return f"{self.mark}:{self.size}:{self.root.hex()}"

    @classmethod
    def parse(cls, text: str) -> Acceptance:
        """Raises NotAnAcceptance."""
        found = _FORM.fullmatch(text)
        if found is None:
            raise NotAnAcceptance(
                "it is <sequence of the mark>:<events>:<root in hexadecimal digits>, as rmos' log proposes it"
            )
        return cls(int(found[1]), int(found[2]), bytes.fromhex(found[3]))
