"""Real servers for tests: started on loopback in a temporary folder, always stopped, also when the test fails.

Use them as context managers, or as the session fixtures of tests/conftest.py. The servers are shared by a session, so
each test takes its own database (`PostgresAccess.create_database`), bucket (`S3Access.create_bucket`) and stream names;
a test of the fixed streams FACTS, LOG and DEAD starts its own NATS with `running_nats()` (about 0.1 s).
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from runtime.embedded.nats import NatsServer
from runtime.embedded.nats_conf import USERS, users_section
from runtime.embedded.ports import free_port
from runtime.embedded.postgres import PostgresServer
from runtime.embedded.roles import ART_STUDIO, OWNER, READER, ROLES, WRITER, apply_roles
from runtime.embedded.s3 import REGION, S3Server
from runtime.s3 import make_bucket
from runtime.settings import S3Settings

PREPARED = "prepared"
"""The database that every other one of a test server is copied from."""


@dataclass(frozen=True, slots=True)
class NatsAccess:
    """A running NATS; `passwords` by user (contracts.subjects: services, migrate, dashboard), empty for own configs."""

    url: str
    passwords: Mapping[str, str]
    server: NatsServer


@dataclass(frozen=True, slots=True)
class DatabaseAccess:
    """One database with the roles and schemas of deploy/postgres/roles.sql: a connection URI per role."""

    name: str
    owner_dsn: str
    writer_dsn: str
    reader_dsn: str
    art_studio_dsn: str
    superuser_dsn: str


@dataclass(frozen=True, slots=True)
class PostgresAccess:
    """A running Postgres; the roles' passwords are the same in each of its databases."""

    server: PostgresServer
    passwords: Mapping[str, str]

    def create_database(self, like: str = PREPARED) -> DatabaseAccess:
        """A new database with roles, schemas and default privileges, but no tables; or a copy of another one, to which
        nobody may be connected."""
        database = f"test_{secrets.token_hex(6)}"
        with psycopg.connect(self.server.superuser_dsn(), autocommit=True) as superuser:
            _copy_database(superuser, database, like)
        return DatabaseAccess(
            name=database,
            owner_dsn=self.server.dsn(OWNER, self.passwords[OWNER], database),
            writer_dsn=self.server.dsn(WRITER, self.passwords[WRITER], database),
            reader_dsn=self.server.dsn(READER, self.passwords[READER], database),
            art_studio_dsn=self.server.dsn(ART_STUDIO, self.passwords[ART_STUDIO], database),
            superuser_dsn=self.server.superuser_dsn(database),
        )


def _copy_database(superuser: psycopg.Connection[TupleRow], name: str, like: str) -> None:
    """With what stands beside a database: who may connect, the roles' settings in it. Running roles.sql for each takes
    three times as long."""
    words = sql.Identifier(name), sql.Identifier(OWNER), sql.Identifier(like)
    superuser.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(*words))
    both = {"name": name, "like": like}
    superuser.execute(
        "UPDATE pg_database SET datacl = source.datacl FROM pg_database AS source"
        " WHERE pg_database.datname = %(name)s AND source.datname = %(like)s",
        both,
    )
    superuser.execute(
        "INSERT INTO pg_db_role_setting SELECT made.oid, setrole, setconfig FROM pg_db_role_setting"
        " JOIN pg_database AS source ON source.oid = setdatabase CROSS JOIN pg_database AS made"
        " WHERE made.datname = %(name)s AND source.datname = %(like)s",
        both,
    )


@dataclass(frozen=True, slots=True)
class S3Access:
    """A running S3 endpoint (`host:port`, plain HTTP)."""

    endpoint: str
    access_key: str
    secret_key: str
    region: str
    bucket: str
    server: S3Server

    def settings(self, bucket: str | None = None) -> S3Settings:
        """As a service reads them, for this bucket or for the one that is there from the beginning."""
        return S3Settings(
            endpoint=self.endpoint,
            access_key=self.access_key,
            secret_key=self.secret_key,
            bucket=bucket or self.bucket,
            region=self.region,
        )

    def create_bucket(self, name: str | None = None) -> str:
        """The name of a new, empty bucket."""
        bucket = name or f"test-{secrets.token_hex(6)}"
        make_bucket(self.settings(bucket))
        return bucket


@dataclass(frozen=True, slots=True)
class ServersAccess:
    nats: NatsAccess
    postgres: PostgresAccess
    s3: S3Access


@contextmanager
def running_nats(config: str | None = None) -> Iterator[NatsAccess]:
    """NATS with all users of the system and their permissions, or with a configuration of one's own ('' = open)."""
    passwords = {} if config is not None else {user: secrets.token_hex(12) for user in USERS}
    with _folder() as home:
        server = NatsServer(home, free_port(), users_section(passwords) if config is None else config)
        try:
            server.start()
            yield NatsAccess(server.url, passwords, server)
        finally:
            server.stop()


@contextmanager
def running_postgres(*, survives_power_loss: bool = True) -> Iterator[PostgresAccess]:
    """An empty Postgres cluster (initdb: about 2 s). One that need not survive a power loss survives kill -9 all the
    same, and ends without writing hundreds of databases to disk."""
    with _folder() as home:
        options = () if survives_power_loss else ("fsync=off",)
        server = PostgresServer(home, free_port(), secrets.token_hex(12), options=options)
        try:
            server.start()
            passwords = {role: secrets.token_hex(12) for role in ROLES}
            apply_roles(server, passwords, PREPARED)
            yield PostgresAccess(server, passwords)
        finally:
            server.stop()


@contextmanager
def running_s3() -> Iterator[S3Access]:
    """An S3 endpoint with one empty bucket."""
    access_key, secret_key = secrets.token_hex(8), secrets.token_hex(16)
    with _folder() as home:
        server = S3Server(home, free_port(), access_key, secret_key)
        try:
            server.start()
            yield S3Access(server.endpoint, access_key, secret_key, REGION, server.bucket, server)
        finally:
            server.stop()


@contextmanager
def running_servers() -> Iterator[ServersAccess]:
    """All three."""
    with ExitStack() as stack:
        yield ServersAccess(
            nats=stack.enter_context(running_nats()),
            postgres=stack.enter_context(running_postgres()),
            s3=stack.enter_context(running_s3()),
        )


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder outside pytest's own 0700 ones; late files of a killed server's children do not fail the test."""
    with tempfile.TemporaryDirectory(prefix="rmos-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
