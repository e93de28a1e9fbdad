"""Whatever bytes a client sends: the instrumented application answers as the bare one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from hypothesis import given, settings
from hypothesis import strategies as st

import otel_sse
from tests.fuzz import pieces
from tests.integrations.answers import Receive, Scope, Send, body, frame, start
from tests.integrations.driver import call
from tests.integrations.seen import Telemetry
from tests.integrations.servers import Hypercorn, Uvicorn, connect
from tests.integrations.test_bytes import without

NAMES = ("user-agent", "traceparent", "tracestate", "baggage", "cookie", "x-forwarded-for", "x-forwarded-proto",
         "x-forwarded-host", "forwarded", "last-event-id", "x-otel-sse", "referer", "authorization")  # fmt: skip
VALUES = (b"Andr\xe9 C:\\", b"\xff\\", b"\xff", b"\\x", b"\xe9\\u12", b"a\xffb=c\\;d", b"1;p=\xb2")
LINES = {
    "no host": b"GET /chat HTTP/1.1\r\n",
    "host": b"GET /chat HTTP/1.1\r\nHost: \xff\\\r\n",
    "host with userinfo": b"GET /chat HTTP/1.1\r\nHost: me:secret@x/?a=b\r\n",
    "two hosts": b"GET /chat HTTP/1.1\r\nHost: a\r\nHost: \xff\\\r\n",
    "path": b"GET /chat\xff\\ HTTP/1.1\r\nHost: x\r\n",
    "path in percents": b"GET /chat/%ff%5c%00 HTTP/1.1\r\nHost: x\r\n",
    "query": b"GET /chat?a=\xff\\ HTTP/1.1\r\nHost: x\r\n",
    "query in percents": b"GET /chat?a=%ff%5c&%zz HTTP/1.1\r\nHost: x\r\n",
    "whole target": b"GET http://me:secret@x/chat?a=b HTTP/1.1\r\nHost: x\r\n",
    "method": b"BREW /chat HTTP/1.1\r\nHost: x\r\n",
    "long method": b"M" * 300 + b" /chat HTTP/1.1\r\nHost: x\r\n",
    "method in small letters": b"get /chat HTTP/1.1\r\nHost: x\r\n",
    "star": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n",
    "old version": b"GET /chat HTTP/1.0\r\n",
    "odd version": b"GET /chat HTTP/9.9\r\nHost: x\r\n",
    "header's name": b"GET /chat HTTP/1.1\r\nHost: x\r\nx-\xff\\: 1\r\n",
}


HEADS = {
    **LINES,
    **{
        name: b"GET /chat HTTP/1.1\r\nHost: x\r\n"
        + b"".join(b"%s: %s\r\n" % (name.encode(), value) for value in VALUES)
        for name in NAMES
    },
}
"""Heads of requests that a client may send."""


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Stream what has arrived: what the application sees is part of the answer."""
    keys = ("method", "path", "raw_path", "query_string", "headers", "http_version", "scheme")
    await send(start())
    for key in keys:
        await send(body(frame(f"{key}: {scope.get(key)!r}")))
    await send(body(b"", more=False))


def fastapi_echo(**how: Any) -> FastAPI:
    """A FastAPI application that streams what has arrived, as its `Request` has it."""
    app = FastAPI(**how)

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def chat(request: Request) -> StreamingResponse:
        seen = [request.method, request.url.path, str(request.query_params.multi_items())]
        seen += [str(request.headers.items()), str(request.cookies)]

        async def parts() -> Any:
            for each in seen:
                yield frame(each)

        return StreamingResponse(parts(), media_type="text/event-stream")

    return app


@pytest.fixture(scope="module")
def httptools_server() -> Iterator[Uvicorn]:
    """uvicorn with its other parser."""
    server = Uvicorn("httptools")
    yield server
    server.stop()


@pytest.fixture(params=["uvicorn_server", "httptools_server", "hypercorn_server"])
def server(request: pytest.FixtureRequest) -> Uvicorn | Hypercorn:
    """Each server in turn."""
    found: Uvicorn | Hypercorn = request.getfixturevalue(request.param)
    return found


def answered(address: str, head: bytes) -> bytes:
    """What a socket gets for one request, without what is ours and what the clock says."""
    connection = connect(address)
    connection.sendall(head + b"Connection: close\r\n\r\n")
    received = b""
    while part := connection.recv(65536):
        received += part
    connection.close()
    return without(received, b"traceresponse", b"x-trace-id", b"date")


@pytest.mark.parametrize("make", [lambda: echo, fastapi_echo], ids=["plain", "fastapi"])
@pytest.mark.parametrize("name", HEADS)
def test_the_answer_is_the_bare_one(name: str, make: Callable[[], Any], server: Any, telemetry: Telemetry) -> None:
    """At the socket of each server, whatever is in the request, the answers are the same, without an error of ours."""
    bare = answered(server.serve(make()), HEADS[name])
    watched = answered(server.serve(telemetry.instrument(make())), HEADS[name])
    assert watched == bare
    assert bare
    assert [point.value for point in telemetry.metric("sse.internal_errors").values() if point.value] == []


def test_the_examples_reach_the_application(server: Any) -> None:
    """Servers hand such headers on, so that the tests above are about the application."""
    head = b"GET /chat HTTP/1.1\r\nHost: x\r\nUser-Agent: Andr\xe9 C:\\\r\n"
    assert b" 200 " in answered(server.serve(echo), head).splitlines()[0]


HEADERS = st.lists(
    st.tuples(
        st.one_of(st.sampled_from([name.encode() for name in NAMES] + [b"host", b"content-length"]), st.binary()),
        st.one_of(
            st.sampled_from(pieces.HOSTILE), st.binary(), st.builds(lambda a: a + b"\xff\\", st.binary(max_size=8))
        ),
    ),
    max_size=6,
)


@pytest.mark.parametrize("make", [lambda: echo, fastapi_echo], ids=["plain", "fastapi"])
def test_any_request(make: Callable[[], Any], telemetry: Telemetry) -> None:
    """For any bytes in headers and query, any path and method, server and application see what they see without us."""
    bare, watched = make(), telemetry.instrument(make())

    @settings(max_examples=150)
    @given(
        headers=HEADERS,
        query=st.binary(),
        path=st.text().map("/".__add__),
        method=st.sampled_from(["GET", "POST", "X\xff", "é"]),
    )
    def same(**scope: Any) -> None:
        scope["query_string"] = scope.pop("query")
        with_us, without_us = (asked(app, **scope) for app in (watched, bare))
        # The recorder's thread draws ids and exemplars from `random`, and Hypothesis warns where that happens while it
        # draws the next example.
        otel_sse.flush()
        assert with_us == without_us
        # The recorder's thread takes ids of spans from `random`. Hypothesis refuses that while it makes an example.
        otel_sse.flush()

    same()
    assert [point.value for point in telemetry.metric("sse.internal_errors").values() if point.value] == []


def asked(app: Any, **scope: Any) -> Any:
    """What a server sees of one request."""
    scope["raw_path"] = scope["path"].encode("utf-8", "surrogatepass")
    driver = asyncio.run(call(app, **scope))
    messages = [{**message} for message in driver.messages]
    for message in messages:
        if "headers" in message:
            ours = (b"traceresponse", b"x-trace-id")
            message["headers"] = [pair for pair in message["headers"] if pair[0] not in ours]
    return messages, type(driver.error), str(driver.error)


GLOBAL = """
import json
from random import Random

from opentelemetry import metrics, trace

import otel_sse
from otel_sse.telemetry import internal
from tests.fuzz import pieces
from tests.integrations.seen import Telemetry
from tests.integrations.test_hostile_bytes import asked, echo, fastapi_echo

internal.reraise = True
telemetry = Telemetry()
trace.set_tracer_provider(telemetry.tracer_provider)
metrics.set_meter_provider(telemetry.meter_provider)
for make in (lambda: echo, fastapi_echo):
    bare, watched, rng, differ = make(), otel_sse.instrument(make()), Random(8), []
    for number in range(300):
        scope = {
            "headers": [pieces.header(rng) for _ in range(rng.randrange(6))],
            "query_string": rng.choice(pieces.QUERIES),
            "path": rng.choice([path for path in pieces.PATHS if path.startswith("/")]),
            "method": rng.choice(["GET", "POST", "BREW"]),
        }
        if asked(watched, **scope) != asked(bare, **scope):
            differ.append(scope)
    print(len(differ), differ[:1])
    otel_sse.uninstrument(watched)
"""


def test_any_request_with_a_global_provider(run_script: Callable[..., str]) -> None:
    """The same where a provider is set for the process, so that FastAPI makes its own SERVER span."""
    assert run_script(GLOBAL).splitlines() == ["0 []", "0 []"]


def test_the_pieces_are_hostile() -> None:
    """Among the headers that are sent at random are those that contrib's middleware can't decode."""
    rng = Random(1)
    found = [value for _, value in (pieces.header(rng) for _ in range(500))]
    assert any(value.endswith(b"\\") and not value.isascii() for value in found)
