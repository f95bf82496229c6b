"""Whether a bundle holds together, offline: each member proves itself, and the one that does not is named. Pure.

What has to be believed is one public key. Given none, the bundle's own is used: then the bundle is consistent in
itself, and says which key to compare with the one that the log publishes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from contracts.canonical import canonical_bytes, sha256_hex
from services.rmos.audit import bundle as form
from services.rmos.audit.rows import LogRow, entry_of_row
from services.rmos.audit.run_record import NoRecord, RunRecord, record_of
from services.rmos.audit.statement import payload_of
from services.rmos.domain import dsse
from services.rmos.domain.checkpoint import Checkpoint, NotACheckpoint, NotAKey, VerifierKey, opened
from services.rmos.domain.leaf import leaf_of
from services.rmos.domain.merkle import includes

THE_ZIP = "the zip itself"
_UNREADABLE = (NoRecord, LookupError, TypeError, ValueError, AttributeError, StopIteration, AssertionError)


@dataclass(frozen=True, slots=True)
class Flaw:
    """`where` is the member's name, or THE_ZIP."""

    where: str
    what: str


@dataclass(slots=True)
class Verdict:
    """Sound exactly when there is no flaw. The statement is given only then."""

    flaws: list[Flaw] = field(default_factory=list)
    keys: list[VerifierKey] = field(default_factory=list)
    """What the signatures were checked with."""
    keys_were_given: bool = False
    checkpoint: Checkpoint | None = None
    statement: dict[str, Any] | None = None
    members: int = 0

    @property
    def sound(self) -> bool:
        return not self.flaws

    def as_json(self) -> dict[str, Any]:
        return {
            "sound": self.sound,
            "findings": [asdict(flaw) for flaw in self.flaws],
            "trusted": {
                "keys": [str(key) for key in self.keys],
                "given_by": "you" if self.keys_were_given else "the bundle itself",
            },
            "tree_size": self.checkpoint.size if self.checkpoint is not None else None,
            "statement": self.statement if self.sound else None,
            "members": self.members,
        }


def check_bundle(bundle: bytes, trusted: Sequence[VerifierKey] = (), program: bytes | None = None) -> Verdict:
    """`trusted`: the keys to believe; none: the bundle's own. `program`: a file that must be one of the subjects."""
    verdict = Verdict(keys_were_given=bool(trusted))
    try:
        members = form.unzipped(bundle)
    except form.NotABundle as problem:
        verdict.flaws.append(Flaw(THE_ZIP, str(problem)))
        return verdict
    verdict.members = len(members)
    _Check(members, trusted, verdict).run()
    if verdict.sound and form.zipped(members) != bundle:
        verdict.flaws.append(Flaw(THE_ZIP, "it is not written as bundles are: something was added, moved or changed"))
    if verdict.sound and program is not None:
        _check_subject(program, verdict)
    return verdict


class _Check:
    def __init__(self, members: dict[str, bytes], trusted: Sequence[VerifierKey], verdict: Verdict) -> None:
        self.members, self.trusted, self.verdict = members, trusted, verdict
        self.statement: dict[str, Any] | None = None

    def run(self) -> None:
        for name in form.SINGLE:
            if name not in self.members:
                self._flaw(name, "it is missing")
        keys = self.verdict.keys = self._keys()
        if keys:
            self.verdict.checkpoint = self._checkpoint(keys)
            self.statement = self._signed_statement(keys)
        rows = self._rows()
        self._blobs()
        if self.statement is not None:
            try:
                self._against_statement(rows, self.statement)
            except _UNREADABLE as problem:  # signed, and still no statement about a run: whoever holds the key can
                self._flaw(form.STATEMENT, f"it is no statement about these events ({type(problem).__name__})")
        if self.verdict.sound:
            self._manifest()
        if self.verdict.sound:
            self.verdict.statement = self.statement

    def _flaw(self, where: str, what: str) -> None:
        if all(flaw.where != where for flaw in self.verdict.flaws):
            self.verdict.flaws.append(Flaw(where, what))

    def _keys(self) -> list[VerifierKey]:
        """The keys to verify with; the bundle's own only when nobody gave another."""
        text = self.members.get(form.KEY, b"").decode("utf-8", "replace")
        own: list[VerifierKey] = []
        try:
            own = [VerifierKey.parse(line) for line in text.splitlines()]
        except NotAKey as error:
            self._flaw(form.KEY, str(error))
        if not own or text != form.key_member(own).decode():
            self._flaw(form.KEY, "it is not one key a line")
        for key in own:
            if self.trusted and key not in self.trusted:
                self._flaw(form.KEY, f"{dsse.keyid(key)} is not the key that you trust")
        return list(self.trusted) or own

    def _checkpoint(self, keys: list[VerifierKey]) -> Checkpoint | None:
        note = self.members.get(form.CHECKPOINT)
        if note is None:
            return None
        try:
            return opened(note, keys)
        except NotACheckpoint as error:
            self._flaw(form.CHECKPOINT, str(error))
            return None

    def _signed_statement(self, keys: list[VerifierKey]) -> dict[str, Any] | None:
        envelope = self.members.get(form.STATEMENT)
        if envelope is None:
            return None
        problem = ""
        for key in keys:
            try:
                payload = dsse.opened(envelope, key)
            except dsse.NotAnEnvelope as error:
                problem = str(error)
                continue
            try:
                statement = orjson.loads(payload)
            except orjson.JSONDecodeError:
                statement = None
            if isinstance(statement, dict):
                return statement
            problem = "what was signed is no JSON object"
        self._flaw(form.STATEMENT, problem)
        return None

    def _rows(self) -> list[LogRow]:
        """The events that are proved to stand in the signed log."""
        found = []
        for name in sorted(name for name in self.members if name.startswith(form.EVENTS)):
            try:
                row, hashes = form.row_of(self.members[name])
            except form.NotABundle as problem:
                self._flaw(name, str(problem))
                continue
            entry = entry_of_row(row)
            if name != form.event_name(row.position):
                self._flaw(name, f"it holds the event at position {row.position}")
            elif self._is_proved(entry, row.position, hashes):
                found.append(row._replace(leaf=leaf_of(entry)))
        return found

    def _is_proved(self, entry: bytes, position: int, hashes: list[bytes]) -> bool:
        checkpoint = self.verdict.checkpoint
        if checkpoint is None:
            return True  # which is named itself: nothing can be said of the events below it
        if position < 1 or not includes(leaf_of(entry), position - 1, checkpoint.size, hashes, checkpoint.root):
            self._flaw(form.event_name(position), "its hashes do not lead from the event to the signed root")
            return False
        return True

    def _blobs(self) -> None:
        for name, data in self.members.items():
            if name.startswith(form.BLOBS):
                stated = name.removeprefix(form.BLOBS).partition(".")[0]
                if sha256_hex(data) != stated:
                    self._flaw(name, f"its content has SHA-256 {sha256_hex(data)}")
            elif not name.startswith(form.EVENTS) and name not in form.SINGLE:
                self._flaw(name, "no bundle has such a member")

    def _against_statement(self, rows: list[LogRow], statement: dict[str, Any]) -> None:
        """What was signed lists every event: none is missing, none is too many; and it says what they say."""
        predicate = statement["predicate"]
        signed = {item["position"]: item["leaf_sha256"] for item in predicate["events"]}
        for position in signed:
            if form.event_name(position) not in self.members:
                self._flaw(form.event_name(position), "it is missing: the statement rests on it")
        for row in rows:
            if signed.get(row.position) != row.leaf.hex():
                self._flaw(form.event_name(row.position), "the statement does not rest on this event")
        checkpoint = self.verdict.checkpoint
        if checkpoint is not None and checkpoint.origin != predicate["log"]:
            self._flaw(form.STATEMENT, f"it is of the log {predicate['log']}, the checkpoint is of {checkpoint.origin}")
        if any(flaw.where.startswith(form.EVENTS) for flaw in self.verdict.flaws):
            return
        record = record_of(predicate["run_id"], rows)
        if payload_of(record, predicate["log"], predicate["absent_blobs"]) != canonical_bytes(statement):
            self._flaw(form.STATEMENT, "it is not what the events say")
        self._against_record(record, set(predicate["absent_blobs"]))

    def _against_record(self, record: RunRecord, absent: set[str]) -> None:
        """All content that the events refer to is there, but for what was gone when the statement was signed."""
        wanted = {form.blob_name(blob): blob for blob in record.blobs}
        for name, blob in wanted.items():
            if name not in self.members and blob.sha256 not in absent:
                self._flaw(name, "it is missing: an event refers to it")
        for name in self.members:
            if name.startswith(form.BLOBS) and (name not in wanted or wanted[name].sha256 in absent):
                self._flaw(name, "no event refers to it, or it was gone when the statement was signed")

    def _manifest(self) -> None:
        assert self.statement is not None  # sound so far, so it was there and signed
        if self.members[form.MANIFEST] != form.manifest_of(self.statement["predicate"]["run_id"], self.members):
            self._flaw(form.MANIFEST, "it does not list the members as they are")


def _check_subject(program: bytes, verdict: Verdict) -> None:
    sha256 = sha256_hex(program)
    subjects = [item["digest"]["sha256"] for item in (verdict.statement or {}).get("subject", ())]
    if sha256 not in subjects:
        verdict.flaws.append(Flaw("your program", f"its SHA-256 {sha256} is none of the bundle's subjects"))
