"""Wires the gateway: the only module here that knows the concrete bus, object store, clock, ids and HTTP server."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from importlib.metadata import version

import uvicorn
from fastapi import FastAPI

from contracts.envelope import Role
from runtime.blobs import BlobStore
from runtime.bus import Bus
from runtime.clock import SystemClock, unix_ms
from runtime.ids import new_id
from runtime.logs import Logger
from runtime.settings import SettingsError
from services.gateway.access import Keys
from services.gateway.api import application
from services.gateway.calls import Gateway, Limits
from services.gateway.feed.reader import LogReader
from services.gateway.feed.tail import Tail
from services.gateway.metrics import Metrics
from services.gateway.settings import HttpSettings, read_settings

GRACE_S = 10
"""How long a stopping gateway lets requests finish."""


class Server(uvicorn.Server):
    """uvicorn inside a process that handles its signals itself (runtime.process)."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepting.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def start(stack: AsyncExitStack, log: Logger) -> None:
    settings = read_settings()
    listener = listening(settings.http)
    stack.callback(listener.close)
    blobs = BlobStore(settings.s3)
    stack.callback(blobs.close)
    bus = await Bus.connect(settings.nats, "gateway", SystemClock(), log)
    stack.push_async_callback(bus.close)
    feed = Tail(LogReader(bus.client, log))
    feed.start()
    gateway = Gateway(
        requests=bus,
        blobs=blobs,
        feed=feed,
        keys=Keys({Role(role): key for role, key in settings.http.api_keys.items()}),
        limits=limits_of(settings.http),
        metrics=Metrics(),
        log=log,
        new_id=new_id,
        now_ms=unix_ms,
        version=version("rmos"),
        pid=os.getpid(),
    )
    server, serving = await served(application(gateway), listener)

    async def stop() -> None:
        await feed.close()  # ends the event streams, which would otherwise keep the server waiting
        server.should_exit = True
        await serving

    stack.push_async_callback(stop)
    log.info("listening", host=settings.http.host, port=listener.getsockname()[1])


def limits_of(http: HttpSettings) -> Limits:
    return Limits(
        max_in_flight=http.max_in_flight,
        max_streams=http.max_streams,
        max_json_bytes=http.max_json_bytes,
        max_multipart_bytes=http.max_multipart_bytes,
    )


def listening(http: HttpSettings) -> socket.socket:
    """The bound socket. Raises SettingsError when the address cannot be had.

    Its connections inherit TCP_NODELAY. asyncio sets that only on sockets that name their protocol, and those accepted
    here do not: without it the body of every answer waits for the client's delayed acknowledgement, 40 ms.
    """
    try:
        listener = socket.create_server(
            (http.host, http.port), family=socket.AF_INET6 if ":" in http.host else socket.AF_INET, backlog=2048
        )
    except OSError as error:
        raise SettingsError(
            f"RMOS_HTTP_HOST, RMOS_HTTP_PORT: cannot listen on {http.host}:{http.port}: {error.strerror}"
        ) from None
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


async def served(app: FastAPI, listener: socket.socket) -> tuple[Server, asyncio.Task[None]]:
    """The running server and its task; returns once it accepts connections."""
    config = uvicorn.Config(
        app,
        http="h11",  # httptools, which is taken where it is installed, reads a head without end (docs/decisions/0015)
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="critical",  # the edge logs every request and every error itself
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=30,
    )
    server = Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await server.accepting.wait()
    return server, serving
