"""Placed bands become shapes of a spec v1, as plain JSON values in millimetres."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, assert_never

from contracts.outlines import petal_half_width
from services.ai_gateway.vendors.offline.dice import Dice
from services.ai_gateway.vendors.offline.layout import Placed

Shape = dict[str, Any]
MIN_DOT_R = 0.8
"""A 1 mm cutter enters a dot of this radius on a helix; a smaller one would have to be drilled."""


@dataclass(frozen=True, slots=True)
class Making:
    """What all bands of a rosette share. `symmetry` is the number that default counts are multiples of."""

    depth_mm: float
    web_mm: float
    channel_mm: float
    feature_mm: float
    """Narrowest piece that the caller allows; 0 where nothing was said."""
    symmetry: int
    turn_deg: float
    dots_free: bool
    """Whether dots may fill gaps: not where the prompt names or refuses dots."""
    panels_free: bool

    @property
    def least_dot_r(self) -> float:
        return max(MIN_DOT_R, self.channel_mm / 2)


def number(value: float) -> float | int:
    """At most three decimals, and no ".0": one spelling for one length."""
    rounded = round(value, 3)
    return int(rounded) if rounded == int(rounded) else rounded


def reference_circle(radius_mm: float) -> Shape:
    return {"type": "circle", "cx": 0, "cy": 0, "r": number(radius_mm)}


def shapes_of(placed: Placed, materials: tuple[str, ...], making: Making, dice: Dice) -> Iterator[Shape]:
    """The band's shape, followed by what fills the wood between its pieces."""
    a, b = placed.inner_um / 1000, placed.outer_um / 1000
    match placed.band.kind:
        case "ring":
            yield {"type": "ring", **_span(a, b, making), "material": materials[0]}
        case "petals":
            yield from _petals(placed, a, b, materials, making)
        case "tiles":
            yield _tiles(placed, a, b, materials, making)
        case "windows":
            yield _windows(placed, a, b, materials, making)
        case "herringbone":
            fitting = min(_default_count(a, b, 0.45 * (b - a), placed, making), _most(a, 45, making))
            count = _even(placed.band.count or fitting)
            yield _row("herringbone_ring", count, placed, a, b, materials, making)
        case "rope":
            fitting = min(_default_count(a, b, 0.85 * (b - a), placed, making), _most(a, 48, making))
            count = placed.band.count or fitting
            slant = {"slant_deg": 48 * placed.band.lean}
            yield {**_row("rope_ring", _even(count), placed, a, b, materials, making), **slant}
        case "dots":
            yield _dots(placed, a, b, materials, making)
        case "polygon":
            yield from _polygon(placed, a, b, materials, making)
        case "arcs":
            yield from _arcs(placed, a, b, materials, making, dice)
        case _:
            assert_never(placed.band.kind)


def _span(a: float, b: float, making: Making) -> Shape:
    return {"cx": 0, "cy": 0, "r_inner": number(a), "r_outer": number(b), "depth_mm": number(making.depth_mm)}


def _angle(placed: Placed, count: int, making: Making) -> float | int:
    """A piece stands at 12 o'clock, turned by the band's phase."""
    step = 360 / count
    return number((90 + making.turn_deg + placed.band.phase * step) % 360)


def _row(
    kind: str, count: int, placed: Placed, a: float, b: float, materials: tuple[str, ...], making: Making
) -> Shape:
    count = max(2, min(720, count))
    return {
        "type": kind,
        **_span(a, b, making),
        "count": count,
        "angle_deg": _angle(placed, count, making),
        "materials": list(materials),
    }


def _default_count(a: float, b: float, length_mm: float, placed: Placed, making: Making) -> int:
    """Pieces of about this length along the middle radius, a multiple of the symmetry."""
    fitting = math.pi * (a + b) / max(length_mm, 0.3) * placed.band.density
    return making.symmetry * max(1, round(fitting / making.symmetry))


def _most(a: float, slant_deg: float, making: Making) -> int:
    """The most side-by-side pieces that are no narrower than the smallest allowed feature; even."""
    if making.feature_mm <= 0:
        return 720
    across = math.tau * a * math.cos(math.radians(slant_deg))
    return max(2, min(720, 2 * int(across / making.feature_mm / 2)))


def _even(count: int) -> int:
    return count + count % 2


def _tiles(placed: Placed, a: float, b: float, materials: tuple[str, ...], making: Making) -> Shape:
    count = placed.band.count or tile_count(placed, len(materials), making)
    shift = 1 if placed.band.phase >= 1 else 0
    return _row("tile_ring", count, placed, a, b, materials[shift:] + materials[:shift], making)


def tile_count(placed: Placed, materials: int, making: Making) -> int:
    """Nearly square tiles, whole repeats of the materials and of the symmetry."""
    a, b = placed.inner_um / 1000, placed.outer_um / 1000
    repeat = math.lcm(max(1, materials), making.symmetry)
    fitting = math.pi * (a + b) / (1.05 * max(b - a, 0.6)) * placed.band.density
    return repeat * max(1, round(min(fitting, _most(0.94 * a, 0, making)) / repeat))


def _windows(placed: Placed, a: float, b: float, materials: tuple[str, ...], making: Making) -> Shape:
    """Sector-shaped openings with a wooden spoke between them."""
    gap = max(making.web_mm, 1.0 if b - a < 4 else 1.8)
    most = int(min(math.tau * a / (gap + max(making.channel_mm, 1.2)), 5.9 * a / gap))
    count = placed.band.count or _default_count(a, b, 1.7 * (b - a) + gap, placed, making)
    shape = _row("tile_ring", min(count, max(2, most)), placed, a, b, materials, making)
    return {**shape, "gap_mm": number(gap)}


def _petals(placed: Placed, a: float, b: float, materials: tuple[str, ...], making: Making) -> Iterator[Shape]:
    web = making.web_mm
    fits = max(3, min(64, int(math.pi / math.asin(min(1.0, (web + 0.4) / (2 * a))))))
    full = math.pi * (a + b) / (0.6 * (b - a) + web)  # this many petals touch at their widest, save the web
    default = making.symmetry * max(1, round(full * placed.band.density / making.symmetry))
    count = min(fits, max(3, placed.band.count or default))
    angle = _angle(placed, count, making)
    yield {
        "type": "radial_petals",
        **_span(a, b, making),
        "petals": count,
        "angle_deg": angle,
        "web_mm": number(web),
        "material": materials[0],
    }
    yield from _between_petals(placed, a, b, count, float(angle), materials[-1], making)


def _between_petals(
    placed: Placed, a: float, b: float, count: int, angle: float, material: str, making: Making
) -> Iterator[Shape]:
    """The recipe's filling, or the other one where the prompt claims it; sparse petals always get one."""
    wanted = placed.band.companion
    half = petal_half_width(a, b, count, making.web_mm)
    if wanted == "none" and math.pi * (a + b) / count > 4 * half + 3:
        wanted = "panels"
    if wanted != "none" and making.panels_free and (wanted == "panels" or not making.dots_free):
        yield from _panels_between(a, b, count, angle, material, making)
    elif wanted != "none" and making.dots_free:
        yield from _dots_between(a, b, count, angle, material, making)


def _dots_between(a: float, b: float, count: int, angle: float, material: str, making: Making) -> Iterator[Shape]:
    """The largest dots between the petals' outer tips that keep the web to both neighbours; none if too small."""
    half = petal_half_width(a, b, count, making.web_mm)
    if half <= 0:
        return
    length, middle = b - a, (a + b) / 2
    radius = (length * length / 4 + half * half) / (2 * half)
    for tenths in range(min(16, int(1.8 * length)), math.ceil(making.least_dot_r * 10) - 1, -1):
        dot = tenths / 10
        centre = b - dot
        x, y = centre * math.cos(math.pi / count), centre * math.sin(math.pi / count)
        # distance to the disc that bounds the neighbouring lens on this side: never more than to the lens itself
        clear = math.hypot(x - middle, y + radius - half) - radius - dot
        apart = 2 * centre * math.sin(math.pi / count) - 2 * dot
        if clear >= making.web_mm and apart >= making.web_mm:
            yield {
                "type": "dot_ring", "cx": 0, "cy": 0, "r": number(centre), "dot_r": number(dot), "count": count,
                "angle_deg": number((angle + 180 / count) % 360), "materials": [material],
                "depth_mm": number(making.depth_mm),
            }  # fmt: skip
            return


def _panels_between(a: float, b: float, count: int, angle: float, material: str, making: Making) -> Iterator[Shape]:
    """A slim panel between two petals, its sides parallel to their axes; none where the petals stand too close."""
    half = petal_half_width(a, b, count, making.web_mm)
    gap = 2 * (half + making.web_mm)
    middle, height = (a + b) / 2, max(making.channel_mm, 0.3 * (b - a))
    low, high = middle - height / 2, middle + height / 2
    if half <= 0 or math.tau * low / count - gap < max(2.0, making.channel_mm) or gap * count >= 5.9 * low:
        return
    yield {
        "type": "tile_ring",
        **_span(low, high, making),
        "count": count,
        "angle_deg": number(angle),
        "materials": [material],
        "gap_mm": number(gap),
    }


def _dots(placed: Placed, a: float, b: float, materials: tuple[str, ...], making: Making) -> Shape:
    """Dots as wide as their band, or smaller where many are asked for; they touch the band's outer edge."""
    middle, dot = (a + b) / 2, (b - a) / 2
    smallest = min(dot, making.least_dot_r)
    most = max(2, int(math.pi / math.asin(min(1.0, (2 * smallest + making.web_mm) / (2 * middle)))))
    count = placed.band.count or _default_count(a, b, 2 * (b - a) + making.web_mm, placed, making)
    count = max(2, min(720, most, count))
    room = middle * math.sin(math.pi / count) - making.web_mm / 2
    dot = math.floor(100 * max(smallest, min(dot, room))) / 100 if dot > 0.02 else dot
    return {
        "type": "dot_ring", "cx": 0, "cy": 0, "r": number(b - dot), "dot_r": number(dot), "count": count,
        "angle_deg": _angle(placed, count, making), "materials": list(materials),
        "depth_mm": number(making.depth_mm),
    }  # fmt: skip


def _polygon(placed: Placed, a: float, b: float, materials: tuple[str, ...], making: Making) -> Iterator[Shape]:
    """A polygon whose corners touch the band's outer edge, and dots in the wood beside its flats."""
    sides = placed.band.count or 8
    rise = math.cos(math.pi / sides)
    inner = max(a / rise, b - max(3.2, making.channel_mm) / rise)
    angle = _angle(placed, sides, making)
    yield {
        "type": "polygon_ring",
        **_span(math.ceil(inner * 1000) / 1000, b, making),
        "sides": sides,
        "angle_deg": angle,
        "material": materials[0],
    }
    dot = math.floor(50 * min(3.2, b - b * rise - making.web_mm)) / 100
    if making.dots_free and dot >= making.least_dot_r:
        yield {
            "type": "dot_ring", "cx": 0, "cy": 0, "r": number(b - dot), "dot_r": number(dot), "count": sides,
            "angle_deg": number((angle + 180 / sides) % 360), "materials": [materials[-1]],
            "depth_mm": number(making.depth_mm),
        }  # fmt: skip


def _arcs(
    placed: Placed, a: float, b: float, materials: tuple[str, ...], making: Making, dice: Dice
) -> Iterator[Shape]:
    """Arcs of unequal length that chase each other round one track, wood between them."""
    count = max(1, min(40, placed.band.count or dice.between(3, 6)))
    gap_deg = math.degrees((making.web_mm + 2) / a)
    shares = [dice.between(3, 10) for _ in range(count)]
    sweep = 360 - count * gap_deg
    if sweep / count * math.radians(a) < 2 * making.channel_mm:
        count, shares, sweep = 1, [1], 360 - gap_deg
    start = float(-180 + dice.below(120))
    for index in range(count):
        end = start + sweep * shares[index] / sum(shares)
        yield {
            "type": "arc",
            **_span(a, b, making),
            "start_deg": number(start),
            "end_deg": number(end),
            "material": materials[index % len(materials)],
        }
        start = end + gap_deg
