"""Catalog entries as data files: the packaged ones and customers' own, read and checked alike.

A file is TOML. `[sources]` maps the short names of its sources to their full text; `[[material]]`, `[[tool]]` and
`[[machine]]` are entries. A figure is written as `[value, "standing:source"]`; its unit is that of the field (UNITS).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from contracts.catalog import BOUNDS, DEFAULT_BOUNDS, UNITS, Entry, Figure, Machine, Material, Tool

MODELS: dict[str, type[Entry]] = {"material": Material, "tool": Tool, "machine": Machine}


class CatalogError(ValueError):
    """A catalog file says something that cannot be; the message names file, entry and field."""


def kind_of(entry: Entry) -> str:
    """The name of its table: material, tool or machine."""
    return next(kind for kind, model in MODELS.items() if isinstance(entry, model))


def entries_in(file: str, text: str, tables: Iterable[str] = tuple(MODELS)) -> list[Entry]:
    """The entries of a file in their order. Raises CatalogError naming file, entry and field; also for tables that are
    not among `tables`, and for figures with a source that the file does not describe or a value that cannot be."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogError(f"{file}: not TOML: {error}") from error
    kinds = list(tables)
    unknown = set(data) - {"sources", *kinds}
    if unknown:
        raise CatalogError(f"{file}: unknown tables {sorted(unknown)}")
    sources = data.get("sources", {})
    return [_entry(file, row, sources, MODELS[kind]) for kind in kinds for row in _rows(file, kind, data.get(kind, []))]


def check_figures(kind: str, entry: Entry) -> None:
    """Raises CatalogError for a figure with another unit than its field's, or a value that cannot be."""
    for name in type(entry).model_fields:
        figure = getattr(entry, name)
        if not isinstance(figure, Figure):
            continue
        low, high = BOUNDS.get(name, DEFAULT_BOUNDS)
        if figure.unit != UNITS[name]:
            raise CatalogError(f"{kind} {entry.id!r}: {name} is in {figure.unit}, it must be in {UNITS[name]}")
        if not low <= figure.value <= high:
            raise CatalogError(f"{kind} {entry.id!r}: {name} {figure.value} {figure.unit} is outside {low} to {high}")


def _rows(file: str, kind: str, rows: object) -> list[dict[str, Any]]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise CatalogError(f"{file}: {kind} must be a table of entries, [[{kind}]]")
    return rows


def _entry(file: str, row: dict[str, Any], sources: dict[str, str], model: type[Entry]) -> Entry:
    place = f"{file}: {row.get('id', 'an entry without id')}"
    fields = {name: _figure(place, name, value, sources) if name in UNITS else value for name, value in row.items()}
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "entry"
        raise CatalogError(f"{place}: {where}: {first['msg']}") from error


def _figure(place: str, name: str, value: object, sources: dict[str, str]) -> dict[str, Any]:
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[1], str) or ":" not in value[1]:
        raise CatalogError(f'{place}: {name} must be [value, "standing:source"], found {value!r}')
    standing, _, source = value[1].partition(":")
    if source not in sources:
        raise CatalogError(f"{place}: {name} names the source {source!r}, which the file does not describe")
    return {"value": value[0], "unit": UNITS[name], "source": sources[source], "standing": standing}
