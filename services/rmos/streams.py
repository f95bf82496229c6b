"""The JetStream streams and the durable consumer of the system, declared by the migration step and by nobody else.

Services only bind to them: a service that declares a stream at start rewrites it with whatever its own version says.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import nats.errors
import nats.js.errors
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    ReplayPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)

from contracts.subjects import DEAD_STREAM, FACTS_STREAM, LOG_STREAM, MARKS_STREAM, RECORDER

_DAY_S = 24 * 60 * 60
FACTS_KEPT_S = 30 * _DAY_S
"""Recorded facts live on in the log; this is how long rmos may be away before unrecorded ones are lost."""
MARKS_KEPT = 1_000
"""Only the newest counts; the others are for people who look back."""


class StreamDrift(Exception):
    """A stream or consumer differs from its declaration in something the server does not change."""


def declared_streams(replicas: int) -> tuple[StreamConfig, ...]:
    """`replicas` is 1 on a single server, 3 in a cluster."""
    return (
        _stream(FACTS_STREAM, "fact.>", replicas, max_age=FACTS_KEPT_S, deny_delete=True),
        # sequence == log position: nothing may ever be removed from it or put in between
        _stream(LOG_STREAM, "log.>", replicas, deny_delete=True, deny_purge=True, allow_atomic=True),
        _stream(DEAD_STREAM, "dead.>", replicas),
        _stream(
            MARKS_STREAM,
            "mark.>",
            replicas,
            discard=DiscardPolicy.OLD,
            max_msgs=MARKS_KEPT,
            deny_delete=True,
            deny_purge=True,
        ),
    )


def declared_recorder(replicas: int) -> ConsumerConfig:
    """The recorder decides itself when a fact is given up (stream DEAD), so the server never stops delivering one."""
    return ConsumerConfig(
        name=RECORDER,
        durable_name=RECORDER,
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
        replay_policy=ReplayPolicy.INSTANT,
        ack_wait=5,
        max_deliver=-1,
        max_ack_pending=1000,
        num_replicas=replicas,
    )


async def declare_streams(jetstream: JetStreamContext, replicas: int) -> list[str]:
    """Make everything as declared; what was done, one line each (empty: nothing was to do).

    Raises StreamDrift naming field, found and wanted value when the server refuses the change.
    """
    done: list[str] = []
    for wanted in declared_streams(replicas):
        done += await _declare_stream(jetstream, wanted)
    done += await _declare_consumer(jetstream, FACTS_STREAM, declared_recorder(replicas))
    return done


async def _declare_stream(jetstream: JetStreamContext, wanted: StreamConfig) -> list[str]:
    assert wanted.name is not None  # every declaration has one
    try:
        found = (await jetstream.stream_info(wanted.name)).config
    except nats.js.errors.NotFoundError:
        await jetstream.add_stream(wanted)
        return [f"stream {wanted.name} created"]
    differences = _differences(wanted, found)
    if not differences:
        return []
    try:
        await jetstream.update_stream(wanted)
    except nats.js.errors.APIError as error:
        raise _drift(f"stream {wanted.name}", differences, error) from error
    left = _differences(wanted, (await jetstream.stream_info(wanted.name)).config)
    if left:
        raise _drift(f"stream {wanted.name}", left, None)
    return [f"stream {wanted.name} updated: {_listed(differences)}"]


async def _declare_consumer(jetstream: JetStreamContext, stream: str, wanted: ConsumerConfig) -> list[str]:
    assert wanted.name is not None  # every declaration has one
    try:
        found = (await jetstream.consumer_info(stream, wanted.name)).config
    except nats.js.errors.NotFoundError:
        await jetstream.add_consumer(stream, wanted)
        return [f"consumer {wanted.name} created"]
    differences = _differences(wanted, found)
    if not differences:
        return []
    try:
        await jetstream.add_consumer(stream, wanted)
    except nats.js.errors.APIError as error:
        raise _drift(f"consumer {wanted.name}", differences, error) from error
    left = _differences(wanted, (await jetstream.consumer_info(stream, wanted.name)).config)
    if left:  # a create that finds the durable may answer with the old configuration
        raise _drift(f"consumer {wanted.name}", left, None)
    return [f"consumer {wanted.name} updated: {_listed(differences)}"]


def _stream(name: str, subject: str, replicas: int, **options: Any) -> StreamConfig:
    return StreamConfig(
        name=name,
        subjects=[subject],
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=options.pop("discard", DiscardPolicy.NEW),
        num_replicas=replicas,
        duplicate_window=120,
        allow_direct=True,
        max_age=options.pop("max_age", 0),
        **options,
    )


def _differences(wanted: Any, found: Any) -> dict[str, tuple[Any, Any]]:
    """Field -> (found, wanted), for every field the declaration sets; unset ones are the server's business."""
    pairs = {field.name: (getattr(found, field.name), getattr(wanted, field.name)) for field in fields(wanted)}
    return {name: pair for name, pair in pairs.items() if pair[1] is not None and _plain(pair[0]) != _plain(pair[1])}


def _plain(value: Any) -> Any:
    """Values as the server writes them: enums by value, an absent flag as False, an absent age as 0."""
    plain = getattr(value, "value", value)
    return plain or 0 if plain is None or isinstance(plain, int | float) else plain


def _listed(differences: dict[str, tuple[Any, Any]]) -> str:
    return ", ".join(f"{name} {found!r} -> {wanted!r}" for name, (found, wanted) in sorted(differences.items()))


def _drift(what: str, differences: dict[str, tuple[Any, Any]], error: Exception | None) -> StreamDrift:
    reason = f" ({error})" if error else ""
    return StreamDrift(f"{what} differs and the server does not change it: {_listed(differences)}{reason}")
