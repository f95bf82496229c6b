"""Is the design a sound set of pockets for this cutter: validity, smallest feature, reachable area, walls, pieces."""

from __future__ import annotations

import math

from contracts.catalog import Material
from contracts.feasibility import CalculatorResult
from contracts.outlines import pieces
from contracts.spec import (
    Circle,
    DotRing,
    HerringboneRing,
    PolygonRing,
    RadialPetals,
    Ring,
    RopeRing,
    Shape,
    TileRing,
)
from services.rmos.domain.feasibility.geometry import Wall
from services.rmos.domain.feasibility.grading import Curve, judged, quantity, score_on
from services.rmos.domain.feasibility.polygons import inscribed_diameter, polygon_of
from services.rmos.domain.feasibility.situation import NotJudged, Situation
from services.rmos.domain.feasibility.widths import own_width, tile_width

COMFORT = 1.2
"""A pocket this many diameters wide lets the cutter finish each wall on its own."""

FEATURE: Curve = ((1.0, 60), (COMFORT, 80), (2.0, 100))
"""Width over diameter. At 1 the cutter slots at full engagement and both walls are cut at once."""

ENTRY_DIAMETERS = 0.2
"""A ramp needs a closed path of the cutter's centre at least this long, or it would have to plunge: a hard rule."""

REACH: Curve = ((0.55, 0), (0.7, 30), (0.85, 55), (0.95, 80), (0.99, 95), (1.0, 100))
"""Share of a shape's area the cutter reaches; what it leaves in corners and tips must be cut by hand."""

WALL: Curve = ((0.0, 0), (0.5, 30), (0.75, 50), (1.0, 80), (1.5, 100))
"""Thickness over the least the material holds."""
POINT_FLOOR = 55.0
"""Where shapes touch in a point the skin the cutter leaves may chip, but nothing hangs on it: YELLOW."""

PIECE: Curve = ((0.4, 0), (0.6, 30), (0.8, 50), (1.0, 80), (2.0, 100))
"""Width of the narrowest inlay piece over the least its material holds."""


def geometry_validity(situation: Situation) -> CalculatorResult:
    """No overlaps of different depth, no crossing outlines, no colliding pieces, no shape without area."""
    geometry = situation.design_geometry
    shapes = quantity("cut_shapes", len(situation.cuts), "1")
    if geometry.faults:
        first = geometry.faults[0]
        more = f" (and {len(geometry.faults) - 1} more)" if len(geometry.faults) > 1 else ""
        faults = quantity("faults", len(geometry.faults), "1")
        return judged(
            "geometry_validity", 0, first.what + more, limiting=faults, suggestion=first.mend, hard=True,
            inputs=[shapes], results=[faults],
        )  # fmt: skip
    if geometry.merged:
        a, b = geometry.merged[0]
        overlaps = quantity("overlapping_pairs", len(geometry.merged), "1")
        return judged(
            "geometry_validity", 60, f"shapes[{a}] and shapes[{b}] overlap at one depth: they become one pocket",
            inputs=[shapes], results=[overlaps], limiting=overlaps,
            suggestion=f"move them {_apart(situation, a, b):.2f} mm apart, or their inlay pieces cannot both lie flat",
        )  # fmt: skip
    return judged("geometry_validity", 100, "every shape is sound and keeps to itself", inputs=[shapes])


def feature_size(situation: Situation) -> CalculatorResult:
    """The narrowest pocket against the cutter's diameter. A pocket the cutter cannot enter is a hard rule."""
    geometry, diameter = situation.sound_geometry, situation.diameter_mm
    narrow = geometry.narrowest
    width = quantity("smallest_feature", narrow.width_mm, "mm")
    ratio = narrow.width_mm / diameter
    unreached = [share for share in geometry.shares if share.reachable_mm2 <= 0 or share.stranded]
    no_entry = [share for share in geometry.shares if share.travel_mm < ENTRY_DIAMETERS * diameter]
    if no_entry and ratio >= 1 and not unreached:
        narrow = no_entry[0]
    where = f"shapes[{narrow.shape}] ({narrow.kind})"
    entry = ", without room to ramp in" if no_entry else ""
    return judged(
        "feature_size",
        score_on(FEATURE, ratio),
        f"the narrowest pocket, {where}, is {narrow.width_mm:.3f} mm wide for a {diameter:g} mm cutter{entry}",
        inputs=[quantity("tool_diameter", diameter, "mm")],
        results=[width, quantity("width_over_diameter", ratio, "1")],
        limiting=width,
        suggestion=f"use a {_fitting_tool(situation, narrow.width_mm)} tool or widen {where} "
        f"to at least {COMFORT * diameter:.2f} mm",
        hard=ratio < 1 - 1e-6 or bool(unreached) or bool(no_entry),
    )


def reachable_area(situation: Situation) -> CalculatorResult:
    """The share of the worst shape that the cutter's disc reaches without leaving the pocket."""
    geometry = situation.sound_geometry
    worst = min(geometry.shares, key=lambda share: (share.ratio, share.shape))
    total = geometry.reachable_mm2 / geometry.area_mm2
    share = quantity("reachable_share", worst.ratio, "1")
    left = worst.area_mm2 - worst.reachable_mm2
    return judged(
        "reachable_area",
        score_on(REACH, worst.ratio),
        f"the cutter reaches {100 * worst.ratio:.2f} % of shapes[{worst.shape}] ({worst.kind}), "
        f"{100 * total:.2f} % of the whole",
        inputs=[quantity("tool_diameter", situation.diameter_mm, "mm")],
        results=[share, quantity("reachable_share_of_design", total, "1"), quantity("left_uncut", left, "mm2")],
        limiting=share,
        suggestion=f"use a smaller tool ({_smaller_tool(situation)}), round the corners, or finish them by hand",
        hard=worst.reachable_mm2 <= 0,
    )


def wall_thickness(situation: Situation) -> CalculatorResult:
    """The thinnest wall of stock between pockets as they will be cut, against what the material holds."""
    material, geometry = situation.material, situation.sound_geometry
    least = float(material.min_wall.value)
    inputs = [quantity("least_wall", least, "mm")]
    if not geometry.walls:
        return judged("wall_thickness", 100, "no pockets lie near each other", inputs=inputs)
    worst = min(geometry.walls, key=lambda wall: (_wall_score(wall, least), wall.thickness_mm, wall.between))
    thickness = quantity("thinnest_wall", worst.thickness_mm, "mm")
    place = "at a point " if worst.joined else ""
    return judged(
        "wall_thickness",
        _wall_score(worst, least),
        f"{worst.thickness_mm:.2f} mm of {material.name} stay {place}between {' and '.join(worst.between)}",
        inputs=inputs,
        results=[thickness],
        limiting=thickness,
        suggestion=f"leave at least {least:g} mm of {material.name}, or let the pockets touch and share one channel",
        assumptions=[f"least wall {least:g} mm: {material.min_wall.source}"],
    )


def inlay_fragility(situation: Situation) -> CalculatorResult:
    """The narrowest piece of each inlay material against what can be handled without breaking."""
    worst: tuple[float, float, Material, int] | None = None
    unknown = _unknown_materials(situation)
    if unknown:
        near = situation.catalog.near_materials(unknown[0])
        hint = f", for example {', '.join(near)}" if near else ""
        raise NotJudged(
            f"inlay material {unknown[0]!r} is not in the catalog",
            f"use materials of the catalog{hint}",
            tuple(f"material {name}" for name in unknown),
        )
    for index, material, width in _piece_widths(situation):
        ratio = width / float(material.min_piece.value)
        if worst is None or ratio < worst[0]:
            worst = (ratio, width, material, index)
    if worst is None:
        return judged("inlay_fragility", 100, "no inlay materials are named: nothing to judge")
    ratio, width, material, index = worst
    piece, least = quantity("narrowest_piece", width, "mm"), float(material.min_piece.value)
    return judged(
        "inlay_fragility",
        score_on(PIECE, ratio),
        f"the narrowest piece of {material.name}, in shapes[{index}], is {width:.2f} mm wide",
        inputs=[quantity("least_piece", least, "mm")],
        results=[piece],
        limiting=piece,
        suggestion=f"make pieces of {material.name} at least {least:g} mm wide",
        assumptions=[f"least piece {least:g} mm: {material.min_piece.source}"],
    )


def _apart(situation: Situation, a: int, b: int) -> float:
    """The way in mm after which two shapes keep to themselves whatever they look like: their reaches are apart."""
    first, second = (next(cut for cut in situation.cuts if cut.index == index) for index in (a, b))
    if first.centre == second.centre:
        return min(first.outer_mm, second.outer_mm) - max(first.inner_mm, second.inner_mm)
    return first.outer_mm + second.outer_mm - math.dist(first.centre, second.centre)


def _wall_score(wall: Wall, least: float) -> float:
    score = score_on(WALL, wall.thickness_mm / least)
    return max(score, POINT_FLOOR) if wall.joined else score


def _fitting_tool(situation: Situation, width: float) -> str:
    fitting = [d for d in situation.catalog.flat_diameters() if d * COMFORT <= width + 1e-9]
    return f"≤ {fitting[-1]:g} mm" if fitting else f"< {width / COMFORT:.2f} mm (none in the catalog)"


def _smaller_tool(situation: Situation) -> str:
    smaller = [d for d in situation.catalog.flat_diameters() if d < situation.diameter_mm]
    return f"≤ {smaller[-1]:g} mm" if smaller else "none in the catalog is smaller"


def _materials_of(shape: Shape) -> tuple[str, ...]:
    if isinstance(shape, TileRing | HerringboneRing | RopeRing | DotRing):
        return tuple(dict.fromkeys(shape.materials))
    return () if shape.material is None else (shape.material,)


def _unknown_materials(situation: Situation) -> list[str]:
    names = {name for cut in situation.cuts for name in _materials_of(cut.shape)}
    return sorted(name for name in names if situation.catalog.find_material(name) is None)


def _piece_widths(situation: Situation) -> list[tuple[int, Material, float]]:
    """(shape, material, width of one piece) for every cut shape; pieces of one shape are alike."""
    found = []
    for cut in situation.cuts:
        names = _materials_of(cut.shape)
        if not names or not cut.outlines:
            continue
        width = _piece_width(situation, cut.index)
        for name in names:
            material = situation.catalog.find_material(name)
            if material is not None:
                found.append((cut.index, material, width))
    return found


def _piece_width(situation: Situation, index: int) -> float:
    cut = next(cut for cut in situation.cuts if cut.index == index)
    if isinstance(cut.shape, TileRing):
        return tile_width(cut.shape)
    if isinstance(cut.shape, Ring | Circle | RadialPetals | DotRing | PolygonRing):
        return own_width(cut)
    alone = situation.spec.model_copy(update={"shapes": (cut.shape,)})
    return inscribed_diameter(polygon_of(next(pieces(alone))))
