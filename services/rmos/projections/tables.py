"""The projections' tables for SQLAlchemy, as migrations/scripts.py: layout() makes them (a test compares).

The schema `projections` is the live one; `schema_translate_map={"projections": other}` folds into, or reads from, a
rebuild beside it.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Numeric, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

SCHEMA = "projections"
metadata = MetaData(schema=SCHEMA)

projection_cursor = Table(
    "projection_cursor",
    metadata,
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("fold_version", Integer, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("position", BigInteger, nullable=False, unique=True),
    Column("created_at_utc", Text, nullable=False),
    Column("updated_at_utc", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("label", Text),
    Column("workflow_session_id", Text),
    Column("context", JSONB, nullable=False),
    Column("tool_id", Text),
    Column("request_id", Text, nullable=False),
    Column("opened_by", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("risk_level", Text),
    Column("score", Numeric),
    Column("block_reason", Text),
    Column("artifact_count", Integer, nullable=False),
    Column("attachment_count", Integer, nullable=False),
    Column("last_artifact_id", Text),
    Column("last_kind", Text),
    Column("deleted_at_utc", Text),
    Column("purged_at_utc", Text),
    Index("runs_mode", "mode", "position"),
    Index("runs_status", "status", "position"),
    Index("runs_risk_level", "risk_level", "position"),
    Index("runs_mode_risk_level", "mode", "risk_level", "position"),
    Index("runs_session", "workflow_session_id", "position"),
    Index("runs_tool", "tool_id", "position"),
    Index("runs_created", "created_at_utc", "position"),
    Index("runs_day", text('"left"(created_at_utc, 10)'), "position"),
    Index("runs_updated", "updated_at_utc", "run_id"),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("artifact_id", Text, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("position", BigInteger, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("risk_level", Text, nullable=False),
    Column("score", Numeric),
    Column("block_reason", Text),
    Column("created_at_utc", Text, nullable=False),
    Column("hashes", JSONB, nullable=False),
    Column("document", JSONB, nullable=False),
    Index("artifacts_run", "run_id", "position"),
    Index("artifacts_kind", "kind", "run_id"),
)

attachments = Table(
    "attachments",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("attachment_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("position", BigInteger, nullable=False, unique=True),
    Column("filename", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("metadata", JSONB, nullable=False),
    Column("created_at_utc", Text, nullable=False),
    Index("attachments_kind", "run_id", "kind", "position"),
    Index("attachments_content", "attachment_id"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("position", BigInteger, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("label", Text),
    Column("context", JSONB, nullable=False),
    Column("created_at_utc", Text, nullable=False),
    Column("updated_at_utc", Text, nullable=False),
    Column("opened_by", Text, nullable=False),
    Column("run_id", Text),
    Column("design_sha256", Text),
    Column("feasibility_sha256", Text),
    Column("risk_level", Text),
    Column("score", Numeric),
    Column("approval_artifact_id", Text),
    Column("approved_by", Text),
    Column("toolpaths_artifact_id", Text),
    Column("deleted_at_utc", Text),
    Column("version", Integer, nullable=False),
    Index("sessions_state", "state", "position"),
)

run_events = Table(
    "run_events",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True),
)

ai_explanations = Table(
    "ai_explanations",
    metadata,
    Column("artifact_id", Text, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("position", BigInteger, nullable=False, unique=True),
    Column("status", Text, nullable=False),
    Column("explanation_id", Text, nullable=False),
    Column("provider", Text),
    Column("model", Text),
    Column("ai_call_id", Text),
    Column("summary", Text),
    Column("text_sha256", Text),
    Column("text_size", BigInteger),
    Column("text_content_type", Text),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("asked_at_utc", Text, nullable=False),
    Column("asked_by", JSONB, nullable=False),
    Column("answered_at_utc", Text),
    Index("ai_explanations_run", "run_id"),
    Index("ai_explanations_status", "status", "position"),
    Index("ai_explanations_text", "text_sha256"),
)

FOLDED = (runs, artifacts, attachments, sessions, run_events, ai_explanations)
"""Every table that the fold writes."""

_log = MetaData(schema="rmos")
events = Table(
    "events",
    _log,
    *(
        Column(name, kind)
        for name, kind in (
            ("position", BigInteger),
            ("stream", Text),
            ("version", Integer),
            ("event_id", Text),
            ("type", Text),
            ("recorded_at_utc", Text),
            ("actor", Text),
            ("request_id", Text),
            ("command_id", Text),
            ("command_index", Integer),
            ("command_sha256", LargeBinary),
            ("causation_id", Text),
            ("writer_epoch", BigInteger),
            ("data", LargeBinary),
            ("leaf", LargeBinary),
        )
    ),
)
"""The log itself, to read: the columns in the order of event_log/stored.py."""
