"""The text of a model's explanation is content that the record refers to, and lets go."""

from __future__ import annotations

from contracts.blobs import BlobRef
from contracts.canonical import canonical_bytes
from contracts.examples import BOUND, RUN, examples
from contracts.log import (
    AiExplanationFailed,
    AiExplanationReady,
    AiExplanationRequested,
    BlobsPurged,
    CandidateBound,
    LogEvent,
    RunOpened,
)
from services.rmos.audit.content_check import References, blobs_of
from services.rmos.audit.rows import LogRow
from services.rmos.audit.run_record import record_of, streams_beside
from services.rmos.domain.ai_explanation import stream_of

READY = examples()[AiExplanationReady]
assert isinstance(READY, AiExplanationReady)
TEXT: BlobRef = READY.text
AS_FOUND = (TEXT.sha256, TEXT.size, TEXT.content_type)


def row(position: int, stream: str, version: int, event: LogEvent) -> LogRow:
    """As it would stand in the log; nothing here looks at who wrote it or at its leaf."""
    moment, actor = "2026-01-02T03:04:05.000006Z", '{"id":"ada","kind":"person","role":"designer"}'
    name = f"x{position}"
    about = (stream, version, name, event.type, moment, actor, name, name, 0, bytes(32), None, 1)
    return LogRow(position, *about, canonical_bytes(event), bytes(32))


def example(kind: type[LogEvent]) -> LogEvent:
    found = examples()[kind]
    assert isinstance(found, kind)
    return found


def test_only_a_ready_explanation_refers_to_content() -> None:
    stream = stream_of(BOUND)
    assert list(blobs_of(row(1, stream, 1, example(AiExplanationReady)))) == [AS_FOUND]
    for kind in (AiExplanationRequested, AiExplanationFailed):
        assert list(blobs_of(row(1, stream, 1, example(kind)))) == []


def test_a_purged_text_may_be_gone_until_something_refers_to_it_again() -> None:
    purge = BlobsPurged(
        purge_id="purge_1",
        older_than_days=1,
        statuses=("OK",),
        run_ids=(RUN,),
        digests=(TEXT.sha256,),
        bytes_freed=1,
    )
    references = References()
    references.add(row(1, stream_of(BOUND), 2, example(AiExplanationReady)), 1)
    assert not references.may_be_gone(TEXT.sha256)
    references.add(row(2, "retention", 1, purge), 2)
    assert references.may_be_gone(TEXT.sha256)
    references.add(row(3, stream_of("artifact_x"), 2, example(AiExplanationReady)), 3)
    assert not references.may_be_gone(TEXT.sha256)


def test_what_the_log_says_about_a_run_includes_the_explanations_of_its_decisions() -> None:
    own = [
        row(1, f"run-{RUN}", 1, example(RunOpened)),
        row(2, f"run-{RUN}", 2, example(CandidateBound)),
    ]
    assert stream_of(BOUND) in streams_beside(RUN, own)
    record = record_of(RUN, [*own, row(3, stream_of(BOUND), 1, example(AiExplanationReady))])
    assert TEXT in record.blobs
    assert [item.artifact.artifact_id for item in record.artifacts] == [BOUND]
