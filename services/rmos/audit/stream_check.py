"""The bus stream LOG against the log: its length, and the message at its end."""

from __future__ import annotations

from dataclasses import dataclass

import nats
import nats.js.errors
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from contracts.subjects import LOG_STREAM
from services.rmos.audit.findings import Kind, Report
from services.rmos.audit.rows import LogRow


@dataclass(frozen=True, slots=True)
class StreamAccess:
    """A bus user that may read LOG."""

    url: str
    user: str
    password: str
    inbox_prefix: str


@dataclass(frozen=True, slots=True)
class StreamHead:
    """`last` is the newest message: its event id and body; None while the stream is empty."""

    messages: int
    last_sequence: int
    last: tuple[str, bytes] | None


async def read_head(access: StreamAccess) -> StreamHead:
    """Raises nats' errors, OSError or TimeoutError when the bus or the stream is away."""
    client = await nats.connect(
        access.url,
        user=access.user,
        password=access.password,
        inbox_prefix=access.inbox_prefix.encode(),
        allow_reconnect=False,
        connect_timeout=5,
        name="rmos-audit-verify",
    )
    try:
        jetstream = client.jetstream(timeout=5)
        state = (await jetstream.stream_info(LOG_STREAM)).state
        if state.last_seq == 0:
            return StreamHead(0, 0, None)
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=state.last_seq,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=5,
        )
        made = await jetstream.add_consumer(LOG_STREAM, config)
        subscription = await jetstream.pull_subscribe_bind(made.name, stream=LOG_STREAM)
        (message,) = await subscription.fetch(1, timeout=5)
        return StreamHead(state.messages, state.last_seq, ((message.headers or {}).get("ce-id", ""), message.data))
    finally:
        await client.close()


def check_head(head: StreamHead, end: int, row: LogRow | None, report: Report) -> None:
    """`end` is the log's end as far as anybody knows it; `row` the event at the stream's last sequence, None when it
    is damaged itself."""
    where = f"stream {LOG_STREAM}"
    report.count("stream_messages", head.messages)
    if head.messages != head.last_sequence:
        what = f"it holds {head.messages} messages and ends at {head.last_sequence}: some were removed"
        report.add(Kind.STREAM_INCOMPLETE, where, what)
    if head.last_sequence > end:
        report.add(Kind.STREAM_AHEAD, where, f"it ends at {head.last_sequence}, the log at {end}")
    elif row is not None and head.last is not None and head.last != (row.event_id, row.data):
        what = f"sequence {head.last_sequence} is not the event at this position of the log"
        report.add(Kind.STREAM_DIFFERS, where, what, event_id=row.event_id, found=head.last[0])
