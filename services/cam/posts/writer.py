"""Writes a toolpath as G-code: same job, same bytes (no clock, no random, no environment)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from contracts.cam import ToolpathJob
from contracts.gcode_header import lines_of
from contracts.model import decimal_text
from services.cam.domain.toolpath import TICKS_PER_MM, Feed, Move, Operation, Purpose, Rapid, Swing, Toolpath
from services.cam.errors import UnwritableLine
from services.cam.posts.tables import TABLES, PostTable

LINE_LIMIT = 70
"""Characters per line, comments included; GRBL's own limit is 79 without them."""

FORBIDDEN_BYTES = frozenset("!?~")
"""GRBL acts on these at once wherever they stand, comments included: feed hold, status report, cycle start."""


@dataclass(frozen=True, slots=True)
class Program:
    """`spans` gives each operation's first and last line, counted from 1."""

    text: bytes
    spans: tuple[tuple[int, int], ...]


def write(toolpath: Toolpath, job: ToolpathJob, engine_version: str) -> Program:
    """The program for `job.post`, ASCII, lines ended by a line feed, at most LINE_LIMIT characters each."""
    table = TABLES[job.post]
    values = {"tool": job.cutter.number, "rpm": decimal_text(job.feeds.spindle_rev_per_min)}
    lines = _header(job, table, engine_version)
    lines += [template.format(**values) for template in (*table.modes, *table.tool_change)]
    lines.append(f"G0 Z{number(toolpath.safe_z)}")
    lines += [template.format(**values) for template in table.spindle_on]
    state = _Modal(job)
    spans = []
    for operation in toolpath.operations:
        lines += _title(operation)
        first = len(lines) + 1
        for move in operation.moves:
            lines.extend(state.line(move))
        spans.append((first, len(lines)))
    lines += ["(END)", "G0 X0 Y0", *table.end]
    return Program(_checked(lines), tuple(spans))


def number(value: int) -> str:
    """Ticks as millimetres, without trailing zeros: 445000 -> 44.5, -1 -> -0.0001."""
    sign = "-" if value < 0 else ""
    whole, part = divmod(abs(value), TICKS_PER_MM)
    digits = f"{part:04d}".rstrip("0")
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


class _Modal:
    """Leaves out words the controller remembers: unchanged axes of lines, unchanged feeds."""

    def __init__(self, job: ToolpathJob) -> None:
        full, ramp = job.feeds.feed_mm_per_min, job.feeds.ramp_feed_mm_per_min
        vertical = min(full, job.machine.max_feed_z_mm_per_min)
        self._feeds: dict[Purpose, str] = {
            "approach": decimal_text(min(ramp, vertical)),
            "retract": decimal_text(vertical),
            "entry": decimal_text(ramp),
            "rough": decimal_text(full),
            "finish": decimal_text(full),
            "link": decimal_text(full),
        }
        self._at: tuple[int, int, int] | None = None
        self._feed = ""

    def line(self, move: Move) -> list[str]:
        match move:
            case Rapid():
                words = self._axes(move.x, move.y, move.z)
                text = [f"G0 {words}"] if words else []
            case Feed():
                words = self._axes(move.x, move.y, move.z)
                text = [f"G1 {words}{self._f(move.purpose)}"] if words else []
            case Swing():
                text = [self._arc(move)]
            case _:
                assert_never(move)
        self._at = (move.x, move.y, move.z)
        return text

    def _axes(self, x: int, y: int, z: int) -> str:
        before = self._at or (None, None, None)
        pairs = zip("XYZ", (x, y, z), before, strict=True)
        return " ".join(f"{axis}{number(value)}" for axis, value, old in pairs if value != old)

    def _arc(self, move: Swing) -> str:
        assert self._at is not None
        x, y, z = self._at
        # X and Y always: GRBL needs an axis word in the plane, also for a full turn
        words = [f"G{3 if move.ccw else 2}", f"X{number(move.x)}", f"Y{number(move.y)}"]
        if move.z != z:
            words.append(f"Z{number(move.z)}")
        words += [f"I{number(move.cx - x)}", f"J{number(move.cy - y)}"]
        return " ".join(words) + self._f(move.purpose)

    def _f(self, purpose: Purpose) -> str:
        feed = self._feeds[purpose]
        if feed == self._feed:
            return ""
        self._feed = feed
        return f" F{feed}"


def _header(job: ToolpathJob, table: PostTable, engine_version: str) -> list[str]:
    cutter, feeds = job.cutter, job.feeds
    text = decimal_text
    return [
        "(RMOS ROSETTE)",
        *lines_of(job.origin),
        f"(ENGINE {engine_version} POST {table.version})",
        *_digest("DESIGN", job.design_sha256),
        *_digest("FEASIBILITY", job.feasibility_sha256),
        f"(MACHINE {job.machine.machine_id[:50]})",
        f"(TOOL {cutter.number} {cutter.tool_id[:50]})",
        f"(FLAT END MILL D {text(cutter.diameter_mm)} FLUTES {text(cutter.flute_length_mm)} LONG)",
        f"(SPINDLE {text(feeds.spindle_rev_per_min)})",
        f"(FEED {text(feeds.feed_mm_per_min)} RAMP {text(feeds.ramp_feed_mm_per_min)})",
        f"(STEPDOWN {text(feeds.stepdown_mm)} STEPOVER {text(feeds.stepover_ratio)} D)",
        "(UNITS MM, FEEDS MM/MIN)",
        f"(STOCK {text(job.stock_thickness_mm)} THICK)",
        "(ZERO X Y CENTRE OF ROSETTE, Z TOP OF STOCK)",
        "(FIT THE TOOL AND SET ZERO BEFORE THE START)",
    ]


def _digest(name: str, digest: str) -> list[str]:
    return [f"({name} SHA256 {digest[:32]})", f"({name} CONT {digest[32:]})"]


def _title(operation: Operation) -> list[str]:
    """The operation's name and what it cuts; long lists are cut short, the operation plan has them all."""
    first, *others = operation.features
    more = f" + {len(others)}" if others else ""
    depth = f"{operation.top_mm:g} TO {operation.levels_mm[-1]:g} DEEP"
    return [
        f"({operation.name.upper()}: {_bare(first.upper())}{more})",
        f"({depth}, {len(operation.levels_mm)} LEVELS)",
    ]


def _bare(text: str) -> str:
    """Without parentheses, which would end the comment."""
    return text.replace("(", "").replace(")", "")


def _checked(lines: list[str]) -> bytes:
    for line in lines:
        if len(line) > LINE_LIMIT or FORBIDDEN_BYTES & set(line) or not line.isascii():
            raise UnwritableLine(line)
    return ("\n".join(lines) + "\n").encode("ascii")
