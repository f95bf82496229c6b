"""The log as plain CloudEvents: one structured-mode JSON event a line, for any tool that reads CloudEvents 1.0.

    pip install nats-py
    python examples/cloudevents_subscriber.py --stack .rmos/stack.json | your-tool

On the bus the attributes are headers (`ce-id`, `ce-type`, …) and the body is the data's canonical JSON; this turns
them into https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md without any library.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

from nats.aio.msg import Msg
from subscriber import access_from, events


def structured(position: int, message: Msg) -> dict[str, Any]:
    """The event in CloudEvents' JSON format; `sequence` (an official extension) is the position in the log."""
    headers = message.headers or {}
    event = {name[3:]: value for name, value in headers.items() if name.startswith("ce-")}
    event["datacontenttype"] = headers["content-type"]
    event["sequence"] = str(position)
    event["data"] = json.loads(message.data)
    return event


async def follow(access: dict[str, str], after: int, idle_s: float | None) -> None:
    async for position, message in events(access, after, idle_s):
        print(json.dumps(structured(position, message), sort_keys=True), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stack", type=Path, default=Path(".rmos/stack.json"))
    parser.add_argument("--after", type=int, default=0, help="the last position already seen")
    parser.add_argument("--idle", type=float, default=None, help="end after so many seconds without an event")
    options = parser.parse_args()
    asyncio.run(follow(access_from(options.stack), options.after, options.idle))


if __name__ == "__main__":
    main()
