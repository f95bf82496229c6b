"""Migrations are plain SQL files, so that what is in the database is what a person reads."""

from __future__ import annotations

from importlib.resources import files


def script(name: str) -> str:
    """The text of a script in `versions/`."""
    return (files("services.rmos.migrations") / "versions" / name).read_text(encoding="utf-8")
