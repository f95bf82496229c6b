"""Whether it is our own gateway that answers, and not another stack's that took the port first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from runtime.embedded.ports import LOOPBACK, free_port
from runtime.embedded.probes import answers_as


@contextmanager
def answering(body: bytes, status: int = 200) -> Iterator[int]:
    """The port of a server that gives everybody this answer."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    server = HTTPServer((LOOPBACK, 0), Answer)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_process_that_names_itself_is_known() -> None:
    with answering(b'{"status": "alive", "pid": 4711}') as port:
        assert answers_as(port, 4711)


@pytest.mark.parametrize("body", [b'{"pid": 4712}', b'{"pid": "4711"}', b"{}", b"[]", b"4711", b"<html>", b""])
def test_another_process_is_not_taken_for_ours(body: bytes) -> None:
    with answering(body) as port:
        assert not answers_as(port, 4711)


def test_a_gateway_that_does_not_run_is_not_found_in_an_answer_without_a_pid() -> None:
    with answering(b'{"pid": null}') as port:
        assert not answers_as(port, None)


def test_nobody_there_is_not_ours() -> None:
    assert not answers_as(free_port(), 4711)
