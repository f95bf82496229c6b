"""Follow the decisions of a running RMOS: every event of the log once, in order, also across restarts.

Needs nats-py and nothing else:

    pip install nats-py
    python examples/subscriber.py --stack .rmos/stack.json --state last-position

The stream's sequence equals the event's position in the log. The last position handled is kept in a file and is
written after the handling, so a crash in between shows one event again: make your handling repeatable, or keep the
position in the same transaction as its effect.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import nats
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NoMessage
from nats.js.api import ConsumerConfig, DeliverPolicy


async def events(access: dict[str, str], after: int, idle_s: float | None = None) -> AsyncIterator[tuple[int, Msg]]:
    """(position, message) of every event after the position. Ends when nothing came for `idle_s` seconds."""
    client = await nats.connect(
        access["url"],
        user=access["user"],
        password=access["password"],
        inbox_prefix=access["inbox_prefix"].encode(),
        max_reconnect_attempts=-1,
    )
    try:
        config = ConsumerConfig(deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=after + 1)
        feed = await client.jetstream().subscribe("log.>", stream="LOG", ordered_consumer=True, config=config)
        while True:
            try:
                message = await feed.next_msg(timeout=idle_s)
            except NoMessage:
                return
            yield message.metadata.sequence.stream, message
    finally:
        await client.close()


def access_from(stack_file: Path) -> dict[str, str]:
    """The read-only dashboard login that `rmos up` writes."""
    stack = json.loads(stack_file.read_text())
    return {"url": stack["nats_url"], **stack["dashboard"]}


async def follow(access: dict[str, str], state: Path, idle_s: float | None) -> None:
    after = int(state.read_text()) if state.exists() else 0
    async for position, message in events(access, after, idle_s):
        assert position == after + 1, f"position {position} after {after}: something is missing"
        headers = message.headers or {}
        print(f"{position} {headers['ce-time']} {headers['ce-type']} {headers.get('ce-subject', '')}", flush=True)
        state.write_text(str(position))
        after = position


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stack", type=Path, default=Path(".rmos/stack.json"))
    parser.add_argument("--state", type=Path, default=Path("last-position"))
    parser.add_argument("--idle", type=float, default=None, help="end after so many seconds without an event")
    options = parser.parse_args()
    asyncio.run(follow(access_from(options.stack), options.state, options.idle))


if __name__ == "__main__":
    main()
