"""The fold: one event of the log -> the row changes it means. Pure; the same events always give the same rows.

It works on the event's JSON and not on the contracts' models: the log holds only what those models have checked, and
a rebuild reads every event ever written.
"""

from __future__ import annotations

from collections.abc import Callable

import orjson

from contracts import log
from contracts.upcasting import UPCASTERS, upcast
from services.rmos.projections.changes import FoldBroken
from services.rmos.projections.folds_of_explanations import FOLDS_OF_EXPLANATIONS
from services.rmos.projections.folds_of_runs import FOLDS_OF_RUNS, Changes, Data
from services.rmos.projections.folds_of_sessions import FOLDS_OF_SESSIONS
from services.rmos.projections.recorded import Event

FOLD_VERSION = 2
"""Raised with every change of what a fold gives: the tables must then be rebuilt from the log."""

Fold = Callable[[Event, Data], Changes]


def changes_of(event: Event) -> Changes:
    """What the event changes; nothing for the facts of other services, which only the log itself shows.

    Raises FoldBroken for an event of rmos of a type that this version does not know: skipping it would be a lie.
    """
    fold, data = FOLDS.get(event.type), None
    if fold is None and event.type in UPCASTERS:
        newest, data = upcast(event.type, orjson.loads(event.data_json), event.recorded_at_utc)
        fold = FOLDS.get(newest)
    if fold is None:
        if event.type.startswith("rmos."):
            raise FoldBroken(f"position {event.position} is a {event.type}, which this version of rmos cannot fold")
        return ()
    return fold(event, orjson.loads(event.data_json) if data is None else data)


def _no_row(_: Event, __: Data) -> Changes:
    """The catalog has no table: it is folded from its own stream. What had no effect changes none."""
    return ()


FOLDS: dict[str, Fold] = {
    **FOLDS_OF_RUNS,
    **FOLDS_OF_SESSIONS,
    **FOLDS_OF_EXPLANATIONS,
    log.CatalogEntryAdded.type: _no_row,
    log.CommandHadNoEffect.type: _no_row,
}
