"""The packaged catalog is complete and sourced; a wrong entry is refused with its place; order does not matter."""

from __future__ import annotations

from decimal import Decimal
from importlib import resources

import pytest

from contracts.canonical import canonical_bytes
from contracts.catalog import Figure, MachineClass, MaterialFamily, Standing, ToolKind
from contracts.catalog_files import CatalogError, entries_in
from contracts.errors import ErrorCode, RmosError
from services.rmos.catalog import catalog_from, load_catalog
from services.rmos.domain.catalog import Catalog, cutter_for, limits_for
from tests.architecture.source import ROOT

FILES = ("materials.toml", "tools.toml", "machines.toml")
TEXTS = [(resources.files("services.rmos.catalog") / name).read_text("utf-8") for name in FILES]


def refusal(materials: str = TEXTS[0], tools: str = TEXTS[1], machines: str = TEXTS[2]) -> str:
    with pytest.raises(CatalogError) as refused:
        catalog_from(materials, tools, machines)
    return str(refused.value)


def test_it_has_the_woods_inlays_tools_and_machines_of_lutherie() -> None:
    catalog = load_catalog()
    families = [material.family for material in catalog.materials.values()]
    assert sum(f in {MaterialFamily.SOFTWOOD, MaterialFamily.HARDWOOD} for f in families) >= 40
    assert {MaterialFamily.SHELL, MaterialFamily.BONE, MaterialFamily.METAL, MaterialFamily.POLYMER} <= set(families)
    assert {tool.kind for tool in catalog.tools.values()} == set(ToolKind)
    assert {0.5, 0.8, 1.0, 1.5, 3.175, 6.35} <= set(catalog.flat_diameters())
    assert {"shapeoko_4_xxl", "onefinity_x50", "bcamcnc_2030", "grbl_3018"} <= set(catalog.machines)


def test_every_figure_names_a_source_and_a_standing() -> None:
    catalog = load_catalog()
    entries = [*catalog.materials.values(), *catalog.tools.values(), *catalog.machines.values()]
    figures = [value for entry in entries for _, value in entry if isinstance(value, Figure)]
    assert len(figures) > 500
    assert all(figure.source and figure.standing in set(Standing) for figure in figures)
    # published: only where the source itself is named, never "typical" or a secondary table
    assert not [
        f for f in figures if f.standing is Standing.PUBLISHED and ("typical" in f.source or "cite" in f.source)
    ]


def test_denser_woods_resist_cutting_more() -> None:
    woods = sorted(
        (m.density.value, m.cutting_coefficient.value)
        for m in load_catalog().materials.values()
        if m.cutting_coefficient
    )
    assert [k for _, k in woods] == sorted(k for _, k in woods)


def test_a_cutting_coefficient_is_that_of_the_next_denser_published_wood_and_named_a_bound() -> None:
    # Ettelt's force, FreeCAD cards SoftWood (pine, spruce, 500 kg/m3) and HardWood (beech, oak, 750 kg/m3)
    published = {Decimal(500): Decimal("36.9"), Decimal(750): Decimal("52.5")}
    for material in load_catalog().materials.values():
        figure, density = material.cutting_coefficient, material.density.value
        if figure is None:
            continue
        denser = [at for at in published if at >= density]
        assert figure.estimated == (not denser), material.id
        assert figure.is_bound == bool(denser and density not in published), material.id
        if denser:
            assert figure.value == published[min(denser)], material.id
        else:
            assert figure.value > published[Decimal(750)], material.id


def test_only_a_published_figure_whose_source_says_so_is_a_bound() -> None:
    def figure(standing: str, source: str) -> Figure:
        return Figure.model_validate({"value": 1, "unit": "1", "standing": standing, "source": source})

    assert figure("src", "upper bound: measured on denser wood").is_bound
    assert not figure("est", "upper bound: by judgement").is_bound
    assert not figure("src", "measured; no upper bound: a mean").is_bound


def test_the_digest_does_not_depend_on_the_order_of_the_entries() -> None:
    plain = load_catalog()
    turned = Catalog.of(*(reversed(list(kind.values())) for kind in (plain.materials, plain.tools, plain.machines)))
    assert turned.sha256 == plain.sha256


def test_the_digest_changes_with_any_figure() -> None:
    changed = TEXTS[0].replace('density = [425, "pre:species_table"]', 'density = [426, "pre:species_table"]', 1)
    assert changed != TEXTS[0]
    assert catalog_from(changed, *TEXTS[1:]).sha256 != load_catalog().sha256


def test_entries_are_canonical_json() -> None:
    for material in load_catalog().materials.values():
        assert canonical_bytes(material)


def test_a_wrong_entry_is_refused_with_its_place() -> None:
    assert "materials: not TOML" in refusal(materials="[[material")
    assert "is there twice" in refusal(machines=TEXTS[2] + TEXTS[2][TEXTS[2].index("[[machine]]") :])
    assert "unknown tables ['colour']" in refusal(materials=TEXTS[0] + "\n[colour]\n")
    figure = 'density = [425, "pre:species_table"]'
    assert "spruce_sitka: density must be [value" in refusal(materials=TEXTS[0].replace(figure, "density = 425", 1))
    assert "names the source 'hearsay'" in refusal(
        materials=TEXTS[0].replace(figure, 'density = [425, "pre:hearsay"]', 1)
    )
    assert "standing" in refusal(materials=TEXTS[0].replace(figure, 'density = [425, "sure:species_table"]', 1))
    assert "density 0.425 kg/m3 is outside" in refusal(
        materials=TEXTS[0].replace(figure, 'density = [0.425, "pre:species_table"]', 1)
    )
    assert "finite" in refusal(materials=TEXTS[0].replace(figure, 'density = [nan, "pre:species_table"]', 1))
    assert "already means" in refusal(materials=TEXTS[0].replace('"sitka"', '"maple"', 1))
    assert "Extra inputs" in refusal(materials=TEXTS[0].replace(figure, figure + "\ncolour = 1", 1))
    assert "a flat tool needs flute_length" in refusal(
        tools=TEXTS[1].replace('flute_length = [1.5, "est:generic"]\n', "", 1)
    )
    assert "min_spindle_speed must be below" in refusal(
        machines=TEXTS[2].replace("min_spindle_speed = [10000,", "min_spindle_speed = [40000,", 1)
    )


def test_an_alias_finds_its_material_and_an_unknown_id_names_near_ones() -> None:
    assert load_catalog().material("ebony").id == "ebony_african"
    with pytest.raises(RmosError) as refused:
        load_catalog().machine("shapeko_4")
    assert refused.value.code is ErrorCode.INVALID_REQUEST
    assert refused.value.details["near_matches"][0] == "shapeoko_4_xxl"


def test_tool_and_machine_become_what_cam_asks_for() -> None:
    catalog = load_catalog()
    cutter = cutter_for(catalog.tool("flat_1_0"))
    assert (cutter.kind, cutter.diameter_mm, cutter.flute_length_mm) == ("flat", 1, 4)
    assert limits_for(catalog.machine("grbl_3018")).envelope_y_mm == 180
    with pytest.raises(RmosError, match="ball"):
        cutter_for(catalog.tool("ball_1_0"))


def test_the_sample_file_of_the_documentation_is_an_entry_of_ones_own() -> None:
    page = (ROOT / "docs" / "feasibility.md").read_text("utf-8")
    sample = page.split("```toml\n")[1].split("```")[0]
    (blade,) = entries_in("sample", sample)
    assert load_catalog().with_entry(blade).tools["saw_80_own"].diameter.value == 80


def test_a_file_of_ones_own_is_refused_with_its_place() -> None:
    def refused(text: str) -> str:
        with pytest.raises(CatalogError) as caught:
            entries_in("own.toml", text)
        return str(caught.value)

    assert "own.toml: unknown tables ['blade']" in refused("[[blade]]\n")
    assert "own.toml: tool must be a table of entries" in refused("tool = 3\n")
    assert "own.toml: an entry without id: id" in refused("[[tool]]\n")


def test_every_saw_and_blade_has_what_the_saw_calculators_need() -> None:
    catalog = load_catalog()
    blades = [tool for tool in catalog.tools.values() if tool.kind is ToolKind.SAW_BLADE]
    assert min(blade.diameter.value for blade in blades) == 50
    assert max(blade.diameter.value for blade in blades) == 250
    for blade in blades:
        assert blade.flange is not None
        assert blade.bore is not None
        assert blade.bore.value < blade.flange.value < blade.diameter.value
    saws = [machine for machine in catalog.machines.values() if machine.machine_class is MachineClass.SAW]
    assert {"table_saw_cabinet", "cnc_saw_precision"} <= {saw.id for saw in saws}
    assert all(saw.max_blade is not None for saw in saws)


def test_every_wood_has_what_router_and_saw_ask_of_it() -> None:
    for material in load_catalog().materials.values():
        if material.family in {MaterialFamily.SOFTWOOD, MaterialFamily.HARDWOOD}:
            figures = (material.janka, material.cutting_coefficient, material.chip_load_factor)
            assert None not in (*figures, material.burn_tendency, material.tear_out, material.specific_heat)
