"""Loopback ports for the embedded servers."""

from __future__ import annotations

import secrets
import socket

LOOPBACK = "127.0.0.1"

# Below the ranges from which Linux (32768-60999) and macOS (49152-65535) take the source ports of outgoing connections.
# A server port inside such a range can be taken by any client while the server restarts, and a client that keeps
# reconnecting to a closed loopback port in that range can end up connected to itself (TCP simultaneous open).
_FIRST, _LAST = 20_000, 29_999


def port_is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on `port` now. A port in TIME_WAIT counts as free, as it does for the servers."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A loopback TCP port nobody listens on now, drawn at random so that stacks started together do not collide."""
    while True:
        port = _FIRST + secrets.randbelow(_LAST - _FIRST + 1)
        if port_is_free(port):
            return port
