"""The packaged catalog: reviewed data files, read once and checked entry by entry.

A data file maps the short names of its sources to their full text and lists entries. A figure is written as
`[value, "standing:source"]`; its unit is that of the field (contracts.catalog.UNITS).
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any, TypeVar

from pydantic import ValidationError

from contracts.catalog import UNITS, Machine, Material, Tool
from services.rmos.domain.catalog import Catalog, CatalogError

E = TypeVar("E", Material, Tool, Machine)


@cache
def load_catalog() -> Catalog:
    """The catalog in the package. Raises CatalogError naming file, entry and field."""
    folder = resources.files(__package__)
    texts = {name: (folder / name).read_text("utf-8") for name in ("materials.toml", "tools.toml", "machines.toml")}
    return catalog_from(texts["materials.toml"], texts["tools.toml"], texts["machines.toml"])


def catalog_from(materials_toml: str, tools_toml: str, machines_toml: str) -> Catalog:
    """The catalog these three files mean. Raises CatalogError naming file, entry and field."""
    return Catalog.of(
        _entries("materials", "material", materials_toml, Material),
        _entries("tools", "tool", tools_toml, Tool),
        _entries("machines", "machine", machines_toml, Machine),
    )


def _entries(file: str, table: str, text: str, model: type[E]) -> list[E]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogError(f"{file}: not TOML: {error}") from error
    unknown = set(data) - {"sources", table}
    if unknown:
        raise CatalogError(f"{file}: unknown tables {sorted(unknown)}")
    return [_entry(file, row, data.get("sources", {}), model) for row in data.get(table, [])]


def _entry(file: str, row: dict[str, Any], sources: dict[str, str], model: type[E]) -> E:
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
