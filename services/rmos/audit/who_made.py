"""From a G-code file to the decisions it rests on, by its SHA-256, with the proof that they stand in the signed log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from contracts.blobs import blob_key
from contracts.canonical import sha256_hex
from contracts.gcode_header import run_named_in
from contracts.log import ToolpathsDecided
from runtime.objects import ObjectStore
from services.rmos.audit.publication import PREFIX
from services.rmos.audit.record_view import RecordView, record_view
from services.rmos.audit.release import release_of
from services.rmos.audit.rows import LogRow
from services.rmos.audit.run_record import (
    NoRecord,
    Recorded,
    RunRecord,
    event_in,
    is_program,
    record_of,
    streams_beside,
)
from services.rmos.audit.signed_tree import NotProven, SignedTree
from services.rmos.audit.verify import Audited
from services.rmos.domain import run as run_domain


@dataclass(slots=True)
class Origin:
    """`releases` of exactly these bytes, oldest first; `findings` say why the answer is not to be relied on, or why
    there is none. Good exactly when there is a release and no finding."""

    sha256: str
    size: int
    releases: list[dict[str, Any]] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    @property
    def known(self) -> bool:
        return bool(self.releases) and not self.findings

    def as_json(self) -> dict[str, Any]:
        return {
            "known": self.known,
            "sha256": self.sha256,
            "size": self.size,
            "releases": self.releases,
            "findings": self.findings,
        }


def who_made(what: Audited, program: bytes) -> Origin:
    """Reads only. Raises NothingToReach and the errors of database and object store: nothing is known then."""
    origin = Origin(sha256_hex(program), len(program))
    public, blobs = ObjectStore(what.s3, PREFIX), ObjectStore(what.s3)
    try:
        with record_view(what.dsn) as view:
            run_ids = runs_releasing(view, program)
            for run_id in run_ids:
                _tell(what, view, public, run_id, origin)
            if not run_ids:
                origin.findings.append("no program with these bytes was ever released")
                origin.findings += _difference(view, blobs, program)
    except NoRecord as problem:
        origin.findings.append(f"{problem}: run `rmos audit verify`")
    finally:
        public.close()
        blobs.close()
    return origin


def run_record(view: RecordView, run_id: str, up_to: int | None = None) -> RunRecord:
    """The run with its session and searches. Raises NoRecord."""
    own = run_domain.stream_of(run_id)
    beside = streams_beside(run_id, view.of_streams([own], up_to))
    return record_of(run_id, view.of_streams([own, *beside], up_to))


def runs_releasing(view: RecordView, program: bytes) -> list[str]:
    """The runs in which exactly these bytes were released, in the order of their first release. Raises NoRecord.

    A program names its run, and the name is among its bytes: a run that it names and that released it is the only one.
    Whatever names none, or another, is looked for in the whole log. No derived table is believed.
    """
    sha256, named = sha256_hex(program), run_named_in(program)
    if named is not None and _released_in(view.of_streams([run_domain.stream_of(named)]), sha256):
        return [named]
    return _released_in(view.saying(sha256), sha256)


def _released_in(rows: Sequence[LogRow], sha256: str) -> list[str]:
    events = (event_in(row) for row in rows)
    found = (event for event in events if isinstance(event, ToolpathsDecided) and _is_release(event, sha256))
    return list(dict.fromkeys(event.artifact.run_id for event in found))


def _is_release(event: ToolpathsDecided, sha256: str) -> bool:
    return is_program(event.artifact) and event.artifact.outputs["gcode"].sha256 == sha256


def _tell(what: Audited, view: RecordView, public: ObjectStore, run_id: str, origin: Origin) -> None:
    record = run_record(view, run_id)
    programs = [item for item in record.programs if item.artifact.outputs["gcode"].sha256 == origin.sha256]
    recorded = view.checkpoint_over(programs[-1].row.position)
    try:
        tree = SignedTree(recorded, what.keys, public.read)
        for item in programs:
            origin.releases.append(release_of(record, item) | {"proof": _proof(record, item, tree)})
    except NotProven as problem:
        origin.findings.append(str(problem))


def _proof(record: RunRecord, program: Recorded, tree: SignedTree) -> dict[str, Any]:
    """Checks every event that the release rests on, not only its own. Raises NotProven."""
    for row in record.rows:
        if row.position <= program.row.position:
            tree.proof_of(row)
    return {
        "log": tree.checkpoint.origin,
        "tree_size": tree.checkpoint.size,
        "root_sha256": tree.checkpoint.root.hex(),
        "signed_by": str(tree.key),
        "leaf_index": program.row.position - 1,
        "hashes": [hash_.hex() for hash_ in tree.proof_of(program.row)],
    }


def _difference(view: RecordView, blobs: ObjectStore, program: bytes) -> list[str]:
    """From which programs of the run that the header names these bytes differ, and in which line first."""
    run_id = run_named_in(program)
    if run_id is None:
        return ["its header names no run"]
    try:
        programs = run_record(view, run_id).programs
    except NoRecord as problem:
        return [f"its header names the run {run_id}, but {problem}"]
    if not programs:
        return [f"its header names the run {run_id}, in which no program was released"]
    return [_differs(item, blobs, program) for item in programs]


def _differs(item: Recorded, blobs: ObjectStore, program: bytes) -> str:
    gcode = item.artifact.outputs["gcode"]
    named = f"its header names the run {item.artifact.run_id}, whose program {item.artifact.artifact_id}"
    content = blobs.read(blob_key(gcode.sha256, gcode.content_type))
    if content is None or sha256_hex(content) != gcode.sha256:
        return f"{named} has SHA-256 {gcode.sha256}"
    lines = enumerate(zip_longest(content.split(b"\n"), program.split(b"\n")), start=1)
    first = next(number for number, (made, found) in lines if made != found)
    return f"{named} (SHA-256 {gcode.sha256}) differs from it from line {first} on"
