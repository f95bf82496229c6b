"""The SQL of the log, by file name."""

from __future__ import annotations

from importlib.resources import files
from typing import LiteralString


def statement(name: str) -> LiteralString:
    """The text of `services/rmos/sql/<name>.sql`. Raises FileNotFoundError."""
    # psycopg asks for literals, so that nobody formats values in: a file of the package is as good as one
    text: LiteralString = (files("services.rmos.sql") / f"{name}.sql").read_text(encoding="utf-8")
    return text
