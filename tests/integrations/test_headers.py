from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.instrumentation.propagators import (
    ResponsePropagator,
    TraceResponsePropagator,
    get_global_response_propagator,
    set_global_response_propagator,
)
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import INVALID_SPAN_CONTEXT

from otel_sse.integrations.headers import content_coding, find, stream_type, with_trace
from tests.integrations.answers import EVENT_STREAM, FRAMES, plain
from tests.integrations.driver import call
from tests.integrations.made import fastapi_app, plain_app, starlette_app
from tests.integrations.seen import Telemetry
from tests.integrations.servers import Uvicorn

TRACERESPONSE = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


@pytest.mark.parametrize("make", [plain_app, starlette_app, fastapi_app])
def test_the_response_says_which_span_it_is(make: Any, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """`traceresponse` is valid W3C and names the stage's span; `X-Trace-ID` names its trace."""
    answer = httpx.get(uvicorn_server.serve(telemetry.instrument(make())) + "/chat")
    found = TRACERESPONSE.fullmatch(answer.headers["traceresponse"])
    assert found is not None
    stage = telemetry.stage()
    context = stage.first.context
    assert int(found[1], 16) == context.trace_id == int(answer.headers["x-trace-id"], 16)
    assert int(found[2], 16) == context.span_id
    assert int(found[3], 16) == context.trace_flags
    assert context.trace_flags & 1
    assert len(answer.headers["x-trace-id"]) == 32


async def test_an_unsampled_trace_says_so(make_telemetry: Any) -> None:
    """Where the sampler drops the trace, the header's flag says so."""
    telemetry = make_telemetry(sampler=ALWAYS_OFF)
    driver = await call(telemetry.instrument(plain()))
    found = TRACERESPONSE.fullmatch((find(driver.headers, b"traceresponse") or b"").decode())
    assert found is not None
    assert int(found[3], 16) & 1 == 0


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, [b"traceresponse", b"x-trace-id"]),
        ({"traceresponse_header": False}, [b"x-trace-id"]),
        ({"trace_id_header": False}, [b"traceresponse"]),
        ({"traceresponse_header": False, "trace_id_header": False}, []),
    ],
)
async def test_each_header_can_be_switched_off(options: Any, names: list[bytes], telemetry: Telemetry) -> None:
    """Each of the two headers has its own switch; the application's come first and stay as they are."""
    own = (EVENT_STREAM, (b"Cache-Control", b"no-cache"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"))
    driver = await call(telemetry.instrument(plain(FRAMES, *own), **options))
    assert driver.headers[:4] == list(own)
    assert [name for name, _ in driver.headers[4:]] == names


@pytest.mark.parametrize("name", [b"traceresponse", b"TraceResponse", b"x-trace-id", b"X-Trace-ID"])
async def test_what_is_there_is_not_doubled(name: bytes, telemetry: Telemetry) -> None:
    """A header that the application has set, in any case, stays the only one of its name."""
    driver = await call(telemetry.instrument(plain(FRAMES, EVENT_STREAM, (name, b"mine"))))
    assert [value for each, value in driver.headers if each.lower() == name.lower()] == [b"mine"]


async def test_the_applications_own_list_is_not_touched(telemetry: Telemetry) -> None:
    """The headers are added to a copy: an application may keep its list for the next response."""
    own = [EVENT_STREAM]
    message = {"type": "http.response.start", "status": 200, "headers": own}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(message)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    await call(telemetry.instrument(app))
    assert own == [EVENT_STREAM]
    assert message["headers"] is own


@pytest.fixture
def respond_with() -> Iterator[Any]:
    """Sets the process's response propagator; it is put back at the end."""
    before = get_global_response_propagator()
    yield set_global_response_propagator
    set_global_response_propagator(before)


@pytest.mark.parametrize("outside", [False, True])
async def test_contribs_propagator_is_not_doubled(outside: bool, respond_with: Any, telemetry: Telemetry) -> None:
    """Where contrib is set up to write `traceresponse`, it is left to contrib."""
    respond_with(TraceResponsePropagator())
    app = telemetry.instrument(plain())
    if outside:
        app = OpenTelemetryMiddleware(app, tracer_provider=telemetry.tracer_provider)
    names = [name for name, _ in (await call(app)).headers]
    assert names.count(b"traceresponse") == 1
    assert names.count(b"x-trace-id") == 1


async def test_another_propagator_does_not_replace_ours(respond_with: Any, telemetry: Telemetry) -> None:
    """A propagator that writes other headers leaves `traceresponse` to us."""

    class ServerTiming(ResponsePropagator):
        def inject(self, carrier: Any, context: Any = None, setter: Any = None) -> None:
            if "headers" in carrier:
                setter.set(carrier, "server-timing", "x")

    respond_with(ServerTiming())
    names = [name for name, _ in (await call(telemetry.instrument(plain()))).headers]
    assert names.count(b"traceresponse") == 1
    assert names.count(b"server-timing") == 1


def test_no_trace_no_header() -> None:
    """Without a valid span nothing is added."""
    assert with_trace([EVENT_STREAM], INVALID_SPAN_CONTEXT, traceresponse=True, trace_id=True) == [EVENT_STREAM]


@pytest.mark.parametrize(
    ("value", "coding"),
    [(None, ""), (b"identity", ""), (b"Identity ", ""), (b" GZip", "gzip"), (b"br", "br"), (b"x" * 50, "x" * 32)],
)
def test_content_coding(value: bytes | None, coding: str) -> None:
    """The coding is read in any case, is empty where the bytes are plain, and is cut at 32 characters."""
    assert content_coding([] if value is None else [(b"content-encoding", value)]) == coding


def test_the_first_content_type_counts() -> None:
    """Of two headers of one name the first one counts, as clients read them."""
    assert stream_type([EVENT_STREAM, (b"content-type", b"text/plain")], ()) == "text/event-stream"
    assert stream_type([(b"content-type", b"text/plain"), EVENT_STREAM], ()) == ""
    assert stream_type([], ("text/plain",)) == ""
