"""A picture of the job: the stock, the areas to be cut, and the cutter-centre paths by purpose."""

from __future__ import annotations

import math
from collections.abc import Iterator

from contracts.cam import ToolpathJob
from contracts.outlines import Arc, Contour, Segment, pockets
from services.cam.domain.toolpath import TICKS_PER_MM, Feed, Move, Rapid, Swing, Toolpath

LAYERS = (
    ("rapid", "#b9b2a6", 0.10, "0.8 0.6"),
    ("rough", "#2f6f9f", 0.12, None),
    ("link", "#d08b2c", 0.14, None),
    ("entry", "#c2452d", 0.18, None),
    ("finish", "#1f8a5b", 0.16, None),
)
"""Class, colour, stroke width (mm), dashes; drawn in this order."""

MARGIN_MM = 6.0
LEGEND_MM = 9.0


def preview_of(job: ToolpathJob, toolpath: Toolpath) -> bytes:
    """SVG 1.1, one unit per mm, Y up in the drawing; the same job gives the same bytes."""
    half = float(job.spec.canvas_mm) / 2
    side = 2 * (half + MARGIN_MM)
    size = f'width="{side * 6:.0f}" height="{(side + LEGEND_MM) * 6:.0f}"'
    corner = -half - MARGIN_MM
    box = f"{corner:g} {corner:g} {side:g} {side + LEGEND_MM:g}"
    paths = _paths(toolpath)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="{box}">',
        f'<path fill="#fbfaf7" d="M{corner:g} {corner:g}h{side:g}v{side + LEGEND_MM:g}h{-side:g}z"/>',
        f'<g fill="#efe0c2" stroke="#a98d5d" stroke-width="0.3">{_square(half)}</g>',
        '<g transform="scale(1 -1)">',
        '<path d="M-3 0H3M0 -3V3" stroke="#a98d5d" stroke-width="0.2"/>',
        '<g fill="#d9bf92" stroke="#8c6a3a" stroke-width="0.1" fill-rule="evenodd">',
        *(f'<path d="{_outline(outline.outer, *outline.holes)}"/>' for outline in pockets(job.spec)),
        "</g>",
        '<g fill="none" stroke-linecap="round" stroke-linejoin="round">',
        *(_layer(name, colour, width, dashes, paths[name]) for name, colour, width, dashes in LAYERS if paths[name]),
        "</g>",
        "</g>",
        *_legend(half, job),
        "</svg>",
    ]
    return ("\n".join(parts) + "\n").encode("ascii")


def _square(half: float) -> str:
    return f'<rect x="{-half:g}" y="{-half:g}" width="{2 * half:g}" height="{2 * half:g}" rx="1.5"/>'


def _layer(name: str, colour: str, width: float, dashes: str | None, data: str) -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<path class="{name}" stroke="{colour}" stroke-width="{width:g}"{dashed} d="{data}"/>'


def _paths(toolpath: Toolpath) -> dict[str, str]:
    """One path per class. Levels repeat each other in plan, so each piece is drawn once."""
    drawn: dict[str, dict[str, None]] = {name: {} for name, *_ in LAYERS}
    at = (0, 0)
    for operation in toolpath.operations:
        for move in operation.moves:
            name = "rapid" if isinstance(move, Rapid) else move.purpose
            if name in drawn and (isinstance(move, Swing) or (move.x, move.y) != at):
                drawn[name].setdefault(f"M{_xy(*at)}{''.join(_move(at, move))}")
            at = (move.x, move.y)
    return {name: "".join(pieces) for name, pieces in drawn.items()}


def _move(at: tuple[int, int], move: Move) -> Iterator[str]:
    if isinstance(move, Rapid | Feed):
        yield f"L{_xy(move.x, move.y)}"
        return
    start = (at[0] / TICKS_PER_MM, at[1] / TICKS_PER_MM)
    end = (move.x / TICKS_PER_MM, move.y / TICKS_PER_MM)
    yield from _arc(Arc(*start, *end, move.cx / TICKS_PER_MM, move.cy / TICKS_PER_MM, move.ccw))


def _xy(x: int, y: int) -> str:
    return f"{_short(x / TICKS_PER_MM)} {_short(y / TICKS_PER_MM)}"


def _outline(*contours: Contour) -> str:
    return "".join(
        f"M{_short(contour[0].x0)} {_short(contour[0].y0)}{''.join(p for s in contour for p in _segment(s))}Z"
        for contour in contours
    )


def _segment(segment: Segment) -> Iterator[str]:
    if isinstance(segment, Arc):
        yield from _arc(segment)
    else:
        yield f"L{_short(segment.x1)} {_short(segment.y1)}"


def _arc(arc: Arc) -> Iterator[str]:
    """An SVG arc cannot be a full turn, so long ones are halved."""
    sweep, radius = arc.sweep_rad, arc.radius
    flag = 1 if arc.ccw else 0
    size = f"A{_short(radius)} {_short(radius)} 0 0 {flag} "
    if abs(sweep) > 3:
        middle = math.atan2(arc.y0 - arc.cy, arc.x0 - arc.cx) + sweep / 2
        yield f"{size}{_short(arc.cx + radius * math.cos(middle))} {_short(arc.cy + radius * math.sin(middle))}"
    yield f"{size}{_short(arc.x1)} {_short(arc.y1)}"


def _short(value: float) -> str:
    """Three decimals are a thousandth of a line's width; minus zero is zero."""
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _legend(half: float, job: ToolpathJob) -> Iterator[str]:
    y = half + MARGIN_MM + 1.5
    step = 2 * half / len(LAYERS)
    for i, (name, colour, *_) in enumerate(LAYERS):
        x = -half + i * step
        yield f'<path d="M{x:g} {y:g}h5" stroke="{colour}" stroke-width="0.8"/>'
        yield f'<text x="{x + 6:g}" y="{y + 1:g}" font-family="sans-serif" font-size="3" fill="#4a4030">{name}</text>'
    text = f"{job.cutter.tool_id}, {job.cutter.diameter_mm:f} mm; stock {job.stock_thickness_mm:f} mm; units mm"
    yield f'<text x="{-half:g}" y="{y + 5:g}" font-family="sans-serif" font-size="2.6" fill="#7a6c55">{text}</text>'
