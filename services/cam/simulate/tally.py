"""What the judges of a program write down as they go."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_FINDINGS = 50
"""Judging areas stops at this many findings: a program so wrong is not worth more time."""


@dataclass(slots=True)
class Tally:
    """Areas in mm2. `reachable`, `uncut` and `target` are summed over all strata."""

    findings: list[str] = field(default_factory=list)
    reachable: float = 0.0
    uncut: float = 0.0
    target: float = 0.0
    gouge_mm2: float = 0.0
    max_gouge_mm: float = 0.0
    rapids: int = 0
    plunges: int = 0
    steepest_deg: float = 0.0

    @property
    def full(self) -> bool:
        return len(self.findings) >= MOST_FINDINGS
