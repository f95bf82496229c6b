"""Whether a process answers: what the supervisor asks from time to time."""

from __future__ import annotations

import asyncio
import http.client
import json
from contextlib import suppress

import nats
import nats.errors
from nats.aio.client import Client

from contracts.canonical import canonical_bytes
from contracts.envelope import SYSTEM_ACTOR, RequestContext, request_headers
from contracts.health import AskHealth
from contracts.subjects import HEALTH, SUPERVISOR, inbox_prefix
from runtime.clock import SystemClock, unix_ms, utc_text
from runtime.embedded.ports import LOOPBACK
from runtime.embedded.server import EmbeddedServer
from runtime.embedded.supervisor import Probe
from runtime.ids import new_id

HEALTH_PATH = "/healthz"
_TIMEOUT_S = 3.0


def server_probe(server: EmbeddedServer) -> Probe:
    """The server's own readiness check, off the event loop."""

    async def probe() -> bool:
        return await asyncio.to_thread(server.is_ready)

    return probe


def http_status(port: int, path: str, timeout_s: float = _TIMEOUT_S) -> int | None:
    """The status of a GET on loopback; None when nobody answers HTTP there in time."""
    return http_answer(port, path, timeout_s)[0]


def http_answer(port: int, path: str, timeout_s: float = _TIMEOUT_S) -> tuple[int | None, bytes]:
    """Status and body of a GET on loopback; (None, b"") when nobody answers HTTP there in time."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return None, b""
    finally:
        connection.close()


def answers_as(port: int, pid: int | None) -> bool:
    """Whether it is the process `pid` that answers on this port, by its own word in `GET /healthz`.

    Between choosing a free port and listening on it, another stack of this machine may have taken it: that one's
    gateway would say that it is ready, and not know our keys.
    """
    status, body = http_answer(port, HEALTH_PATH)
    try:
        return status is not None and pid is not None and json.loads(body).get("pid") == pid
    except (ValueError, AttributeError):
        return False


def http_probe(port: int, path: str) -> Probe:
    """Any answer counts, a 503 too: a process that says that others are missing is not the one to restart."""

    async def probe() -> bool:
        return await asyncio.to_thread(http_status, port, path) is not None

    return probe


class ServiceProbes:
    """Asks services for their health over the bus, under a user that may do nothing else."""

    def __init__(self, url: str, password: str) -> None:
        self._url, self._password = url, password
        self._client: Client | None = None

    async def connect(self) -> None:
        """Connects for good: the client finds the server again after each restart."""
        self._client = await nats.connect(
            self._url,
            user=SUPERVISOR,
            password=self._password,
            inbox_prefix=inbox_prefix(SUPERVISOR),
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.25,
            error_cb=_ignore,  # a lost connection shows as a silent probe
        )

    async def close(self) -> None:
        if self._client is not None:
            with suppress(nats.errors.Error, OSError):
                await self._client.close()

    def probe(self, service: str) -> Probe:
        """Whether the service answers its health question at all, in whatever words."""
        subject = HEALTH[service].subject

        async def ask() -> bool:
            context = RequestContext(
                command_id=new_id("qry"),
                request_id=new_id("req"),
                actor=SYSTEM_ACTOR,
                deadline_ms=unix_ms() + int(_TIMEOUT_S * 1000),
            )
            headers = request_headers(context, subject, SUPERVISOR, utc_text(SystemClock().now()))
            assert self._client is not None
            try:
                await self._client.request(subject, canonical_bytes(AskHealth()), timeout=_TIMEOUT_S, headers=headers)
            except (nats.errors.Error, TimeoutError, OSError):
                return False
            return True

        return ask


async def _ignore(_: Exception) -> None:
    return
