"""The verdict on a program's text: coverage, gouges, depth, entries, rapids, limits, time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.cam import MachineLimits, Simulation, ToolpathJob
from contracts.model import Number, decimal_of
from services.cam.simulate.areas import judge_areas
from services.cam.simulate.reader import Motion, Reading, read
from services.cam.simulate.sweep import traces
from services.cam.simulate.tally import Tally
from services.cam.simulate.target import strata
from services.cam.simulate.timing import motion_times

STEEPEST_RAMP_DEG = 5.05
"""5 degrees and what rounding to 0.1 µm can add."""

PLUNGE_DEG = 45.0

_NOISE_MM = 0.002
"""Descents this small are judged together with their neighbours: alone, rounding would decide their slope."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """`report` for the record; `seconds_by_line` maps a program line (from 1) to the time its motion takes."""

    report: Simulation
    seconds_by_line: dict[int, float]


def simulate(program: bytes, job: ToolpathJob) -> Judgement:
    """Judge a program's final text against the job's design, cutter and machine.

    `passed` is True only if nothing at all was found. A program the controller refuses is still measured as far as it
    can be read, to help finding the fault.
    """
    reading = read(program, job.post)
    tally = Tally(findings=list(reading.findings))
    radius = float(job.cutter.diameter_mm) / 2
    inside = [motion for motion in reading.motions if _within_machine(motion, job.machine)]
    judge_areas(tally, strata(job.spec, radius), traces(inside), radius, float(job.feeds.stepdown_mm))
    _judge_rapids(tally, reading.motions)
    _judge_entries(tally, reading.motions)
    _judge_machine(tally, reading, job)
    times = motion_times(reading.motions, job.machine)
    by_line = {motion.line: seconds for motion, seconds in zip(reading.motions, times, strict=True)}
    return Judgement(_report(tally, reading, sum(times) + reading.dwell_s), by_line)


def _within_machine(motion: Motion, machine: MachineLimits) -> bool:
    """Motions beyond the machine are findings of their own; their areas, as large as a typing error, are not made."""
    low_x, low_y, high_x, high_y = motion.box
    half_x, half_y = float(machine.envelope_x_mm) / 2, float(machine.envelope_y_mm) / 2
    return max(-low_x, high_x) <= half_x and max(-low_y, high_y) <= half_y


def _judge_rapids(tally: Tally, motions: Sequence[Motion]) -> None:
    for motion in motions:
        low = min(motion.start[2], motion.end[2])
        if motion.rapid and (low < 0 or (low == 0 and motion.length_xy > 0)):
            tally.rapids += 1
            if tally.rapids == 1:
                tally.findings.append(f"line {motion.line}: a rapid below the stock's top (Z {low:.4f})")


def _judge_entries(tally: Tally, motions: Sequence[Motion]) -> None:
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


def _slope(tally: Tally, line: int, length: float, drop: float) -> None:
    if drop <= _NOISE_MM / 2:
        return
    angle = math.degrees(math.atan2(drop, length))
    if angle > STEEPEST_RAMP_DEG and tally.steepest_deg <= STEEPEST_RAMP_DEG:
        tally.findings.append(f"line {line}: goes down into the stock at {angle:.2f} degrees")
    tally.steepest_deg = max(tally.steepest_deg, angle)
    tally.plunges += angle >= PLUNGE_DEG


def _judge_machine(tally: Tally, reading: Reading, job: ToolpathJob) -> None:
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


def _report(tally: Tally, reading: Reading, seconds: float) -> Simulation:
    cuts = [motion for motion in reading.motions if not motion.rapid]
    cut_length = sum(motion.length for motion in cuts)
    arcs = sum(motion.length for motion in cuts if motion.centre is not None)
    lowest = min((motion.end[2] for motion in reading.motions), default=0.0)
    return Simulation(
        passed=not tally.findings,
        coverage_of_reachable=_six(1 - tally.uncut / tally.reachable if tally.reachable else 0.0),
        # chords of the opening may pass the target's own by the last digits
        coverage_of_design=_six(min(1.0, (tally.reachable - tally.uncut) / tally.target) if tally.target else 0.0),
        reachable_area_mm2=_six(tally.reachable),
        uncut_reachable_mm2=_six(tally.uncut),
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
