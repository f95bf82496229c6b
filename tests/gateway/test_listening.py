"""The socket that clients meet."""

from __future__ import annotations

import asyncio
import contextlib
import socket

from fastapi import FastAPI

from services.gateway.app import listening, served
from services.gateway.settings import HttpSettings


async def test_a_head_without_end_is_cut_off() -> None:
    listener = listening(HttpSettings.read({"RMOS_HTTP_PORT": "0", "RMOS_API_KEYS": '{"admin": "0123456789abcdef"}'}))
    server, serving = await served(FastAPI(), listener)
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    writer.write(b"GET / HTTP/1.1\r\nHost: gateway\r\nX-Long: " + b"x" * 1_000_000)
    with contextlib.suppress(ConnectionResetError):  # what the server had not read when it closed
        await reader.read()  # ends when the server closes, only then
    writer.close()
    server.should_exit = True
    await serving


def test_no_answer_waits_for_the_clients_delayed_acknowledgement() -> None:
    listener = listening(HttpSettings.read({"RMOS_HTTP_PORT": "0", "RMOS_API_KEYS": '{"admin": "0123456789abcdef"}'}))
    with listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
