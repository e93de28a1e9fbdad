"""Both ends of a socket: watched ones, plain ones that know nothing of otel_sse, and one in the middle that meddles."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

import otel_sse
from otel_sse.hops.envelope import HEADER
from tests.integrations.seen import Telemetry, attributes

Handler = Callable[[ServerConnection], Awaitable[None]]
Frames = list[tuple[type, tuple[Any, ...]]]
"""What came over a socket: each message's type and its parts, as the frames had them."""

PATIENT = {"open_timeout": 60, "close_timeout": 60}
"""Seconds that a busy machine has for a handshake."""

FORWARDED = (HEADER, "traceparent", "tracestate")


def _unpatched(kind: Any) -> Any:
    return getattr(kind.handshake, "__wrapped__", kind.handshake)


class PlainClient(ClientConnection):
    """A client that no patch has touched."""

    async def handshake(self, *args: Any, **kwargs: Any) -> None:
        await _unpatched(ClientConnection)(self, *args, **kwargs)


class PlainServer(ServerConnection):
    """A server's connection that no patch has touched."""

    async def handshake(self, *args: Any, **kwargs: Any) -> None:
        await _unpatched(ServerConnection)(self, *args, **kwargs)


@asynccontextmanager
async def serving(handler: Handler, *, plain: bool = False, **how: Any) -> AsyncIterator[str]:
    """Serve on loopback; gives the address."""
    if plain:
        how["create_connection"] = PlainServer
    async with serve(handler, "127.0.0.1", 0, **{**PATIENT, **how}) as server:
        yield address_of(server)


def address_of(server: Server) -> str:
    """Return a server's address."""
    return f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def connecting(address: str, *, plain: bool = False, **how: Any) -> connect:
    """Connect to a server, to be used with `async with` or awaited."""
    if plain:
        how["create_connection"] = PlainClient
    return connect(address, proxy=None, **{**PATIENT, **how})


async def echo(connection: Connection) -> None:
    """Send back what comes."""
    async for message in connection:
        await connection.send(message)


async def frames(connection: Connection, count: int) -> Frames:
    """Receive messages, as the frames that they came in."""
    found: Frames = []
    for _ in range(count):
        parts = [part async for part in connection.recv_streaming()]
        found.append((type(parts[0]), tuple(parts)))
    return found


def start(stream: str = "", **more: Any) -> str:
    """A message that starts a stream."""
    return _message("START", stream, **more)


def chunk(content: str, stream: str = "", **more: Any) -> str:
    """A message with content."""
    return _message("CHUNK", stream, content=content, **more)


def end(stream: str = "", **more: Any) -> str:
    """A message that ends a stream."""
    return _message("END", stream, **more)


def answer(words: int, stream: str = "") -> list[str]:
    """The messages of one answer; some of its words are alike, as a model's are."""
    return [start(stream), *(chunk(("the ", "cat ")[n % 2], stream) for n in range(words)), end(stream)]


def _message(kind: str, stream: str, **more: Any) -> str:
    return json.dumps({"type": kind, **({"stream_id": stream} if stream else {}), **more})


Meddle = Callable[[Any], list[Any]]
"""What goes on in place of a message."""


def dropping(*numbers: int) -> Meddle:
    """Leave out the messages with these numbers, 1 for the first."""
    count = itertools.count(1)
    return lambda message: [] if next(count) in numbers else [message]


def doubling(*numbers: int) -> Meddle:
    """Send the messages with these numbers twice."""
    count = itertools.count(1)
    return lambda message: [message, message] if next(count) in numbers else [message]


def swapping(number: int) -> Meddle:
    """Send the message with this number behind the next one."""
    count = itertools.count(1)
    held: list[Any] = []

    def meddle(message: Any) -> list[Any]:
        if next(count) == number:
            held.append(message)
            return []
        return [message, *[held.pop() for _ in held[:]]]

    return meddle


def untouched(message: Any) -> list[Any]:
    """Send everything on."""
    return [message]


@asynccontextmanager
async def proxied(upstream: str, there: Meddle = untouched, back: Meddle = untouched) -> AsyncIterator[str]:
    """Stand between a client and a server, and meddle with the messages each way; gives the address to connect to."""

    async def accept(connection: ServerConnection, request: Any, response: Any) -> None:
        asked = {name: request.headers[name] for name in FORWARDED if name in request.headers}
        far: Any = await connecting(upstream, plain=True, additional_headers=asked)
        connection.far = far  # type: ignore[attr-defined]
        if HEADER in far.response.headers:
            response.headers[HEADER] = far.response.headers[HEADER]

    async def handle(connection: ServerConnection) -> None:
        far = connection.far  # type: ignore[attr-defined]
        await asyncio.gather(_pump(connection, far, there), _pump(far, connection, back))

    async with serving(handle, plain=True, process_response=accept) as address:
        yield address


async def _pump(source: Connection, target: Connection, meddle: Meddle) -> None:
    try:
        async for message in source:
            for each in meddle(message):
                await target.send(each)
    except ConnectionClosed:
        pass
    await target.close(1000)


class Ended:
    """One stage that has ended, as it was exported: one segment."""

    def __init__(self, span: ReadableSpan) -> None:
        context: Any = span.get_span_context()
        self.span = span
        self.span_id: int = context.span_id
        self.trace_id: int = context.trace_id
        self.attributes = attributes(span)
        self.name = str(self.attributes["sse.stage"])
        self.stream_id = str(self.attributes["sse.stream.id"])
        self.outcome = str(self.attributes["sse.stream.outcome"])
        self.links = [link.context.span_id for link in span.links if (link.attributes or {})["sse.link"] == "upstream"]
        self.chunks = _events(span, "sse.chunk")
        told = _events(span, "sse.finding")
        self.findings = [(f["sse.finding.kind"], f["sse.finding.seq"], f["sse.finding.certainty"]) for f in told]

    @property
    def lineage(self) -> list[int]:
        """The first upstream chunk of each chunk, 0 for none."""
        return [each.get("sse.chunk.upstream.first", 0) for each in self.chunks]

    @property
    def digests(self) -> list[str]:
        """The chunks' digests."""
        return [each["sse.chunk.digest"] for each in self.chunks]


def _events(span: ReadableSpan, name: str) -> list[dict[str, Any]]:
    return [dict(event.attributes or {}) for event in span.events if event.name == name]


def linked_in_order(stages: list[Ended]) -> bool:
    """Return whether each stage links to the one before and to nothing else, all in one stream and one trace."""
    one = len({(stage.stream_id, stage.trace_id) for stage in stages}) == 1
    return one and all(after.links == [before.span_id] for before, after in pairwise(stages))


class Stages:
    """The stages that a test has ended."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def all(self) -> list[Ended]:
        """Every stage, in the order of its beginning."""
        otel_sse.flush()
        ended = [Ended(span) for span in self._telemetry.spans() if "sse.stream.outcome" in attributes(span)]
        return sorted(ended, key=lambda stage: stage.span.start_time or 0)

    def __iter__(self) -> Iterator[Ended]:
        return iter(self.all())

    def named(self, name: str) -> list[Ended]:
        """The stages with this name."""
        return [stage for stage in self if stage.name == name]

    def one(self, name: str) -> Ended:
        """The one stage with this name."""
        (stage,) = self.named(name)
        return stage
