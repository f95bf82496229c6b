"""A server on loopback that speaks the OpenAI wire format, for tests of the SDK's real path."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import uvicorn

PNG = b"\x89PNG\r\n\x1a\nrest"


@dataclass
class Seen:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class WireServer:
    """Answers from `replies` (status, body, headers) while there are any, else a good answer of `text`."""

    url: str = ""
    text: str = '{"ok":true}'
    seen: list[Seen] = field(default_factory=list)
    replies: list[tuple[int, Any, dict[str, str]]] = field(default_factory=list)
    silent: bool = False

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.seen.append(Seen(scope["path"], headers, orjson.loads(body) if body else {}))
        if self.silent:
            await receive()  # until the client goes away
            return
        status, answer, more = self.replies.pop(0) if self.replies else (200, self._good(scope["path"]), {})
        data = answer if isinstance(answer, bytes) else orjson.dumps(answer)
        raw = [(b"content-type", b"application/json"), *((k.encode(), v.encode()) for k, v in more.items())]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": data})

    def _good(self, path: str) -> dict[str, Any]:
        if path.endswith("/responses"):
            return response(self.text)
        if path.endswith("/images/generations"):
            usage = {"input_tokens": 12, "output_tokens": 4000, "total_tokens": 4012}
            return {"created": 1, "data": [{"b64_json": base64.b64encode(PNG).decode()}], "usage": usage}
        return completion(self.text)


def response(text: str, **changes: Any) -> dict[str, Any]:
    """A reply of POST /v1/responses."""
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {
        "id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-6.1-terra-2026-08-01",
        "status": "completed", "error": None, "incomplete_details": None, "parallel_tool_calls": True,
        "tool_choice": "auto", "tools": [],
        "output": [{"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": content}],
        "usage": {
            "input_tokens": 100, "input_tokens_details": {"cached_tokens": 40}, "output_tokens": 20,
            "output_tokens_details": {"reasoning_tokens": 5}, "total_tokens": 120,
        },
        **changes,
    }  # fmt: skip


def completion(text: str | None, finish: str = "stop", refusal: str | None = None) -> dict[str, Any]:
    """A reply of POST /v1/chat/completions."""
    message = {"role": "assistant", "content": text, "refusal": refusal}
    return {
        "id": "c1", "object": "chat.completion", "created": 1, "model": "qwen3:8b",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 30, "completion_tokens": 6, "total_tokens": 36},
    }  # fmt: skip


@asynccontextmanager
async def wire_server() -> AsyncIterator[WireServer]:
    app = WireServer()
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    app.url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1))
    running = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield app
    finally:
        server.should_exit = True
        await running
