"""Makes the database roles, the database and its schemas from deploy/postgres/roles.sql, with psql from the wheel."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from importlib.resources import as_file, files

from runtime.embedded.binaries import postgres_bin
from runtime.embedded.errors import EmbeddedError
from runtime.embedded.postgres import PostgresServer

OWNER, WRITER, READER, ART_STUDIO = "rmos_owner", "rmos_writer", "rmos_reader", "art_studio"
ROLES = (OWNER, WRITER, READER, ART_STUDIO)
DATABASE = "rmos"


def apply_roles(server: PostgresServer, passwords: Mapping[str, str], database: str = DATABASE) -> None:
    """Brings roles, passwords, database and schemas to the state of roles.sql; safe to repeat.

    `passwords` holds one for each of ROLES. Raises EmbeddedError with psql's message.
    """
    environment = {
        **server.superuser_environment,
        "RMOS_POSTGRES_DATABASE": database,
        **{f"RMOS_POSTGRES_PASSWORD_{role.removeprefix('rmos_').upper()}": passwords[role] for role in ROLES},
    }
    with as_file(files("deploy") / "postgres" / "roles.sql") as script:
        applied = subprocess.run(
            [str(postgres_bin() / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(script)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    if applied.returncode != 0:
        raise EmbeddedError(f"the database roles could not be made: {applied.stderr.strip()}")
