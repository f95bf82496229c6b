"""An interpreter for the text of a program: motions with their line numbers, and everything a controller refuses."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from contracts.cam import Post
from services.cam.simulate.dialects import DIALECTS, MODAL_GROUPS, Dialect

RADIUS_MISMATCH_MM = 0.002
"""Largest difference of an arc's radius at its two ends. GRBL allows 5 µm; both posts write 0.1 µm."""

_WORD = re.compile(r"([A-Z])([+-]?(?:\d+\.?\d*|\.\d+))")
_COMMENT = re.compile(r"\([^()]*\)")
_PARAMETERS = frozenset("XYZIJFSPTN")
_INCH_MM = 25.4
_COMPASS = ((1, 0), (0, 1), (-1, 0), (0, -1))

MOST_REFUSED = 50
"""Reading stops after this many refused lines: a program so wrong is not worth more."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Motion:
    """One block's motion, mm and mm/min. `centre` is set for arcs; equal XY ends of an arc mean a full turn.

    `radius` and `sweep_rad`, the magnitude of an arc's turn in (0, 2π], are 0 for lines.
    """

    line: int
    rapid: bool
    start: tuple[float, float, float]
    end: tuple[float, float, float]
    feed: float
    centre: tuple[float, float] | None = None
    ccw: bool = False
    radius: float = 0.0
    sweep_rad: float = 0.0

    @property
    def length_xy(self) -> float:
        if self.centre is not None:
            return self.sweep_rad * self.radius
        return math.hypot(self.end[0] - self.start[0], self.end[1] - self.start[1])

    @property
    def length(self) -> float:
        return math.hypot(self.length_xy, self.end[2] - self.start[2])

    @property
    def box(self) -> tuple[float, float, float, float]:
        """min x, min y, max x, max y of the path, with the bulges of arcs."""
        (x0, y0, _), (x1, y1, _) = self.start, self.end
        if self.centre is None:
            return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
        (cx, cy), radius = self.centre, self.radius
        if self.sweep_rad == math.tau:
            return cx - radius, cy - radius, cx + radius, cy + radius
        xs, ys = [x0, x1], [y0, y1]
        begin = math.atan2(y0 - cy, x0 - cx)
        for quarter, (dx, dy) in enumerate(_COMPASS):
            turn = quarter * math.pi / 2 - begin
            if (turn if self.ccw else -turn) % math.tau <= self.sweep_rad:
                xs.append(cx + radius * dx)
                ys.append(cy + radius * dy)
        return min(xs), min(ys), max(xs), max(ys)


def _turn(start: Point, end: Point, centre: Point, *, ccw: bool) -> float:
    """How far an arc turns, (0, 2π]."""
    if start == end:
        return math.tau
    begin = math.atan2(start[1] - centre[1], start[0] - centre[0])
    finish = math.atan2(end[1] - centre[1], end[0] - centre[0])
    return ((finish - begin) if ccw else (begin - finish)) % math.tau or math.tau


@dataclass(frozen=True, slots=True)
class Reading:
    """`findings` name line and reason of everything a controller refuses; then `motions` are not to be trusted."""

    motions: tuple[Motion, ...]
    speeds: tuple[float, ...]
    dwell_s: float
    lines: int
    findings: tuple[str, ...]


class _Refused(Exception):
    pass


@dataclass(slots=True)
class _State:
    dialect: Dialect
    at: tuple[float, float, float] | None = None
    motion: str | None = None
    units: float | None = None
    absolute: bool = False
    plane: bool = False
    feed: float | None = None
    speed: float | None = None
    spinning: bool = False
    tool: bool = False
    selected: bool = False
    ended: bool = False
    dwell_s: float = 0.0
    motions: list[Motion] = field(default_factory=list)
    speeds: list[float] = field(default_factory=list)


def read(text: bytes, post: Post) -> Reading:
    """Interpret the program. Never raises for a bad program: what is wrong is in `findings`."""
    dialect = DIALECTS[post]
    state = _State(dialect)
    findings: list[str] = []
    lines = text.split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    for count, raw in enumerate(lines, start=1):
        try:
            _block(state, count, _clean(raw, dialect))
        except _Refused as reason:
            findings.append(f"line {count}: {reason}")
            if len(findings) == MOST_REFUSED:
                findings.append(f"given up after {MOST_REFUSED} refused lines")
                break
    if not state.ended:
        findings.append(f"line {len(lines)}: the program has no end ({' or '.join(sorted(dialect.ends))})")
    return Reading(tuple(state.motions), tuple(state.speeds), state.dwell_s, len(lines), tuple(findings))


def _clean(raw: bytes, dialect: Dialect) -> str:
    """The line without comments and spaces."""
    if len(raw) > dialect.line_limit:
        raise _Refused(f"longer than {dialect.line_limit} characters")
    line = raw.rstrip(b"\r").decode("latin-1")
    for character in line:
        if not " " <= character < "\x7f":
            raise _Refused(f"character {character!r} is not printable ASCII")
        if character in dialect.forbidden_characters:
            raise _Refused(f"character {character!r} is acted on by the controller wherever it stands")
    line = _COMMENT.sub("", line).split(";")[0]
    if "(" in line or ")" in line:
        raise _Refused("an unclosed or nested comment")
    return line.replace(" ", "").upper()


def _block(state: _State, count: int, line: str) -> None:
    if not line:
        return
    if state.ended:
        raise _Refused("after the program's end")
    codes, values = _words(line, state.dialect)
    _settings(state, codes, values)
    if "G4" in codes:
        if "P" not in values or values["P"] < 0 or set(values) & set("XYZIJ"):
            raise _Refused("a dwell needs P and no axis words")
        state.dwell_s += values["P"]
    elif set(values) & set("XYZ"):
        _move(state, count, values)
    elif set(values) & set("IJ"):
        raise _Refused("an arc needs X or Y, also for a full turn")
    if codes & state.dialect.ends:
        state.ended = True


def _words(line: str, dialect: Dialect) -> tuple[set[str], dict[str, float]]:
    codes: set[str] = set()
    groups: set[str] = set()
    values: dict[str, float] = {}
    position = 0
    while position < len(line):
        match = _WORD.match(line, position)
        if match is None:
            raise _Refused(f"not understood: {line[position:][:20]!r}")
        position = match.end()
        letter, figure = match.groups()
        if letter not in dialect.words:
            raise _Refused(f"the controller has no word {letter}")
        if letter in "GM":
            code = f"{letter}{float(figure):g}"
            if code not in dialect.codes:
                raise _Refused(f"{code} is refused")
            if MODAL_GROUPS[code] in groups:
                raise _Refused(f"two codes of the group {MODAL_GROUPS[code]}")
            groups.add(MODAL_GROUPS[code])
            codes.add(code)
        elif letter in values:
            raise _Refused(f"the word {letter} twice")
        else:
            values[letter] = float(figure)
    return codes, values


def _settings(state: _State, codes: set[str], values: dict[str, float]) -> None:
    _units_and_modes(state, codes)
    if "P" in values and not codes & {"G4", "G64"}:
        raise _Refused("P without a code that uses it")
    for letter in "FS":
        if values.get(letter, 0.0) < 0:
            raise _Refused(f"{letter} is negative")
    if "F" in values:
        state.feed = values["F"] * (state.units or 1.0)
    state.speed = values.get("S", state.speed)
    if "T" in values:
        if values["T"] != int(values["T"]) or not 0 <= values["T"] <= 255:
            raise _Refused("T must be a whole number up to 255")
        state.selected = True
    if "M6" in codes:
        if not state.selected:
            raise _Refused("a tool change without a selected tool")
        state.tool = True
    if "M3" in codes:
        if not state.speed:
            raise _Refused("the spindle is started without a speed")
        state.spinning = True
        state.speeds.append(state.speed)
    if "M5" in codes:
        state.spinning = False


def _units_and_modes(state: _State, codes: set[str]) -> None:
    for code, factor in (("G21", 1.0), ("G20", _INCH_MM)):
        if code in codes:
            state.units = factor
    state.absolute |= "G90" in codes
    state.plane |= "G17" in codes
    for code in ("G0", "G1", "G2", "G3"):
        if code in codes:
            state.motion = code
    if "G80" in codes:
        state.motion = None


def _move(state: _State, count: int, values: dict[str, float]) -> None:
    if state.units is None or not state.absolute or not state.plane:
        raise _Refused("a motion before units (G21), distances (G90) and plane (G17) are set")
    if state.motion is None:
        raise _Refused("axis words without a motion code")
    units = state.units
    # where the machine stands before its first motion is unknown; that motion may only be a rapid in Z
    before = state.at
    if before is None:
        if state.motion != "G0" or "X" in values or "Y" in values:
            raise _Refused("the first motion must be a rapid in Z alone, to the safe height")
        before = (0.0, 0.0, values["Z"] * units)
    end = tuple(values[axis] * units if axis in values else old for axis, old in zip("XYZ", before, strict=True))
    x, y, z = end
    if state.motion == "G0":
        state.motions.append(Motion(count, True, before, (x, y, z), 0.0))
    else:
        state.motions.append(_cut(state, count, before, (x, y, z), values))
    state.at = (x, y, z)


def _cut(
    state: _State,
    count: int,
    before: tuple[float, float, float],
    end: tuple[float, float, float],
    values: dict[str, float],
) -> Motion:
    if not state.feed:
        raise _Refused("a cutting motion without a feed")
    if not state.spinning:
        raise _Refused("a cutting motion with the spindle off")
    if state.dialect.needs_tool_change and not state.tool:
        raise _Refused("a cutting motion before the tool change")
    if state.motion == "G1":
        if set(values) & set("IJ"):
            raise _Refused("I and J belong to arcs only")
        return Motion(count, False, before, end, state.feed)
    if not set(values) & set("XY"):
        raise _Refused("an arc needs X or Y, also for a full turn")
    if not set(values) & set("IJ"):
        raise _Refused("an arc needs I or J")
    units = state.units or 1.0
    centre = (before[0] + values.get("I", 0.0) * units, before[1] + values.get("J", 0.0) * units)
    radius, ccw = math.dist(before[:2], centre), state.motion == "G3"
    mismatch = abs(math.dist(end[:2], centre) - radius)
    if radius == 0 or mismatch > RADIUS_MISMATCH_MM:
        raise _Refused(f"the arc's radius differs by {mismatch:.4f} mm at its ends")
    turn = _turn(before[:2], end[:2], centre, ccw=ccw)
    return Motion(count, False, before, end, state.feed, centre, ccw, radius, turn)
