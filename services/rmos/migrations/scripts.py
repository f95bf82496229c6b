"""Migrations are plain SQL files, so that what is in the database is what a person reads."""

from __future__ import annotations

from importlib.resources import files

LAYOUT = ("0002_projections.sql", "0005_ai_explanations.sql", "0006_pair_index.sql")
"""The scripts that make the tables of the projections, in this order."""


def layout() -> str:
    """All of them as one script."""
    return "\n".join(map(script, LAYOUT))


def script(name: str) -> str:
    """The text of a script in `versions/`."""
    return (files("services.rmos.migrations") / "versions" / name).read_text(encoding="utf-8")
