"""The packaged catalog: reviewed data files (see contracts.catalog_files), read once and checked entry by entry."""

from __future__ import annotations

from functools import cache
from importlib import resources

from contracts.catalog import Machine, Material, Tool
from contracts.catalog_files import entries_in
from services.rmos.domain.catalog import Catalog


@cache
def load_catalog() -> Catalog:
    """The catalog in the package. Raises CatalogError naming file, entry and field."""
    folder = resources.files(__package__)
    texts = {name: (folder / name).read_text("utf-8") for name in ("materials.toml", "tools.toml", "machines.toml")}
    return catalog_from(texts["materials.toml"], texts["tools.toml"], texts["machines.toml"])


def catalog_from(materials_toml: str, tools_toml: str, machines_toml: str) -> Catalog:
    """The catalog these three files mean. Raises CatalogError naming file, entry and field."""
    materials = entries_in("materials", materials_toml, ("material",))
    tools = entries_in("tools", tools_toml, ("tool",))
    machines = entries_in("machines", machines_toml, ("machine",))
    return Catalog.of(
        [entry for entry in materials if isinstance(entry, Material)],
        [entry for entry in tools if isinstance(entry, Tool)],
        [entry for entry in machines if isinstance(entry, Machine)],
    )
