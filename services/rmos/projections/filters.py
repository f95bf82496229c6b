"""The filters of the list of runs as conditions. All of them can use an index (migrations/versions/0002)."""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists, func, literal_column

from contracts.rmos import ListRuns
from services.rmos.projections.tables import artifacts, runs


def run_filters(query: ListRuns) -> list[ColumnElement[bool]]:
    """Conditions that all must hold. Times are text in UTC: they sort as they stand (C collation)."""
    conditions: list[ColumnElement[bool]] = [] if query.include_deleted else [runs.c.deleted_at_utc.is_(None)]
    created = runs.c.created_at_utc
    if query.day is not None:
        # the expression of the index runs_day, which gives the day's runs newest first; a range of times would have to
        # be read whole and sorted
        conditions.append(func.left(created, literal_column("10")) == query.day)
    if query.from_utc is not None:
        conditions.append(created >= query.from_utc)
    if query.to_utc is not None:
        conditions.append(created <= query.to_utc)
    if query.tool_id is not None:
        # a prefix as a range: "{" follows the last character a tool id may have, and "_" is no wild card here
        conditions += [runs.c.tool_id >= query.tool_id, runs.c.tool_id < query.tool_id + "{"]
    if query.mode is not None:
        conditions.append(runs.c.mode == query.mode)
    if query.status is not None:
        conditions.append(runs.c.status == query.status)
    if query.risk_level is not None:
        conditions.append(runs.c.risk_level == query.risk_level.value)
    if query.session_id is not None:
        conditions.append(runs.c.workflow_session_id == query.session_id)
    if query.kind is not None:
        of_kind = exists().where(artifacts.c.run_id == runs.c.run_id, artifacts.c.kind == query.kind.value)
        conditions.append(of_kind)
    return conditions
