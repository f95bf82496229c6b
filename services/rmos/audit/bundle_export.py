"""Evidence bundles out of a store: events and proofs from the log, content from the object store, the statement from
rmos. A bundle that would not pass its own check is never given."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson

from contracts.blobs import BlobRef, blob_key
from contracts.canonical import sha256_hex
from runtime.objects import ObjectStore
from services.rmos.audit import bundle as form
from services.rmos.audit.access import NothingToReach
from services.rmos.audit.bundle_check import check_bundle
from services.rmos.audit.publication import PREFIX
from services.rmos.audit.record_view import RecordView, record_view
from services.rmos.audit.run_record import NoRecord, RunRecord, artifact_ids
from services.rmos.audit.signed_tree import NotProven, SignedTree
from services.rmos.audit.verify import Audited
from services.rmos.audit.who_made import run_record, runs_releasing
from services.rmos.domain import dsse
from services.rmos.domain import run as run_domain
from services.rmos.domain.checkpoint import VerifierKey

Attest = Callable[[str, int], bytes]
"""rmos' signed statement about a run, from its events up to a position. Raises NothingToReach."""


class NoBundle(Exception):
    """There is nothing of this name, or what is stored is no evidence; the message says what is wrong."""


def export(what: Audited, name: str | bytes, attest: Attest) -> tuple[str, bytes]:
    """Run and bundle of a run, an artifact (by id) or a G-code file (its bytes).

    Raises NoBundle, NothingToReach, and the errors of database and object store.
    """
    public, blobs = ObjectStore(what.s3, PREFIX), ObjectStore(what.s3)
    try:
        with record_view(what.dsn) as view:
            run_id = _run_of(view, name)
            record = run_record(view, run_id)
            end = record.rows[-1].position
            tree = SignedTree(view.checkpoint_over(end), what.keys, public.read)
            rows = [(row, tree.proof_of(row)) for row in record.rows]
        envelope = attest(run_id, end)
        keys = list(dict.fromkeys([tree.key, _signer_of(envelope, what.keys)]))
        content = _content(record, blobs, _absent_in(envelope, keys))
    except (NoRecord, NotProven) as problem:
        raise NoBundle(str(problem)) from problem
    finally:
        public.close()
        blobs.close()
    made = form.bundle_of(form.Contents(run_id, keys, tree.note, envelope, rows, content))
    verdict = check_bundle(made, what.keys)
    if not verdict.sound:
        flaw = verdict.flaws[0]
        raise NoBundle(f"what is stored is no evidence: {flaw.where}: {flaw.what}")
    return run_id, made


def _run_of(view: RecordView, name: str | bytes) -> str:
    """Raises NoBundle for a program that no run released, NothingToReach for a name of nothing."""
    if isinstance(name, bytes):
        runs = runs_releasing(view, name)
        if len(runs) != 1:
            what = "no run" if not runs else f"the runs {', '.join(runs)}"
            raise NoBundle(f"a program with these bytes was released in {what}: `rmos audit who-made` says more")
        return runs[0]
    if view.of_streams([run_domain.stream_of(name)]):
        return name
    rows = view.saying(f'"artifact_id":"{name}"')
    found = next((run_id for run_id, artifact_id in artifact_ids(rows) if artifact_id == name), None)
    if found is None:
        raise NothingToReach(f"the log has no run and no artifact {name}")
    return found


def _signer_of(envelope: bytes, keys: Sequence[VerifierKey]) -> VerifierKey:
    for key in keys:
        try:
            dsse.opened(envelope, key)
        except dsse.NotAnEnvelope:
            continue
        return key
    raise NoBundle("none of the keys that you trust signed the statement")


def _absent_in(envelope: bytes, keys: Sequence[VerifierKey]) -> set[str]:
    statement = orjson.loads(dsse.opened(envelope, _signer_of(envelope, keys)))
    return set(statement["predicate"]["absent_blobs"])


def _content(record: RunRecord, blobs: ObjectStore, absent: set[str]) -> dict[BlobRef, bytes]:
    found = {}
    for blob in record.blobs:
        if blob.sha256 in absent:
            continue
        data = blobs.read(blob_key(blob.sha256, blob.content_type))
        if data is None or sha256_hex(data) != blob.sha256:
            what = "is gone from" if data is None else "was changed in"
            raise NoBundle(f"blob {blob_key(blob.sha256, blob.content_type)} {what} the object store")
        found[blob] = data
    return found
