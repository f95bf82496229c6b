"""The verdict on a program's text: coverage, gouges, depth, entries, rapids, limits, time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from shapely import Point, Polygon, STRtree, distance, get_coordinates, points
from shapely.geometry.base import BaseGeometry

from contracts.cam import Simulation, ToolpathJob
from contracts.model import Number, decimal_of
from services.cam.simulate.reader import Motion, Reading, read
from services.cam.simulate.sweep import (
    RESOLUTION_MM,
    Z_TOLERANCE_MM,
    Stratum,
    SweptAreas,
    Trace,
    distinct,
    parts,
    solid_parts,
    strata,
    traces,
    widest_mm,
)
from services.cam.simulate.timing import motion_times

LEAST_COVERAGE = 0.995
"""Of the reachable area, for the whole and for every separate part of it, so that no small pocket can be missing."""

MOST_UNCUT_WIDTH_MM = 0.01
"""A strip of reachable area left standing wider than this is a missed pass, however small its share."""

MOST_GOUGE_MM2 = 0.01
STEEPEST_RAMP_DEG = 5.05
"""5 degrees and what rounding to 0.1 µm can add."""

PLUNGE_DEG = 45.0
SKIM_SHARE = 0.3
"""A cut deeper than the stepdown is allowed where it is a skim: narrower than this share of the cutter's diameter."""

_NOISE_MM = 0.002
"""Descents this small are judged together with their neighbours: alone, rounding would decide their slope."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """`report` for the record; `seconds_by_line` maps a program line (from 1) to the time its motion takes."""

    report: Simulation
    seconds_by_line: dict[int, float]


@dataclass(slots=True)
class _Coverage:
    reachable: float = 0.0
    uncut: float = 0.0
    target: float = 0.0


@dataclass(slots=True)
class _Tally:
    findings: list[str] = field(default_factory=list)
    coverage: _Coverage = field(default_factory=_Coverage)
    gouge_mm2: float = 0.0
    max_gouge_mm: float = 0.0
    rapids: int = 0
    plunges: int = 0
    steepest_deg: float = 0.0


def simulate(program: bytes, job: ToolpathJob) -> Judgement:
    """Judge a program's final text against the job's design, cutter and machine.

    `passed` is True only if nothing at all was found. A program the controller refuses is still measured as far as it
    can be read, to help finding the fault.
    """
    reading = read(program, job.post)
    tally = _Tally(findings=list(reading.findings))
    radius = float(job.cutter.diameter_mm) / 2
    layers = strata(job.spec, radius)
    chains = traces(reading.motions)
    unions = SweptAreas(radius)
    _judge_coverage(tally, layers, chains, unions)
    _judge_gouges(tally, layers, chains, unions)
    _judge_stepdown(tally, chains, unions, float(job.feeds.stepdown_mm))
    _judge_rapids(tally, reading.motions)
    _judge_entries(tally, reading.motions)
    _judge_machine(tally, reading, job)
    times = motion_times(reading.motions, job.machine)
    by_line = {motion.line: seconds for motion, seconds in zip(reading.motions, times, strict=True)}
    return Judgement(_report(tally, reading, sum(times) + reading.dwell_s), by_line)


def _judge_coverage(tally: _Tally, layers: Sequence[Stratum], chains: Sequence[Trace], unions: SweptAreas) -> None:
    total = tally.coverage
    for layer in layers:
        deep = [chain for chain in chains if chain.flat and chain.depth_mm >= layer.depth_mm - Z_TOLERANCE_MM]
        area = unions.of(deep) if deep else Point()
        uncut = layer.reachable.difference(area)
        total.reachable += layer.reachable.area
        total.uncut += uncut.area
        total.target += layer.target.area
        pieces = solid_parts(uncut)
        width = widest_mm(pieces)
        if width > MOST_UNCUT_WIDTH_MM:
            x, y = max(pieces, key=lambda part: part.area).representative_point().coords[0]
            tally.findings.append(
                f"at {layer.depth_mm:g} mm a strip about {width:.3f} mm wide is uncut near {x:.2f} {y:.2f}"
            )
        for x, y, share in _short_parts(layer.reachable, pieces):
            tally.findings.append(f"at {layer.depth_mm:g} mm the area near {x:.2f} {y:.2f} is cut only to {share:.4f}")
    if total.reachable <= 0:
        tally.findings.append("the cutter can reach nothing of the design")


def _short_parts(reachable: BaseGeometry, pieces: Sequence[Polygon]) -> Iterator[tuple[float, float, float]]:
    """Every connected part of the reachable area that is not covered well enough: a point in it and its share."""
    areas = parts(reachable)
    missing = [0.0] * len(areas)
    if pieces:
        inside = [piece.representative_point() for piece in pieces]
        for piece, area in STRtree(areas).query(inside, predicate="dwithin", distance=RESOLUTION_MM).T.tolist():
            missing[area] += pieces[piece].area
    for area, gap in zip(areas, missing, strict=True):
        if gap > (1 - LEAST_COVERAGE) * area.area:
            point = area.representative_point()
            yield point.x, point.y, max(0.0, 1 - gap / area.area)


def _judge_gouges(tally: _Tally, layers: Sequence[Stratum], chains: Sequence[Trace], unions: SweptAreas) -> None:
    for layer in layers:
        top, bottom = layer.above_mm + Z_TOLERANCE_MM, layer.depth_mm + Z_TOLERANCE_MM
        here = [chain for chain in chains if (top < chain.depth_mm or not layer.above_mm) and chain.depth_mm <= bottom]
        if here:
            _gouge(tally, layer, unions.of(here))
    deepest = layers[-1].depth_mm if layers else 0.0
    for chain in chains:
        if chain.depth_mm > deepest + Z_TOLERANCE_MM:
            tally.findings.append(f"line {chain.line}: {chain.depth_mm:.4f} mm deep, the design asks for {deepest:g}")
            break


def _gouge(tally: _Tally, layer: Stratum, area: BaseGeometry) -> None:
    outside = area.difference(layer.target.buffer(RESOLUTION_MM))
    if outside.is_empty or outside.area == 0:
        return
    farthest = float(distance(points(get_coordinates(outside)), layer.target).max())
    tally.gouge_mm2 += outside.area
    tally.max_gouge_mm = max(tally.max_gouge_mm, farthest)
    if outside.area > MOST_GOUGE_MM2:
        x, y = max(parts(outside), key=lambda part: part.area).representative_point().coords[0]
        tally.findings.append(
            f"{outside.area:.4f} mm2 outside the design, up to {farthest:.4f} mm, near {x:.2f} {y:.2f}"
        )


def _judge_stepdown(tally: _Tally, chains: Sequence[Trace], unions: SweptAreas, stepdown: float) -> None:
    """What is cut at a depth must have been cut one stepdown higher before, or be a skim."""
    skim = SKIM_SHARE * unions.radius * 2
    earlier: list[Trace] = []
    flat = [chain for chain in chains if chain.flat]
    depths = sorted({round(chain.depth_mm, 4) for chain in flat})
    for depth in depths:
        here = [chain for chain in flat if round(chain.depth_mm, 4) == depth]
        if depth > stepdown + Z_TOLERANCE_MM:
            high = [chain for chain in earlier if chain.depth_mm >= depth - stepdown - Z_TOLERANCE_MM]
            names = distinct(high).keys()
            fresh = [chain for chain in here if chain.name not in names]
            if fresh:
                above = unions.of(high) if high else Point()
                deep = unions.of(fresh).difference(above).buffer(-skim / 2)
                if deep.area > MOST_GOUGE_MM2:
                    x, y = deep.representative_point().coords[0]
                    tally.findings.append(f"at {depth:g} mm more than the stepdown is cut at once near {x:.2f} {y:.2f}")
        earlier += here


def _judge_rapids(tally: _Tally, motions: Sequence[Motion]) -> None:
    for motion in motions:
        low = min(motion.start[2], motion.end[2])
        if motion.rapid and (low < 0 or (low == 0 and motion.length_xy > 0)):
            tally.rapids += 1
            if tally.rapids == 1:
                tally.findings.append(f"line {motion.line}: a rapid below the stock's top (Z {low:.4f})")


def _judge_entries(tally: _Tally, motions: Sequence[Motion]) -> None:
    """The slope of every descent below the stock's top; tiny ones are added up until they can be judged."""
    length = drop = 0.0
    for motion in motions:
        down = motion.start[2] - motion.end[2]
        if motion.rapid or down <= 0 or motion.end[2] >= 0:
            _slope(tally, motion.line, length, drop)
            length = drop = 0.0
            continue
        if down > _NOISE_MM:
            _slope(tally, motion.line, motion.length_xy, down)
        else:
            length, drop = length + motion.length_xy, drop + down
            if drop > _NOISE_MM:
                _slope(tally, motion.line, length, drop)
                length = drop = 0.0


def _slope(tally: _Tally, line: int, length: float, drop: float) -> None:
    if drop <= _NOISE_MM / 2:
        return
    angle = math.degrees(math.atan2(drop, length))
    if angle > STEEPEST_RAMP_DEG and tally.steepest_deg <= STEEPEST_RAMP_DEG:
        tally.findings.append(f"line {line}: goes down into the stock at {angle:.2f} degrees")
    tally.steepest_deg = max(tally.steepest_deg, angle)
    tally.plunges += angle >= PLUNGE_DEG


def _judge_machine(tally: _Tally, reading: Reading, job: ToolpathJob) -> None:
    machine, motions = job.machine, reading.motions
    if not motions:
        tally.findings.append("the program moves nothing")
        return
    boxes = [motion.box for motion in motions]
    reach_x = max(max(abs(box[0]), abs(box[2])) for box in boxes)
    reach_y = max(max(abs(box[1]), abs(box[3])) for box in boxes)
    heights = [height for motion in motions for height in (motion.start[2], motion.end[2])]
    feed = max((motion.feed for motion in motions), default=0.0)
    sinking = max((_sinking(motion) for motion in motions if not motion.rapid), default=0.0)
    limits = [
        ("X", reach_x, float(machine.envelope_x_mm) / 2),
        ("Y", reach_y, float(machine.envelope_y_mm) / 2),
        ("Z travel", max(heights) - min(heights), float(machine.envelope_z_mm)),
        ("the feed", feed, float(machine.max_feed_xy_mm_per_min)),
        ("the vertical feed", sinking, float(machine.max_feed_z_mm_per_min)),
        ("the depth", -min(heights), float(job.stock_thickness_mm)),
        ("the spindle speed", max(reading.speeds, default=0.0), float(machine.max_spindle_rev_per_min)),
        ("the least spindle speed", float(machine.min_spindle_rev_per_min), min(reading.speeds, default=math.inf)),
    ]
    tally.findings += [f"{what}: {value:g} passes {limit:g}" for what, value, limit in limits if value > limit + 1e-6]


def _sinking(motion: Motion) -> float:
    length = motion.length
    return motion.feed * abs(motion.end[2] - motion.start[2]) / length if length else 0.0


def _report(tally: _Tally, reading: Reading, seconds: float) -> Simulation:
    cuts = [motion for motion in reading.motions if not motion.rapid]
    cut_length = sum(motion.length for motion in cuts)
    arcs = sum(motion.length for motion in cuts if motion.centre is not None)
    total = tally.coverage
    lowest = min((motion.end[2] for motion in reading.motions), default=0.0)
    return Simulation(
        passed=not tally.findings,
        coverage_of_reachable=_six(1 - total.uncut / total.reachable if total.reachable else 0.0),
        coverage_of_design=_six((total.reachable - total.uncut) / total.target if total.target else 0.0),
        reachable_area_mm2=_six(total.reachable),
        uncut_reachable_mm2=_six(total.uncut),
        gouge_mm2=_six(tally.gouge_mm2),
        max_gouge_mm=_six(tally.max_gouge_mm),
        deepest_mm=_six(max(0.0, -lowest)),
        rapids_below_top=tally.rapids,
        plunges_in_stock=tally.plunges,
        max_ramp_deg=_six(tally.steepest_deg),
        cut_length_mm=_six(cut_length),
        rapid_length_mm=_six(sum(motion.length for motion in reading.motions if motion.rapid)),
        arc_share=_six(arcs / cut_length if cut_length else 0.0),
        lines=reading.lines,
        cycle_time_s=_six(seconds),
        findings=tuple(tally.findings),
    )


def _six(value: float) -> Number:
    return decimal_of(round(max(0.0, value), 6))
