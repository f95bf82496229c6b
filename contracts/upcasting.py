"""Events of former versions as their newest one. The log and the stream LOG keep the bytes as they were written (leaf
hashes and proofs rest on them); who reads an event passes it through here first.

A step is a pure function of an event's body and of the time at which it was recorded (`ce-time` on the bus), from one
version to the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from contracts import log

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """What makes an event of one version one of the next; `change` gets body and `recorded_at_utc`."""

    to: str
    change: Callable[[Data, str], Data]


def _run_opened_v2(data: Data, recorded_at_utc: str) -> Data:
    """Before imports, a run was opened when that was recorded, and only here."""
    return {**data, "opened_at_utc": recorded_at_utc, "imported_from": None}


def _search_progressed_v2(data: Data, _: str) -> Data:
    """Its attempts were counted only; those of a search that ended in order stand in its end or its artifact."""
    return {**data, "attempts": []}


UPCASTERS: dict[str, Step] = {
    log.RunOpenedV1.type: Step(log.RunOpened.type, _run_opened_v2),
    log.SearchProgressedV1.type: Step(log.SearchProgressed.type, _search_progressed_v2),
}
"""Type of a former version -> the step to the next one."""


def upcast(event_type: str, data: Data, recorded_at_utc: str) -> tuple[str, Data]:
    """Type and body in the newest version; the same ones for an event that has it, or is of a type not known here."""
    while (step := UPCASTERS.get(event_type)) is not None:
        event_type, data = step.to, step.change(data, recorded_at_utc)
    return event_type, data
