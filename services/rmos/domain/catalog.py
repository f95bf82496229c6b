"""The catalog: materials, tools and machines by id, with a digest that does not depend on the order of the files."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from contracts.cam import Cutter, MachineLimits
from contracts.canonical import digest_of
from contracts.catalog import Entry, Machine, Material, Tool, ToolKind
from contracts.catalog_files import CatalogError, check_figures
from contracts.errors import ErrorCode, RmosError

E = TypeVar("E", Material, Tool, Machine)


@dataclass(frozen=True, slots=True)
class Catalog:
    """Every entry by id. `sha256` covers all content: two catalogs with the same digest judge alike."""

    materials: Mapping[str, Material]
    tools: Mapping[str, Tool]
    machines: Mapping[str, Machine]
    sha256: str

    @classmethod
    def of(cls, materials: Iterable[Material], tools: Iterable[Tool], machines: Iterable[Machine]) -> Catalog:
        """The catalog of these entries. Raises CatalogError for double ids, wrong units and impossible figures."""
        found = _by_id("material", materials), _by_id("tool", tools), _by_id("machine", machines)
        _check_aliases(found[0])
        content = {"materials": _dumped(found[0]), "tools": _dumped(found[1]), "machines": _dumped(found[2])}
        views = MappingProxyType(found[0]), MappingProxyType(found[1]), MappingProxyType(found[2])
        return cls(*views, sha256=digest_of(content))

    def with_entry(self, entry: Entry) -> Catalog:
        """This catalog with one entry more. Raises RmosError(INVALID_REQUEST) for an id or alias that is taken, a wrong
        unit or an impossible figure: nothing that is there is ever replaced."""
        known = self._entry_like(entry)
        if known is not None:
            raise RmosError(
                ErrorCode.INVALID_REQUEST,
                f"the catalog has {entry.id!r} already: {known.id!r} ({known.name}) stays, not "
                f"{entry.name!r}: choose another id, entries are never replaced",
                id=entry.id,
                known=known.id,
            )
        try:
            return _extended(self, entry)
        except CatalogError as error:
            raise RmosError(ErrorCode.INVALID_REQUEST, str(error), id=entry.id) from error

    def _entry_like(self, entry: Entry) -> Entry | None:
        match entry:
            case Material():
                return self.find_material(entry.id)
            case Tool():
                return self.tools.get(entry.id)
            case Machine():
                return self.machines.get(entry.id)

    def material(self, material_id: str) -> Material:
        """The material with this id or alias. Raises RmosError(INVALID_REQUEST) naming near matches."""
        return _found("material_id", material_id, self.materials, self.find_material(material_id))

    def find_material(self, material_id: str) -> Material | None:
        """The material with this id or alias, or None."""
        found = self.materials.get(material_id)
        if found is None:
            found = next((m for m in self.materials.values() if material_id in m.aliases), None)
        return found

    def tool(self, tool_id: str) -> Tool:
        """The tool with this id. Raises RmosError(INVALID_REQUEST) naming near matches."""
        return _found("tool_id", tool_id, self.tools, self.tools.get(tool_id))

    def machine(self, machine_id: str) -> Machine:
        """The machine with this id. Raises RmosError(INVALID_REQUEST) naming near matches."""
        return _found("machine_id", machine_id, self.machines, self.machines.get(machine_id))

    def near_materials(self, material_id: str) -> list[str]:
        return near_matches(material_id, self.materials)

    def flat_diameters(self) -> list[float]:
        """Diameters in mm of the flat end mills, ascending: what a suggestion can name."""
        return sorted(float(tool.diameter.value) for tool in self.tools.values() if tool.kind is ToolKind.FLAT)


class _OneEntry(Protocol):
    """A message that holds exactly one entry."""

    @property
    def material(self) -> Material | None: ...
    @property
    def tool(self) -> Tool | None: ...
    @property
    def machine(self) -> Machine | None: ...


def entry_in(message: _OneEntry) -> Entry:
    """The one entry of a command or event. Raises ValueError when there is none: a damaged record."""
    found = message.material or message.tool or message.machine
    if found is None:
        raise ValueError("a catalog event without an entry: the stream is damaged")
    return found


def with_entries(packaged: Catalog, own: Iterable[Entry]) -> tuple[Catalog, list[str]]:
    """The packaged catalog with customers' entries, and the ids of those that no longer fit because the package has
    them now: the package's own win, and the digest tells one catalog from the other."""
    catalog, hidden = packaged, []
    for entry in own:
        try:
            catalog = catalog.with_entry(entry)
        except RmosError:
            hidden.append(entry.id)
    return catalog, hidden


def _extended(catalog: Catalog, entry: Entry) -> Catalog:
    materials, tools, machines = catalog.materials.values(), catalog.tools.values(), catalog.machines.values()
    match entry:
        case Material():
            return Catalog.of((*materials, entry), tools, machines)
        case Tool():
            return Catalog.of(materials, (*tools, entry), machines)
        case Machine():
            return Catalog.of(materials, tools, (*machines, entry))


def near_matches(wanted: str, known: Iterable[str]) -> list[str]:
    """Up to five known ids that look like the wanted one, best first."""
    ids = sorted(known)
    close = difflib.get_close_matches(wanted, ids, n=5, cutoff=0.5)
    words = [word for word in wanted.replace("-", "_").split("_") if len(word) > 2]
    return (close + [i for i in ids if i not in close and any(word in i for word in words)])[:5]


def limits_for(machine: Machine) -> MachineLimits:
    """What a program may ask of this machine, as CAM wants it."""
    return MachineLimits(
        machine_id=machine.id,
        envelope_x_mm=machine.envelope_x.value,
        envelope_y_mm=machine.envelope_y.value,
        envelope_z_mm=machine.envelope_z.value,
        rapid_xy_mm_per_min=machine.rapid_xy.value,
        rapid_z_mm_per_min=machine.rapid_z.value,
        max_feed_xy_mm_per_min=machine.max_feed_xy.value,
        max_feed_z_mm_per_min=machine.max_feed_z.value,
        min_spindle_rev_per_min=machine.min_spindle_speed.value,
        max_spindle_rev_per_min=machine.max_spindle_speed.value,
        acceleration_mm_per_s2=machine.acceleration.value,
    )


def cutter_for(tool: Tool, number: int = 1) -> Cutter:
    """The tool as CAM wants it. Raises RmosError(INVALID_REQUEST) for anything but a flat end mill."""
    if tool.kind is not ToolKind.FLAT or tool.flute_length is None:
        raise RmosError(
            ErrorCode.INVALID_REQUEST,
            f"{tool.id} is a {tool.kind} tool; pockets are cut with a flat end mill (tool ids flat_…)",
            tool_id=tool.id,
        )
    return Cutter(
        tool_id=tool.id,
        kind="flat",
        diameter_mm=tool.diameter.value,
        flute_length_mm=tool.flute_length.value,
        number=number,
    )


def _found(field: str, wanted: str, known: Mapping[str, Any], found: E | None) -> E:
    if found is not None:
        return found
    near = near_matches(wanted, known)
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    raise RmosError(
        ErrorCode.INVALID_REQUEST, f"{field} {wanted!r} is not in the catalog{hint}", field=field, near_matches=near
    )


def _by_id(kind: str, entries: Iterable[E]) -> dict[str, E]:
    found: dict[str, E] = {}
    for entry in entries:
        if entry.id in found:
            raise CatalogError(f"{kind} {entry.id!r} is there twice")
        check_figures(kind, entry)
        found[entry.id] = entry
    return found


def _dumped(entries: Mapping[str, E]) -> list[dict[str, Any]]:
    """The entries as canonical JSON data in the order of their ids."""
    return [entries[key].model_dump(mode="json") for key in sorted(entries)]


def _check_aliases(materials: Mapping[str, Material]) -> None:
    taken: dict[str, str] = {key: key for key in materials}
    for material in materials.values():
        for alias in material.aliases:
            if alias in taken:
                raise CatalogError(f"material {material.id!r}: alias {alias!r} already means {taken[alias]!r}")
            taken[alias] = material.id
