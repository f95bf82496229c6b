"""Is the job within what the cutter, the stock and the machine allow? Checked before any geometry is made."""

from __future__ import annotations

import math
from collections.abc import Iterator

from contracts.cam import ToolpathJob
from services.cam.domain.cutting import RAMP_DEG
from services.cam.domain.regions import Feature
from services.cam.domain.toolpath import TICKS_PER_MM, Swing, Toolpath
from services.cam.errors import LimitExceeded


def check_job(job: ToolpathJob) -> None:
    """Speeds and feeds. Raises LimitExceeded for the first figure beyond its limit."""
    feeds, machine = job.feeds, job.machine
    rpm = float(feeds.spindle_rev_per_min)
    low, high = float(machine.min_spindle_rev_per_min), float(machine.max_spindle_rev_per_min)
    if rpm < low:
        raise LimitExceeded("the spindle speed", rpm, low, "rev/min", "a faster speed or another machine")
    _at_most("the spindle speed", rpm, high, "rev/min", "a lower speed or another machine")
    xy = float(machine.max_feed_xy_mm_per_min)
    _at_most("the feed", float(feeds.feed_mm_per_min), xy, "mm/min", "a lower feed")
    _at_most("the ramp feed", float(feeds.ramp_feed_mm_per_min), xy, "mm/min", "a lower ramp feed")
    sinking = float(feeds.ramp_feed_mm_per_min) * math.sin(math.radians(RAMP_DEG))
    _at_most("the ramp's vertical feed", sinking, float(machine.max_feed_z_mm_per_min), "mm/min", "a lower ramp feed")


def check_depths(job: ToolpathJob, features: tuple[Feature, ...]) -> None:
    """Depth against flute and stock, and the Z travel it takes. Raises LimitExceeded."""
    for feature in features:
        for layer in feature.layers:
            what = f"the depth of {layer.sources[0].name}"
            flute, stock = float(job.cutter.flute_length_mm), float(job.stock_thickness_mm)
            _at_most(what, layer.bottom_mm, flute, "mm", "a cutter with longer flutes or a shallower cut")
            _at_most(what, layer.bottom_mm, stock, "mm", "a thicker stock or a shallower cut")
            travel = layer.bottom_mm + float(job.safe_z_mm)
            _at_most("the Z travel", travel, float(job.machine.envelope_z_mm), "mm", "a lower safe height")


def check_envelope(job: ToolpathJob, toolpath: Toolpath) -> None:
    """The XY box of the cutter's centre, arcs included. Raises LimitExceeded."""
    reach_x = reach_y = 0
    for operation in toolpath.operations:
        x = y = 0
        for move in operation.moves:
            if isinstance(move, Swing):
                for px, py in _bulges(x, y, move):
                    reach_x, reach_y = max(reach_x, abs(px)), max(reach_y, abs(py))
            x, y = move.x, move.y
            reach_x, reach_y = max(reach_x, abs(x)), max(reach_y, abs(y))
    half_x, half_y = float(job.machine.envelope_x_mm) / 2, float(job.machine.envelope_y_mm) / 2
    _at_most("the reach in X", reach_x / TICKS_PER_MM, half_x, "mm", "a smaller rosette or a larger machine")
    _at_most("the reach in Y", reach_y / TICKS_PER_MM, half_y, "mm", "a smaller rosette or a larger machine")


def _bulges(x: int, y: int, arc: Swing) -> Iterator[tuple[int, int]]:
    """The arc's points farthest along the axes, those that lie within its sweep."""
    radius = round(math.hypot(x - arc.cx, y - arc.cy))
    begin = math.atan2(y - arc.cy, x - arc.cx)
    turn = math.atan2(arc.y - arc.cy, arc.x - arc.cx) - begin
    sweep = ((turn if arc.ccw else -turn) % math.tau) or math.tau
    for quarter, (dx, dy) in enumerate(((1, 0), (0, 1), (-1, 0), (0, -1))):
        ahead = quarter * math.pi / 2 - begin
        if (ahead if arc.ccw else -ahead) % math.tau <= sweep:
            yield arc.cx + dx * radius, arc.cy + dy * radius


def _at_most(what: str, value: float, limit: float, unit: str, remedy: str) -> None:
    if value > limit + 1e-9:
        raise LimitExceeded(what, value, limit, unit, remedy)
