"""The schema of the database beside what this version of rmos declares: status, upgrade, comparison, way back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from services.rmos.projections.tables import SCHEMA, events, metadata

VERSION_TABLE_SCHEMA = "rmos"
GUARDS = (
    *(("events", "append_only"), ("events", "continue_the_log"), ("writer_epochs", "append_only")),
    *(("checkpoints", "append_only"), ("checkpoints", "continue_the_checkpoints")),
)
"""Table and trigger that make the record append-only, in every replication role."""
_ENABLED_ALWAYS = "A"  # pg_trigger.tgenabled


class RollbackRefused(Exception):
    """The way back would lose something, or leads nowhere; the message says what."""


@dataclass(frozen=True, slots=True)
class Step:
    """One migration. `lossless`: it can be undone without losing anything, `because` says why or why not."""

    revision: str
    what: str
    applied: bool
    lossless: bool
    because: str


@dataclass(frozen=True, slots=True)
class Difference:
    """`where` names the thing in the database, `what` how it is not as declared."""

    where: str
    what: str


@dataclass(slots=True)
class Status:
    """`current` None: nothing was migrated yet. `known` False: a newer version of rmos has migrated this database."""

    current: str | None
    newest: str
    known: bool
    steps: list[Step] = field(default_factory=list)

    @property
    def pending(self) -> list[Step]:
        return [step for step in self.steps if not step.applied]

    def as_json(self) -> dict[str, Any]:
        pending = [step.revision for step in self.pending]
        steps = [asdict(step) for step in self.steps]
        return {"current": self.current, "newest": self.newest, "known": self.known, "pending": pending, "steps": steps}


def configuration() -> Config:
    """Alembic's, for the migrations of rmos."""
    config = Config()
    config.set_main_option("script_location", "services.rmos:migrations")
    return config


@contextmanager
def connected(owner_dsn: str) -> Iterator[Connection]:
    """As the role that owns the tables. Raises SQLAlchemyError."""
    engine = create_engine(make_url(owner_dsn).set(drivername="postgresql+psycopg"), poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


def status_of(connection: Connection) -> Status:
    current = _revision(connection)
    scripts = ScriptDirectory.from_config(configuration())
    newest = scripts.get_current_head()
    assert newest is not None  # there is a migration
    modules = [script.module for script in reversed(list(scripts.walk_revisions()))]
    revisions = [module.revision for module in modules]
    reached = revisions.index(current) if current in revisions else -1
    steps = [
        Step(module.revision, (module.__doc__ or "").strip(), number <= reached, module.lossless, module.because)
        for number, module in enumerate(modules)
    ]
    return Status(current, newest, current is None or current in revisions, steps)


def upgraded(connection: Connection, revision: str = "head") -> None:
    """Each step is all or nothing, and so are all of them together."""
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    connection.commit()


def rollback_plan(connection: Connection, target: str) -> list[Step]:
    """The steps to undo, newest first. Raises RollbackRefused, with the reason, when one would lose something."""
    status = status_of(connection)
    known = [step.revision for step in status.steps]
    if not status.known:
        raise RollbackRefused(f"a newer version of rmos has migrated this database to {status.current}: use that one")
    if target not in known:
        raise RollbackRefused(f"there is no revision {target}: known are {', '.join(known)}")
    undone = [step for step in reversed(status.steps) if step.applied and step.revision > target]
    for step in undone:
        if not step.lossless:
            raise RollbackRefused(f"{step.revision} ({step.what}) cannot be undone: {step.because}")
    return undone


def rolled_back(connection: Connection, target: str) -> list[Step]:
    """The steps that were undone: all of them, or none. Raises RollbackRefused."""
    undone = rollback_plan(connection, target)
    if undone:
        config = configuration()
        config.attributes["connection"] = connection
        command.downgrade(config, target)
    connection.commit()
    return undone


def differences(connection: Connection) -> list[Difference]:
    """Everything in the database that is not as this version declares it; empty when all is."""
    status = status_of(connection)
    if status.current != status.newest:
        return [Difference("schema", f"it is at revision {status.current}, this version of rmos is at {status.newest}")]
    return [*_columns(connection), *_guards(connection), *_rights(connection), *_projections(connection)]


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(
        connection, opts={"version_table_schema": VERSION_TABLE_SCHEMA}
    ).get_current_revision()


def _columns(connection: Connection) -> Iterator[Difference]:
    query = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'rmos' AND table_name = 'events'"
    found = set(connection.execute(text(query)).scalars())
    declared = {column.name for column in events.columns}
    if found != declared:
        yield Difference("rmos.events", f"columns differ: {', '.join(sorted(found ^ declared))}")


def _guards(connection: Connection) -> Iterator[Difference]:
    query = text(
        "SELECT tgenabled::text FROM pg_trigger WHERE tgname = :name AND tgrelid = to_regclass(:table_name)::oid"
    )
    for table, name in GUARDS:
        enabled = connection.execute(query, {"name": name, "table_name": f"rmos.{table}"}).scalar()
        if enabled is None:
            yield Difference(f"rmos.{table}", f"the trigger {name} is missing: the table is not protected")
        elif enabled != _ENABLED_ALWAYS:
            yield Difference(f"rmos.{table}", f"the trigger {name} is not always enabled: the table is not protected")


def _rights(connection: Connection) -> Iterator[Difference]:
    query = text("SELECT has_table_privilege('rmos_writer', :table_name, :right)")
    for table in ("events", "writer_epochs", "checkpoints"):
        for right in ("UPDATE", "DELETE", "TRUNCATE"):
            if connection.execute(query, {"table_name": f"rmos.{table}", "right": right}).scalar_one():
                yield Difference(f"rmos.{table}", f"the role rmos_writer holds {right}")


def _projections(connection: Connection) -> Iterator[Difference]:
    options = {
        "include_schemas": True,
        "compare_type": True,
        "include_name": lambda name, kind, _: kind != "schema" or name == SCHEMA,
    }
    for item in compare_metadata(MigrationContext.configure(connection, opts=options), metadata):
        first = item[0] if isinstance(item, list) else item
        if "comment" not in str(first[0]):  # comments are for people who look into the database
            yield Difference(SCHEMA, f"{first[0]} {first[-1]}")
