"""The socket that clients meet."""

from __future__ import annotations

import socket

from services.gateway.app import listening
from services.gateway.settings import HttpSettings


def test_no_answer_waits_for_the_clients_delayed_acknowledgement() -> None:
    listener = listening(HttpSettings.read({"RMOS_HTTP_PORT": "0", "RMOS_API_KEYS": '{"admin": "0123456789abcdef"}'}))
    with listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
