"""Cycle time with acceleration: trapezoids, corner speeds by junction deviation, look-ahead over the whole program.

The corner rule is GRBL's (planner.c): a corner is taken at the speed whose centripetal acceleration on a circle that
leaves the corner by the junction deviation is the machine's. LinuxCNC with G64 P behaves alike within the tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.cam import MachineLimits
from services.cam.simulate.reader import Motion

JUNCTION_DEVIATION_MM = 0.01
"""GRBL's default ($11)."""

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class _Block:
    length: float
    speed: float
    begin: Vector
    finish: Vector


def motion_times(motions: Sequence[Motion], machine: MachineLimits) -> list[float]:
    """Seconds each motion takes, in order; the machine rests before the first and after the last."""
    acceleration = float(machine.acceleration_mm_per_s2)
    blocks = [_block(motion, machine, acceleration) for motion in motions]
    entry = [0.0] * (len(blocks) + 1)
    for i in range(1, len(blocks)):
        entry[i] = _corner(blocks[i - 1], blocks[i], acceleration)
    for i in range(len(blocks) - 1, -1, -1):
        entry[i] = min(entry[i], math.sqrt(entry[i + 1] ** 2 + 2 * acceleration * blocks[i].length))
    for i, block in enumerate(blocks):
        entry[i + 1] = min(entry[i + 1], math.sqrt(entry[i] ** 2 + 2 * acceleration * block.length))
    return [_trapezoid(block, entry[i], entry[i + 1], acceleration) for i, block in enumerate(blocks)]


def _block(motion: Motion, machine: MachineLimits, acceleration: float) -> _Block:
    length, dz = motion.length, motion.end[2] - motion.start[2]
    if length == 0:
        return _Block(0.0, 0.0, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    if motion.rapid:
        limits = [(motion.length_xy, float(machine.rapid_xy_mm_per_min)), (abs(dz), float(machine.rapid_z_mm_per_min))]
        speed = min(limit * length / part for part, limit in limits if part > 0) / 60
    else:
        speed = motion.feed / 60
    if motion.centre is not None:
        speed = min(speed, math.sqrt(acceleration * motion.radius))
    return _Block(length, speed, _direction(motion, motion.start, length), _direction(motion, motion.end, length))


def _direction(motion: Motion, at: Vector, length: float) -> Vector:
    """Unit vector of travel at one end of the motion."""
    dz = (motion.end[2] - motion.start[2]) / length
    if motion.centre is None:
        return (motion.end[0] - motion.start[0]) / length, (motion.end[1] - motion.start[1]) / length, dz
    rx, ry = at[0] - motion.centre[0], at[1] - motion.centre[1]
    share = motion.length_xy / length / (math.hypot(rx, ry) or 1.0) * (1 if motion.ccw else -1)
    return -ry * share, rx * share, dz


def _corner(before: _Block, after: _Block, acceleration: float) -> float:
    fastest = min(before.speed, after.speed)
    cosine = -sum(a * b for a, b in zip(before.finish, after.begin, strict=True))
    if cosine <= -0.999999:
        return fastest
    if cosine >= 0.999999:
        return 0.0
    half_sine = math.sqrt(0.5 * (1 - cosine))
    return min(fastest, math.sqrt(acceleration * JUNCTION_DEVIATION_MM * half_sine / (1 - half_sine)))


def _trapezoid(block: _Block, entry: float, leave: float, acceleration: float) -> float:
    if block.length == 0:
        return 0.0
    top = min(block.speed, math.sqrt(acceleration * block.length + (entry * entry + leave * leave) / 2))
    top = max(top, entry, leave)
    ramps = (2 * top * top - entry * entry - leave * leave) / (2 * acceleration)
    return (2 * top - entry - leave) / acceleration + max(0.0, block.length - ramps) / top
