"""Can this machine do it: envelope, stock, speeds and feeds, and how long it takes."""

from __future__ import annotations

import math

from contracts.feasibility import CalculatorResult
from services.rmos.domain.feasibility.feeds import RAMP_ANGLE_DEG
from services.rmos.domain.feasibility.grading import Curve, judged, quantity, score_on
from services.rmos.domain.feasibility.situation import Situation

ROOM: Curve = ((0.0, 80), (10.0, 100))
"""mm left on the tightest side."""
SAFE_HEIGHT_MM = 5.0
"""Height of rapids above the stock, as CAM uses it by default."""
FEED_USE: Curve = ((0.8, 100), (1.0, 85))
"""Asked over allowed feed. Beyond it is a hard rule: a controller clamps in silence, and the chip gets thinner than is
judged."""
LONG_MIN = 180.0
CYCLE_MIN: Curve = ((20.0, 100), (60.0, 90), (LONG_MIN, 80), (480.0, 50), (1440.0, 35))
"""Minutes: long jobs are allowed, but a shift-long one should be looked at."""
SLOWER = 1.15
"""Entries, links and acceleration take about 15 % in the measured jobs [est]."""
STEPOVER: Curve = ((0.005, 0), (0.02, 30), (0.1, 80), (0.2, 100), (0.5, 100), (0.7, 80), (0.95, 50), (1.0, 30))
"""Share of the diameter. Beyond 0.95 ridges can stay between passes."""

PASS_MM: Curve = ((0.005, 0), (0.02, 30), (0.05, 50), (0.1, 80), (0.15, 100))
"""Depth a pass. A ground edge is round with 5-10 µm: a pass of that depth does not cut, and takes for ever [est]."""


def machine_envelope(situation: Situation) -> CalculatorResult:
    """The design inside the machine's travel, centred on the part's origin. Outside is a hard rule."""
    machine = situation.machine
    low_x, low_y, high_x, high_y = situation.design_geometry.bounds
    need_z = situation.deepest_mm + SAFE_HEIGHT_MM
    room = {
        "x": float(machine.envelope_x.value) / 2 - max(-low_x, high_x),
        "y": float(machine.envelope_y.value) / 2 - max(-low_y, high_y),
        "z": float(machine.envelope_z.value) - need_z,
    }
    axis = min(room, key=lambda name: (room[name], name))
    tight = quantity(f"room_{axis}", room[axis], "mm")
    out = room[axis] < 0
    return judged(
        "machine_envelope",
        score_on(ROOM, room[axis]),
        f"the design passes the {axis} travel of {machine.name} by {-room[axis]:.2f} mm"
        if out
        else f"the design stays {room[axis]:.1f} mm inside the travel of {machine.name} ({axis})",
        inputs=[quantity("reach_x", max(-low_x, high_x), "mm"), quantity("reach_y", max(-low_y, high_y), "mm")],
        results=[quantity(f"room_{name}", value, "mm") for name, value in room.items()],
        limiting=tight,
        suggestion=f"move or shrink the design by {max(-room[axis], 0):.2f} mm along {axis}, or take a larger machine",
        hard=out,
    )


def stock_extent(situation: Situation) -> CalculatorResult:
    """The design on the stock, which lies centred on the part's origin. Off the stock is a hard rule."""
    low_x, low_y, high_x, high_y = situation.design_geometry.bounds
    sizes = {"width (x)": situation.context.stock_width_mm, "length (y)": situation.context.stock_length_mm}
    reach = {"width (x)": max(-low_x, high_x), "length (y)": max(-low_y, high_y)}
    room = {name: float(size) / 2 - reach[name] for name, size in sizes.items() if size is not None}
    if not room:
        return judged(
            "stock_extent", 100, "the size of the stock was not given: that the design lies on it is not checked",
            assumptions=["the stock is larger than the design: stock_width_mm and stock_length_mm were not given"],
        )  # fmt: skip
    side = min(room, key=lambda name: (room[name], name))
    edge = quantity("room_to_edge", room[side], "mm")
    off = room[side] < 0
    return judged(
        "stock_extent",
        score_on(((0.0, 30), (1.0, 60), (3.0, 80), (6.0, 100)), room[side]),
        f"the design passes the stock's {side} by {-room[side]:.2f} mm"
        if off
        else f"{room[side]:.1f} mm of stock stay outside the design ({side})",
        inputs=[quantity("reach", reach[side], "mm")],
        results=[edge],
        limiting=edge,
        suggestion=f"take stock at least {2 * reach[side] + 6:.0f} mm in {side} or a smaller design",
        hard=off,
    )


def speeds_and_feeds(situation: Situation) -> CalculatorResult:
    """Speed and feed within what spindle, tool and axes allow. Over their limits is a hard rule."""
    machine, tool, feeds = situation.machine, situation.tool, situation.feeds
    speed, feed = float(feeds.spindle_rev_per_min), float(feeds.feed_mm_per_min)
    slowest, fastest = float(machine.min_spindle_speed.value), float(machine.max_spindle_speed.value)
    most = min(fastest, float(tool.max_speed.value))
    sink = float(feeds.ramp_feed_mm_per_min) * math.sin(math.radians(RAMP_ANGLE_DEG))
    use = max(feed / float(machine.max_feed_xy.value), sink / float(machine.max_feed_z.value))
    outside = not slowest - 1e-9 <= speed <= most + 1e-9
    step = situation.pass_depth_mm / situation.diameter_mm
    shallow = score_on(PASS_MM, situation.pass_depth_mm)
    score = min(
        score_on(FEED_USE, use),
        score_on(STEPOVER, float(feeds.stepover_ratio)),
        score_on(((1.0, 100), (1.5, 80), (3.0, 50), (5.0, 30)), step),
    )
    limit = quantity("spindle_speed", speed, "rev/min") if outside else quantity("feed_over_limit", use, "1")
    if shallow < score and not outside:
        limit = quantity("pass_depth", situation.pass_depth_mm, "mm")
    return judged(
        "speeds_and_feeds",
        min(score, shallow),
        f"{speed:.0f} rev/min ({slowest:.0f} to {most:.0f} possible), {feed:.0f} mm/min, "
        f"{feeds.stepdown_mm} mm deep and {100 * float(feeds.stepover_ratio):.0f} % wide a pass",
        inputs=[quantity("spindle_speed", speed, "rev/min"), quantity("feed", feed, "mm/min")],
        results=[quantity("feed_over_limit", use, "1"), quantity("pass_depth_in_diameters", step, "1")],
        limiting=limit,
        suggestion=f"turn between {slowest:.0f} and {most:.0f} rev/min, "
        f"feed at most {machine.max_feed_xy.value} mm/min, step down 0.1 to {situation.diameter_mm:g} mm "
        "and step over 20 to 50 %",
        hard=outside or use > 1 + 1e-9,
        assumptions=["speeds and feeds are proposed from the published chip loads"] if feeds.proposed else (),
    )


def cycle_time(situation: Situation) -> CalculatorResult:
    """An estimate of the time under the cutter: area cleared at feed and stepover, level by level, plus entries."""
    geometry, feeds = situation.sound_geometry, situation.feeds
    feed, step = float(feeds.feed_mm_per_min), float(feeds.stepdown_mm)
    pitch = float(feeds.stepover_ratio) * situation.diameter_mm
    depth = geometry.deepest_mm
    levels = math.ceil(depth / step - 1e-9)
    length = levels * (geometry.reachable_mm2 / pitch + geometry.border_mm)
    minutes = SLOWER * length / feed
    time = quantity("cycle_time", minutes, "min")
    return judged(
        "cycle_time",
        score_on(CYCLE_MIN, minutes),
        f"about {minutes:.0f} min: {length / 1000:.1f} m of cutting in {levels} levels at {feed:.0f} mm/min",
        inputs=[quantity("area", geometry.reachable_mm2, "mm2"), quantity("levels", levels, "1")],
        results=[time, quantity("cut_length", length, "mm")],
        limiting=time,
        suggestion=f"{LONG_MIN:g} min take {length * SLOWER / LONG_MIN:.0f} mm/min in these passes: feed faster, pass "
        "deeper or wider, or use a larger tool",
        assumptions=["an estimate from area and border; the program's own time is exact"],
    )
