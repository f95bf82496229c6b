"""Run files of the system before this one: one JSON file a run, in a folder for each day. Pure: bytes in, what they say
out.

The file is history. What has a field of its own here is taken over, everything else stays as JSON text under
`meta.legacy`, and the file itself is kept whole beside it; nothing of it releases or judges anything here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from contracts.artifacts import ArtifactStatus, Decision
from contracts.canonical import MAX_INTEGER, sha256_hex
from contracts.feasibility import CuttingContext, Mode, RiskLevel
from contracts.model import decimal_of

MAX_LEGACY_CHARACTERS = 100_000
"""Of `meta.legacy`; what is longer is represented by its size and digest, the file has it whole."""
MAX_WARNINGS = 50
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}\Z")
_CATALOG_ID = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,63}\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})/")
_PLACEHOLDER = "0" * 64
"""What the former system wrote where it had no digest."""
_TEXT_CHARACTERS = 2000
_FIRST_YEAR = 1970
_CATALOG_IDS = ("tool_id", "material_id", "machine_id")
_TAKEN = ("run_id", "created_at_utc", "status", *_CATALOG_IDS, "hashes")


class UnreadableRunFile(Exception):
    """What of the file cannot be understood; the message says it without quoting content."""


@dataclass(slots=True)
class LegacyRun:
    """What one file says. `warnings` name what could not be taken over as it was."""

    run_id: str
    opened_at_utc: str
    mode: Mode
    status: ArtifactStatus
    decision: Decision
    context: CuttingContext
    hashes: dict[str, str]
    gcode: bytes | None
    legacy: str
    warnings: list[str] = field(default_factory=list)


def read_run_file(path: str, data: bytes) -> LegacyRun:
    """`path` is relative to the imported folder: `<YYYY-MM-DD>/<run_id>.json`. Raises UnreadableRunFile."""
    return _Reader(path, data).run()


class _Reader:
    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.sha256 = sha256_hex(data)
        self.fields = _object(data)
        self.warnings: list[str] = []

    def run(self) -> LegacyRun:
        status = self._status()
        gcode = self._gcode()
        return LegacyRun(
            run_id=self._run_id(),
            opened_at_utc=self._moment(),
            mode=self._mode(),
            status=status,
            decision=self._decision(status),
            context=CuttingContext(**{name: self._catalog_id(name) for name in _CATALOG_IDS}),
            hashes=self._hashes(gcode),
            gcode=gcode,
            legacy=self._legacy(),
            warnings=self.warnings[:MAX_WARNINGS],
        )

    def _warn(self, what: str) -> None:
        self.warnings.append(what[:200])

    def _run_id(self) -> str:
        given = self.fields.get("run_id")
        if isinstance(given, str) and _IDENTIFIER.match(given):
            return given
        if given is None:
            stem = self.path.rpartition("/")[2].removesuffix(".json")
            if _IDENTIFIER.match(stem):
                self._warn("run_id: missing, the file's name is taken")
                return stem
            raise UnreadableRunFile("it has no run_id, and its name is none")
        self._warn("run_id: not an id, one was made from the file's digest")
        return f"legacy-{self.sha256[:24]}"

    def _moment(self) -> str:
        given = self.fields.get("created_at_utc")
        if isinstance(given, str):
            try:
                moment = datetime.fromisoformat(given)
                taken = _utc(moment)
            except (ValueError, OverflowError):
                self._warn("created_at_utc: no time, the folder's day is taken")
            else:
                if moment.tzinfo is None:
                    self._warn("created_at_utc: without a time zone, taken as UTC")
                return taken
        day = _DAY.match(self.path)
        try:
            if day is not None:
                return _utc(datetime.fromisoformat(day[1]))
        except ValueError:
            pass
        raise UnreadableRunFile("it says no time at which it was made, and its folder is no day")

    def _mode(self) -> Mode:
        mode, tool = self.fields.get("mode"), self.fields.get("tool_id")
        return "saw" if mode == "saw" or (isinstance(tool, str) and tool.startswith("saw:")) else "router"

    def _status(self) -> ArtifactStatus:
        try:
            return ArtifactStatus(str(self.fields.get("status")))
        except ValueError:
            raise UnreadableRunFile("its status is none of OK, BLOCKED and ERROR") from None

    def _decision(self, status: ArtifactStatus) -> Decision:
        given = self.fields.get("decision")
        decision: dict[str, Any] = given if isinstance(given, dict) else {}
        reason = _text(decision.get("block_reason"))
        if status is not ArtifactStatus.OK and reason is None:
            reason = "the former system recorded no reason"
        warnings = decision.get("warnings")
        return Decision(
            risk_level=self._risk(decision),
            score=self._score(decision.get("score")),
            block_reason=reason,
            warnings=tuple(filter(None, map(_text, warnings)))[:MAX_WARNINGS] if isinstance(warnings, list) else (),
        )

    def _risk(self, decision: dict[str, Any]) -> RiskLevel:
        feasibility = self.fields.get("feasibility")
        places = (decision, feasibility if isinstance(feasibility, dict) else {})
        given = next((place["risk_level"] for place in places if isinstance(place.get("risk_level"), str)), None)
        try:
            return RiskLevel(str(given).upper())
        except ValueError:
            self._warn("decision.risk_level: none that is known, taken as UNKNOWN")
            return RiskLevel.UNKNOWN

    def _score(self, given: Any) -> Decimal | None:
        """The former system gave 0 to 1 in some places and 0 to 100 in others."""
        if given is None:
            return None
        try:
            score = decimal_of(given)
        except (ValueError, InvalidOperation):
            score = Decimal(-1)
        if 0 < score <= 1:
            self._warn("decision.score: taken as one on a scale of 0 to 1")
            score *= 100
        if not 0 <= score <= 100:
            self._warn("decision.score: not between 0 and 100, left out")
            return None
        return score

    def _catalog_id(self, name: str) -> str | None:
        given = self.fields.get(name)
        if given is None or (isinstance(given, str) and _CATALOG_ID.match(given)):
            return given
        self._warn(f"{name}: no catalog id, kept under meta.legacy only")
        self.fields[f"original_{name}"] = given
        return None

    def _gcode(self) -> bytes | None:
        outputs = self.fields.get("outputs")
        text = outputs.get("gcode_text") if isinstance(outputs, dict) else None
        if not isinstance(text, str) or not text:
            return None
        assert isinstance(outputs, dict)  # it has a text
        self.fields["outputs"] = {name: value for name, value in outputs.items() if name != "gcode_text"}
        return text.encode()

    def _hashes(self, gcode: bytes | None) -> dict[str, str]:
        given = self.fields.get("hashes")
        kept: dict[str, str] = {}
        for name, value in given.items() if isinstance(given, dict) else ():
            short = str(name).removesuffix("_sha256")
            if isinstance(value, str) and _SHA256.match(value) and value != _PLACEHOLDER and short.isascii():
                kept[f"recorded_{short}"[:100]] = value
            elif value is not None:
                self._warn(f"hashes.{short[:60]}: no digest")
        recorded = kept.get("recorded_gcode")
        if gcode is not None and recorded is not None and recorded != sha256_hex(gcode):
            self._warn("hashes.gcode: not the digest of the G-code in the file")
        return kept

    def _legacy(self) -> str:
        """Everything without a field of its own; values that are too long by size and digest."""
        rest = {name: value for name, value in self.fields.items() if name not in _TAKEN}
        texts = {name: _json(value) for name, value in rest.items()}
        length = len(_json(rest))
        for name in sorted(rest, key=lambda name: -len(texts[name])):
            if length <= MAX_LEGACY_CHARACTERS:
                break
            rest[name] = _measured(texts[name])
            length += len(_json(rest[name])) - len(texts[name])
            self._warn(f"{name[:60]}: too long for meta.legacy, kept in the file only")
        text = _json(rest)
        if len(text) > MAX_LEGACY_CHARACTERS:
            self._warn("meta.legacy: too many fields, kept in the file only")
            return _json(_measured(text))
        return text


def _object(data: bytes) -> dict[str, Any]:
    """Numbers stay as they were spelled; NaN and infinities, which the former system could write, become texts."""
    number: Callable[[str], int | str] = lambda text: value if abs(value := int(text)) <= MAX_INTEGER else text  # noqa: E731
    try:
        text = data.decode("utf-8-sig")
        found = json.loads(text, parse_float=str, parse_int=number, parse_constant=str)
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise UnreadableRunFile("it holds half a character (a lone surrogate)") from None
    except UnicodeDecodeError:
        raise UnreadableRunFile("it is not UTF-8") from None
    except RecursionError:
        raise UnreadableRunFile("it is nested too deeply") from None
    except ValueError as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise UnreadableRunFile(f"it is not JSON{where}") from None
    if not isinstance(found, dict):
        raise UnreadableRunFile("it is JSON, but no object")
    return found


def _measured(text: str) -> dict[str, Any]:
    return {"characters": len(text), "sha256": sha256_hex(text.encode())}


def _utc(moment: datetime) -> str:
    """RFC 3339 with microseconds. Raises ValueError before 1970, OverflowError where the offset leads out of the
    calendar."""
    moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    if moment.year < _FIRST_YEAR:
        raise ValueError(f"no run was made in {moment.year}")
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _text(value: Any) -> str | None:
    """A short text without what the log does not keep; None for anything else and for nothing."""
    return value.replace("\x00", "\ufffd")[:_TEXT_CHARACTERS] or None if isinstance(value, str) else None


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
