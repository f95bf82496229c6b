"""Who repairs: the rights to write what is derived from the record, of the embedded stack or of any database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from contracts.subjects import MIGRATE
from runtime.embedded.errors import EmbeddedError
from runtime.embedded.roles import OWNER, WRITER
from runtime.embedded.stack_config import StackConfig, saved
from runtime.settings import NatsSettings
from services.rmos.audit.access import HomeSettings, NothingToReach, audited, stack_of
from services.rmos.audit.verify import Audited


@dataclass(frozen=True, slots=True)
class BusAccess:
    """The bus users that fill the stream LOG (rmos) and that declare it (migrate)."""

    rmos: NatsSettings
    migrate: NatsSettings


@dataclass(frozen=True, slots=True)
class Keeper:
    """`audited` is what is looked at, `writer_dsn` the database as the service's role; `bus` None: out of reach."""

    audited: Audited
    writer_dsn: str
    bus: BusAccess | None


def keeper(home: Path | None, dsn: str | None, vkeys: Sequence[str]) -> Keeper:
    """`dsn` is that of the writer's role; without one, the stack of this home. Raises NothingToReach."""
    what = audited(home, dsn, vkeys, [])
    if dsn is not None:
        return Keeper(what, dsn, None)
    passwords = _config(home).nats_passwords
    url = stack_of(home).nats_url
    bus = BusAccess(*(NatsSettings(url=url, user=user, password=passwords[user]) for user in ("rmos", MIGRATE)))
    return Keeper(what, writer_dsn(home, None), bus)


def writer_dsn(home: Path | None, dsn: str | None) -> str:
    """The database as the service's role. Raises NothingToReach."""
    return dsn if dsn is not None else _as_role(home, WRITER)


def owner_dsn(home: Path | None, dsn: str | None) -> str:
    """The database as the role that owns the tables. Raises NothingToReach."""
    return dsn if dsn is not None else _as_role(home, OWNER)


def _as_role(home: Path | None, role: str) -> str:
    parts = urlsplit(stack_of(home).postgres_dsn)
    login = f"{role}:{quote(_config(home).postgres_passwords[role])}"
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc.rpartition('@')[2]}"))


def _config(home: Path | None) -> StackConfig:
    try:
        return saved((home or HomeSettings.read().home).expanduser().resolve())
    except EmbeddedError as error:
        raise NothingToReach(str(error)) from None
