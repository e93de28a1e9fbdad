"""The trace context goes out where nothing else has added one, and the writer's span is read from `traceresponse`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest
from opentelemetry import baggage, context, propagate
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import format_span_id, format_trace_id

from otel_sse.integrations.clients.propagation import missing_context, take_back, written_by
from tests.integrations.answers import ANSWER, plain
from tests.integrations.clients.readers import LIBRARIES, READERS, Model, gateway
from tests.integrations.seen import Telemetry
from tests.integrations.servers import Uvicorn

OWN = "00-11111111111111111111111111111111-2222222222222222-01"


def expected(telemetry: Telemetry) -> bytes:
    """`traceparent` of the request that the application served."""
    request = telemetry.request().context
    return f"00-{format_trace_id(request.trace_id)}-{format_span_id(request.span_id)}-03".encode()


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_request_carries_the_trace(
    name: str, telemetry: Telemetry, uvicorn_server: Uvicorn, model_server: Uvicorn
) -> None:
    """A request that is sent while one is served names that one's span as its parent."""
    model = Model()
    app = telemetry.instrument(gateway(READERS[LIBRARIES[name]], model_server.serve(model)))
    assert httpx.get(uvicorn_server.serve(app) + "/chat").content == ANSWER
    assert model.asked[0][b"traceparent"][:-2] == expected(telemetry)[:-2]


@pytest.mark.parametrize("name", LIBRARIES)
def test_the_option_keeps_requests_as_they_are(
    name: str, telemetry: Telemetry, uvicorn_server: Uvicorn, model_server: Uvicorn
) -> None:
    """With `client_traceparent=False` no header is added, and the stage is there all the same."""
    model = Model()
    app = gateway(READERS[LIBRARIES[name]], model_server.serve(model))
    telemetry.instrument(app, client_traceparent=False)
    httpx.get(uvicorn_server.serve(app) + "/chat")
    assert b"traceparent" not in model.asked[0]
    assert telemetry.stage("provider").outcome == "completed"


@pytest.fixture
def within(outside: Telemetry) -> Iterator[Any]:
    """A span that is current while the test runs, and clients that are watched."""
    outside.instrument(plain())
    with outside.tracer_provider.get_tracer("test").start_as_current_span("asking") as span:
        yield span.get_span_context()


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_header_that_is_there_stays(library: Any, within: Any, model_server: Uvicorn) -> None:
    """Who adds `traceparent` has the word, and `tracestate` is not mixed into it."""
    model = Model()
    library.get(model_server.serve(model), headers={"TraceParent": OWN})
    assert model.asked[0][b"traceparent"] == OWN.encode()
    assert b"tracestate" not in model.asked[0]


async def test_a_header_that_is_there_stays_in_aiohttp(within: Any, model_server: Uvicorn) -> None:
    """The same with aiohttp, whose own instrumentation adds it when a request starts."""

    async def add(session: Any, traced: Any, params: aiohttp.TraceRequestStartParams) -> None:
        params.headers["traceparent"] = OWN

    tracing = aiohttp.TraceConfig()
    tracing.on_request_start.append(add)
    model = Model()
    async with (
        aiohttp.ClientSession(trace_configs=[tracing]) as session,
        session.get(model_server.serve(model)) as response,
    ):
        assert await response.read() == ANSWER
    assert model.asked[0][b"traceparent"] == OWN.encode()


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_an_instrumentation_below_has_the_last_word(library: Any, within: Any, model_server: Uvicorn) -> None:
    """A transport that writes the header itself, as contrib's instrumentation does, overwrites ours and keeps it."""

    class Writing(library.HTTPTransport):  # type: ignore[misc]
        def handle_request(self, request: Any) -> Any:
            request.headers["traceparent"] = OWN
            return super().handle_request(request)

    model = Model()
    with library.Client(transport=Writing()) as client:
        response = client.get(model_server.serve(model))
    assert model.asked[0][b"traceparent"] == OWN.encode()
    assert response.request.headers["traceparent"] == OWN


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_the_request_is_again_what_it_was(library: Any, within: Any, model_server: Uvicorn) -> None:
    """A request that was sent bears no header of ours, so that it may be sent once more in another trace."""
    model = Model()
    with library.Client() as client:
        request = client.build_request("GET", model_server.serve(model))
        before = request.headers.raw
        client.send(request)
        assert request.headers.raw == before
        token = context.attach(context.Context())
        try:
            client.send(request)
        finally:
            context.detach(token)
    assert within.span_id == int(model.asked[0][b"traceparent"].split(b"-")[2], 16)
    assert b"traceparent" not in model.asked[1]


def test_suppressed_instrumentation_is_left_alone(outside: Telemetry, within: Any, model_server: Uvicorn) -> None:
    """An exporter that tells OpenTelemetry to look away is neither given a header nor a stage."""
    model = Model()
    address = model_server.serve(model)
    with suppress_instrumentation():
        assert httpx.get(address).content == ANSWER
    assert b"traceparent" not in model.asked[0]
    assert outside.segments("client") == []


def test_a_propagator_that_raises(
    within: Any, model_server: Uvicorn, monkeypatch: pytest.MonkeyPatch, outside: Telemetry
) -> None:
    """A propagator that raises harms no request; the error is counted."""

    def broken(carrier: Any) -> None:
        raise LookupError("no propagator")

    monkeypatch.setattr("otel_sse.telemetry.internal.reraise", False)
    monkeypatch.setattr(propagate, "inject", broken)
    assert httpx.get(model_server.serve(Model())).content == ANSWER
    assert outside.stage("client").outcome == "completed"
    assert outside.value("sse.internal_errors", site="open") == 1


def test_what_is_missing_is_told(within: Any) -> None:
    """Baggage goes along where the application sent none itself; what the application has stays as it is."""
    token = context.attach(baggage.set_baggage("tenant", "a"))
    try:
        assert set(missing_context({})) == {"traceparent", "baggage"}
        assert set(missing_context({"baggage": "tenant=b"})) == {"traceparent"}
        assert missing_context({"traceparent": OWN}) == {}
    finally:
        context.detach(token)


def test_taking_back_leaves_what_others_wrote() -> None:
    """Only headers that still have our value are taken off."""
    headers = {"traceparent": OWN, "tracestate": "a=1", "accept": "*/*"}
    take_back(headers, {"traceparent": OWN, "tracestate": "b=2", "baggage": "c=3"})
    assert headers == {"tracestate": "a=1", "accept": "*/*"}


def test_traceresponse_names_the_writer() -> None:
    """A `traceresponse` gives the remote span; versions to come may have more fields."""
    span = written_by(OWN)
    assert span is not None
    assert span.is_remote
    assert (span.trace_id, span.span_id, span.trace_flags) == (
        0x1111_1111_1111_1111_1111_1111_1111_1111,
        0x2222222222222222,
        1,
    )
    assert written_by(f" {OWN}-later ") == span


@pytest.mark.parametrize(
    "value",
    [
        "",
        "00",
        OWN[:-1],
        OWN.upper().replace("1", "A"),
        f"00-{'0' * 32}-2222222222222222-01",
        f"00-{'1' * 32}-{'0' * 16}-01",
    ],
)
def test_a_wrong_traceresponse_names_nobody(value: str) -> None:
    """A header that is damaged, or all zeros, makes no link."""
    assert written_by(value) is None
