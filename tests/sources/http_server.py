"""A real HTTP server on loopback that answers as a test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit


class Asked(NamedTuple):
    """One request."""

    path: str
    query: dict[str, str]
    headers: Mapping[str, str]


class Reply(NamedTuple):
    """What is answered."""

    status: int
    body: bytes | str = b""
    headers: Mapping[str, str] = {"content-type": "application/json"}


Answer = Callable[[Asked], Reply]


class Server:
    """A server that is up.

    Args:
        url: Where.
        requests: What it was asked, in order.
    """

    def __init__(self, url: str, requests: list[Asked]) -> None:
        self.url = url
        self.requests = requests


@contextmanager
def serving(answer: Answer) -> Iterator[Server]:
    """Serve for as long as the block lasts.

    Args:
        answer: Called with each request.
    """
    requests: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = Asked(parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), dict(self.headers))
            requests.append(asked)
            reply = answer(asked)
            body = reply.body.encode() if isinstance(reply.body, str) else reply.body
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep stderr for the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{server.server_address[1]}", requests)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
