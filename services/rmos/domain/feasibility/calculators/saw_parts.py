"""Can the parts be sawn from this stock on this saw: their shape, kerf against strip, pieces, yield, limits."""

from __future__ import annotations

import math
from collections import defaultdict

from contracts.catalog import Material, ToolKind
from contracts.feasibility import CalculatorResult
from services.rmos.domain.feasibility import sawing
from services.rmos.domain.feasibility.grading import Curve, judged, quantity, score_on
from services.rmos.domain.feasibility.saw_parts import SawPart, part_of
from services.rmos.domain.feasibility.saw_situation import SawSituation, missing

KERFS: Curve = ((0.4, 0), (0.999, 29), (1.0, 50), (2.0, 80), (4.0, 100))
"""Thinnest strip or piece over kerf. Thinner than the kerf it is drawn down beside the blade, and more than half of the
wood becomes dust: not by this blade [est]. At two kerfs a third is lost."""

PIECE: Curve = ((0.4, 0), (0.6, 30), (0.8, 50), (1.0, 80), (2.0, 100))
"""Thinnest piece over the least its material holds, as for the router's inlay pieces."""

YIELD: Curve = ((0.8, 100), (0.95, 85), (1.0, 80))
"""Width the strips take over width of the stock; beyond 1 it does not suffice, which is a hard rule."""

FEED_USE: Curve = ((0.8, 100), (1.0, 85), (1.05, 50), (1.5, 20))


PASSES: Curve = ((4.0, 100), (12.0, 80), (30.0, 50), (60.0, 30), (120.0, 0))
"""Passes through the stock: each one runs the strip past the blade again, a saw is no mill [est]."""

THIN: Curve = ((0.25, 0), (0.5, 30), (0.999, 70), (1.0, 100))
"""Thickness of the stock over the deepest channel: an inlay half as high as its channel cannot be levelled [est]."""


def sawable_parts(situation: SawSituation) -> CalculatorResult:
    """Straight cuts only: dots, petals and discs are a hard rule. Stock thinner than the pieces are high is a flaw."""
    parts = situation.parts
    curved = [cut for cut in situation.cuts if part_of(cut) is None]
    found = quantity("sawn_parts", len(parts), "1")
    if curved:
        names = ", ".join(cut.name for cut in curved[:3])
        return judged(
            "sawable_parts", 0, f"a saw makes straight cuts: not {names}", results=[found],
            limiting=quantity("shapes_without_straight_sides", len(curved), "1"), hard=True,
            suggestion="ask for mode router, or use 0 of these shapes: rings, tiles, ropes, herringbones can be sawn",
        )  # fmt: skip
    stock, highest = situation.stock_thickness_mm, max(part.height_mm for part in parts)
    return judged(
        "sawable_parts",
        score_on(THIN, stock / highest),
        f"{len(parts)} shapes are sawn from {stock:g} mm of stock; their channels are up to {highest:g} mm deep",
        inputs=[quantity("stock_thickness", stock, "mm"), quantity("deepest_channel", highest, "mm")],
        results=[found],
        limiting=quantity("stock_thickness", stock, "mm"),
        suggestion=f"take stock of at least {highest:g} mm, or the pieces lie below the top",
    )


def _nothing_sawn(calculator: str) -> CalculatorResult:
    """Without a single sawn part there is nothing to measure; sawable_parts refuses such a design by a hard rule."""
    return judged(calculator, 100, "no shape of the design is sawn: nothing to judge")


def kerf_and_strip(situation: SawSituation) -> CalculatorResult:
    """The thinnest strip or piece against the kerf."""
    kerf = situation.kerf_mm
    if not situation.parts:
        return _nothing_sawn("kerf_and_strip")
    thinnest = min(situation.parts, key=lambda part: (part.thinnest_mm, part.name))
    ratio = thinnest.thinnest_mm / kerf
    lost = kerf / (kerf + thinnest.thinnest_mm)
    width = quantity("thinnest_part", thinnest.thinnest_mm, "mm")
    return judged(
        "kerf_and_strip",
        score_on(KERFS, ratio),
        f"{thinnest.name} needs parts {thinnest.thinnest_mm:.2f} mm thin with a kerf of {kerf:g} mm: "
        f"{100 * lost:.0f} % become dust",
        inputs=[quantity("kerf", kerf, "mm")],
        results=[width, quantity("thickness_over_kerf", ratio, "1"), quantity("lost", lost, "1")],
        limiting=width,
        suggestion=f"use a kerf of at most {thinnest.thinnest_mm / 2:.2f} mm ({_thinner(situation, thinnest)}) or make "
        f"the part at least {2 * kerf:.2f} mm thick",
    )


def _thinner(situation: SawSituation, part: SawPart) -> str:
    fitting = [
        (tool.kerf.value, tool.id)
        for tool in situation.catalog.tools.values()
        if tool.kind is ToolKind.SAW_BLADE and tool.kerf and float(tool.kerf.value) <= part.thinnest_mm / 2
    ]
    return max(fitting)[1] if fitting else "none in the catalog"


def piece_fragility(situation: SawSituation) -> CalculatorResult:
    """The thinnest part of each material against what can be handled without breaking."""
    rows = [
        (part.thinnest_mm / float(material.min_piece.value), part, material)
        for part in situation.parts
        for material in situation.materials_of(part)
    ]
    if not rows:
        return _nothing_sawn("piece_fragility")
    ratio, part, material = min(rows, key=lambda row: (row[0], row[1].name, row[2].id))
    piece, least = quantity("thinnest_part", part.thinnest_mm, "mm"), float(material.min_piece.value)
    return judged(
        "piece_fragility",
        score_on(PIECE, ratio),
        f"the thinnest part of {material.name}, for {part.name}, is {part.thinnest_mm:.2f} mm",
        inputs=[quantity("least_piece", least, "mm")],
        results=[piece],
        limiting=piece,
        suggestion=f"make parts of {material.name} at least {least:g} mm thick",
        assumptions=[f"least piece {least:g} mm: {material.min_piece.source}"],
    )


def strip_yield(situation: SawSituation) -> CalculatorResult:
    """Do all strips come out of the stock, one board of each material. If not, a hard rule."""
    width, length = situation.context.stock_width_mm, situation.context.stock_length_mm
    parts, kerf = situation.parts, situation.kerf_mm
    if not parts:
        return _nothing_sawn("strip_yield")
    if width is None or length is None:
        return judged(
            "strip_yield", 100, "the size of the stock was not given: that it yields all strips is not checked",
            assumptions=["the stock is large enough: stock_width_mm and stock_length_mm were not given"],
        )  # fmt: skip
    needed: dict[str, float] = defaultdict(float)
    strips = 0
    for part in parts:
        materials: tuple[Material, ...] = situation.materials_of(part)
        count = math.ceil(part.length_with_kerfs_mm(kerf) / len(materials) / float(length) - 1e-9)
        strips += count * len(materials)
        for material in materials:
            needed[material.name] += sawing.width_for_strips(count, part.strip_mm, kerf)
    name, wide = max(needed.items(), key=lambda item: (item[1], item[0]))
    use = wide / float(width)
    result = quantity("width_needed", wide, "mm")
    return judged(
        "strip_yield",
        score_on(YIELD, use),
        f"{strips} strips of {length:g} mm; those of {name} take {wide:.1f} mm of {width:g} mm with their kerfs",
        inputs=[quantity("stock_width", float(width), "mm"), quantity("stock_length", float(length), "mm")],
        results=[quantity("strips", strips, "1"), result],
        limiting=result,
        suggestion=f"take stock at least {wide:.0f} mm wide, or longer than {length:g} mm",
        hard=use > 1 + 1e-9,
        assumptions=["one board of this size for each material"],
    )


def saw_limits(situation: SawSituation) -> CalculatorResult:
    """Blade, speed, feed and passes within what the saw has. A blade too large or a speed outside is a hard rule."""
    machine, speed, feed = situation.machine, situation.rev_per_min, float(situation.feeds.feed_mm_per_min)
    if machine.max_blade is None:
        raise missing("max_blade")
    largest, diameter = float(machine.max_blade.value), situation.diameter_mm
    slowest, fastest = float(machine.min_spindle_speed.value), float(machine.max_spindle_speed.value)
    most_feed = float(machine.max_feed_xy.value)
    use = feed / most_feed
    passes = math.ceil(situation.stock_thickness_mm / situation.pass_depth_mm - 1e-9)
    score = min(score_on(FEED_USE, use), score_on(PASSES, passes))
    too_large, outside = diameter > largest + 1e-9, not slowest - 1e-9 <= speed <= fastest + 1e-9
    limit = quantity("feed_over_limit", use, "1")
    if too_large or outside:
        limit = quantity("max_blade", largest, "mm") if too_large else quantity("spindle_speed", speed, "rev/min")
    elif score < score_on(FEED_USE, use):
        limit = quantity("passes", passes, "1")
    return judged(
        "saw_limits",
        score,
        f"{machine.name} takes blades up to {largest:g} mm ({diameter:g}), {slowest:.0f} to {fastest:.0f} rev/min "
        f"({speed:.0f}) and feeds up to {most_feed:.0f} mm/min ({feed:.0f}); "
        f"{passes} passes",
        inputs=[quantity("spindle_speed", speed, "rev/min"), quantity("feed", feed, "mm/min")],
        results=[quantity("feed_over_limit", use, "1"), quantity("passes", passes, "1")],
        limiting=limit,
        suggestion=f"take a blade of at most {largest:g} mm, turn at {slowest:.0f} to {fastest:.0f} rev/min and feed "
        f"at most {most_feed:.0f} mm/min, in passes of at least {situation.stock_thickness_mm / 12:.2g} mm",
        hard=too_large or outside,
        assumptions=["speed and feed are proposed from the published figures"] if situation.feeds.proposed else (),
    )
