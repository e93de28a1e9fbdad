"""Contrib's middleware beside the application: what it does and what it can't do to a request."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from opentelemetry import context, trace
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware, asgi_getter
from opentelemetry.instrumentation.propagators import TraceResponsePropagator, set_global_response_propagator
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import StatusCode

import otel_sse
from otel_sse.telemetry import internal
from tests.integrations.answers import ANSWER, Receive, Scope, Send, body, plain, start
from tests.integrations.driver import call
from tests.integrations.made import fastapi_app
from tests.integrations.seen import Telemetry, attributes

TEXT = (b"content-type", b"text/plain")


class Injected(Exception):
    """Raised by contrib in a test."""


def broken(*args: Any, **kwargs: Any) -> Any:
    """Stand where something of contrib's should."""
    raise Injected


@pytest.fixture
def unharmed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Internal errors are counted and logged as in production, not raised."""
    monkeypatch.setattr(internal, "reraise", False)


CONTRIB = "opentelemetry.instrumentation.asgi"


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize(
    "name", ["collect_request_attributes", "get_host_port_url_tuple", "_start_internal_or_server_span", "default_timer"]
)
@pytest.mark.parametrize("answer", [plain(), plain([b"hello"], TEXT)], ids=["stream", "text"])
async def test_where_contrib_fails_first_the_application_is_called_without_it(
    name: str, answer: Any, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever contrib raises first: the application is called, without a SERVER span, and that is counted."""
    app = telemetry.instrument(answer)
    monkeypatch.setattr(f"{CONTRIB}.{name}", broken)
    driver = await call(app)
    assert driver.body in (ANSWER, b"hello")
    assert driver.error is None
    assert telemetry.value("sse.internal_errors", site="open") == 1
    assert telemetry.requests(0) == []


@pytest.mark.usefixtures("unharmed")
async def test_what_contrib_made_current_before_it_failed_is_undone(telemetry: Telemetry) -> None:
    """A sampler that raises leaves no context behind: neither for the application nor for whoever called it."""

    class Sampler(trace.NoOpTracerProvider):
        def get_tracer(self, *args: Any, **kwargs: Any) -> Any:
            tracer = super().get_tracer(*args, **kwargs)
            monkeypatched = type("Tracer", (type(tracer),), {"start_span": broken})
            return monkeypatched()

    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(context.get_current())
        await plain([b"hello"], TEXT)(scope, receive, send)

    watched = otel_sse.instrument(app, tracer_provider=Sampler(), meter_provider=telemetry.meter_provider)
    before = context.get_current()
    driver = await call(watched, headers=[(b"baggage", b"a=b")])
    assert (driver.body, driver.error) == (b"hello", None)
    assert seen == [before]
    assert context.get_current() == before
    assert telemetry.value("sse.internal_errors", site="open") == 1
    otel_sse.uninstrument(watched)


@pytest.mark.usefixtures("unharmed")
async def test_what_contrib_raises_as_messages_pass_reaches_nobody(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contrib's own errors while it writes messages down are counted; the messages go on."""
    app = telemetry.instrument(plain())
    monkeypatch.setattr(OpenTelemetryMiddleware, "_set_server_span", broken)
    driver = await call(app)
    assert (driver.body, driver.error) == (ANSWER, None)
    assert telemetry.value("sse.internal_errors", site="observe") == 2


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("error", [None, ValueError("own"), asyncio.CancelledError()])
async def test_what_contrib_raises_afterwards_reaches_nobody(
    error: BaseException | None, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contrib's own errors after the application has come back change nothing of how it came back."""

    async def app(scope: Scope, receive: Receive, send: Send) -> Any:
        await plain()(scope, receive, send)
        if error is not None:
            raise error

    watched = telemetry.instrument(app)
    monkeypatch.setattr(f"{CONTRIB}._parse_duration_attrs", broken)
    driver = await call(watched)
    assert driver.body == ANSWER
    assert driver.error is error
    assert telemetry.value("sse.internal_errors", site="close") == 1


async def test_a_propagator_that_raises_costs_the_span_only(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the user's own propagator raises at a client's headers is counted, and the request served."""
    monkeypatch.setattr(internal, "reraise", False)
    monkeypatch.setattr("opentelemetry.instrumentation.utils.extract", broken)
    driver = await call(telemetry.instrument(plain()))
    assert (driver.body, driver.error) == (ANSWER, None)
    assert telemetry.value("sse.internal_errors", site="open") == 1


async def test_the_application_gets_the_servers_own(telemetry: Telemetry) -> None:
    """The application's scope is the server's, and the messages that it sends arrive: the very objects."""
    scopes: list[Any] = []
    messages = [start(TEXT), body(b"a"), body(b"", more=False)]

    async def app(scope: Scope, receive: Receive, send: Send) -> str:
        scopes.append(scope)
        for message in messages:
            await send(message)
        return "returned"

    watched = telemetry.instrument(app)
    driver = await call(watched)
    assert scopes[0] is driver.scope
    assert [a is b for a, b in zip(messages, driver.messages, strict=True)] == [True] * 3
    assert await watched(driver.scope, driver.receive, driver.send) == "returned"


@pytest.mark.parametrize("capture", [False, True])
async def test_an_exception_leaves_its_type(capture: bool, telemetry: Telemetry) -> None:
    """The SERVER span has an exception's type and a sentence; message and stack only where content is captured."""
    error = ValueError("the prompt was: hello")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    assert (await call(telemetry.instrument(app, capture_content=capture))).error is error
    request = telemetry.request()
    assert request.status.status_code is StatusCode.ERROR
    (event,) = request.events
    found = dict(event.attributes or {})
    assert found["exception.type"] == "ValueError"
    assert ("the prompt" in str(request.to_json())) is capture
    if capture:
        assert "test_beside" in str(found["exception.stacktrace"])
    else:
        assert found == {"exception.type": "ValueError"}
        assert request.status.description == "the application raised ValueError"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(), GeneratorExit(), asyncio.CancelledError()])
def test_what_is_no_error_is_not_written(error: BaseException, telemetry: Telemetry) -> None:
    """Cancellations and exits pass, the very object, and leave no error on the SERVER span."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    request = telemetry.instrument(app)({"type": "http", "path": "/"}, None, None)
    with pytest.raises(type(error)) as raised:
        request.send(None)
    assert raised.value is error
    otel_sse.flush()
    span = telemetry.request()
    assert (span.status.status_code, span.events) == (StatusCode.UNSET, ())


async def test_a_response_propagator_still_adds_its_headers(telemetry: Telemetry) -> None:
    """What the user has set contrib to add to responses is added, to the response's start and nowhere else."""
    sent = start(TEXT)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(sent)
        await send(body(b"", more=False))

    set_global_response_propagator(TraceResponsePropagator())
    try:
        driver = await call(telemetry.instrument(app))
    finally:
        set_global_response_propagator(None)
    names = [name for name, _ in driver.messages[0]["headers"]]
    assert names == [b"content-type", b"traceresponse", b"access-control-expose-headers"]
    assert sent == start(TEXT)
    assert "headers" not in driver.messages[1]


SERVER_HEADERS = """
import asyncio, json
from tests.integrations.answers import plain
from tests.integrations.driver import call
from tests.integrations.seen import Telemetry, attributes
telemetry = Telemetry()
app = telemetry.instrument(plain([b"hello"], (b"content-type", b"text/plain"), (b"x-answer", b"\\xff\\\\")), **OPTIONS)
def ask(**scope):
    return asyncio.run(call(app, **scope))
def span():
    return attributes(telemetry.requests(1)[0])
"""


def test_headers_that_are_asked_for_are_recorded(run_script: Callable[..., str]) -> None:
    """What the user has told contrib to capture is captured, bytes that are no UTF-8 as Latin-1; the rest is not."""
    printed = run_script(
        "OPTIONS = {}\n"
        + SERVER_HEADERS
        + 'ask(headers=[(b"x-one", b"Andr\\xe9 C:\\\\"), (b"x-two", b"2"), (b"cookie", b"secret")])\n'
        + "print(json.dumps({k: v for k, v in span().items() if 'header' in k}))",
        OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST="x-one,x-two",
        OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE="x-answer",
    )
    assert printed == (
        '{"http.request.header.x_one": ["Andr\\u00e9 C:\\\\"], "http.request.header.x_two": ["2"], '
        '"http.response.header.x_answer": ["\\u00ff\\\\"]}\n'
    )


@pytest.mark.parametrize("mode", ["", "http", "http/dup"])
def test_redaction_in_each_semantic_convention(mode: str, run_script: Callable[..., str]) -> None:
    """In both of contrib's conventions the span has no userinfo and no value of the query but those allowed by name."""
    printed = run_script(
        "OPTIONS = {'url_query_allow': ('page',)}\n"
        + SERVER_HEADERS
        + 'ask(query_string=b"page=2&token=SECRET", path="//me:SECRET@h/chat", headers=[(b"host", b"me:SECRET@a")])\n'
        + "print(json.dumps(span()))",
        OTEL_SEMCONV_STABILITY_OPT_IN=mode,
    )
    assert "SECRET" not in printed
    assert "page=2&token=REDACTED" in printed
    assert ("http.url" in printed) is (mode != "http")
    assert ("url.query" in printed) is (mode != "")


@pytest.mark.parametrize("mode", ["", "http", "http/dup"])
def test_label_sets_do_not_grow_with_what_clients_send(mode: str, run_script: Callable[..., str]) -> None:
    """A random Host, method, scheme, version and path in each request add no label set to any of contrib's metrics."""
    printed = run_script(
        "OPTIONS = {'hosts_allow': ('a.b',)}\n"
        + SERVER_HEADERS
        + """
names = ["http.server.duration", "http.server.request.duration", "http.server.active_requests",
         "http.server.response.size", "http.server.request.body.size", "http.server.request.size"]
def odd(number):
    ask(headers=[(b"host", b"h%d" % number), (b"content-length", b"5")], method=f"M{number}", scheme=f"s{number}",
        http_version=f"{number}.7", path=f"/{number}", query_string=b"a=%d" % number)
odd(0)
before = {name: len(telemetry.metric(name)) for name in names}
for number in range(1, 40):
    odd(number)
after = {name: len(telemetry.metric(name)) for name in names}
ask(headers=[(b"host", b"A.b")])
allowed = [key for name in names for key in telemetry.metric(name) if ("http.server_name", "a.b") in key]
print(after == before, sum(after.values()) > 0, len(allowed) > 0)
""",
        OTEL_SEMCONV_STABILITY_OPT_IN=mode,
    )
    assert printed.split() == ["True", "True", str(mode != "http")]


class Hanging(SpanExporter):
    """An exporter that comes back when it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        assert self.let_go.wait(60)
        return SpanExportResult.SUCCESS


async def test_an_exporter_is_not_waited_for(telemetry: Telemetry) -> None:
    """While an exporter hangs requests are served on, and after `flush` the SERVER spans have ended."""
    exporter = Hanging()
    telemetry.tracer_provider.add_span_processor(SimpleSpanProcessor(exporter))
    app = telemetry.instrument(plain([b"hello"], TEXT))
    for _ in range(5):
        await call(app)
    # On the event loop the first of them would have waited for this.
    exporter.let_go.set()
    otel_sse.flush()
    assert len(telemetry.requests(5)) == 5


async def test_a_routes_template_is_contribs_label(telemetry: Telemetry) -> None:
    """Contrib's metrics have the route's template as before, though contrib never sees the application's scope."""
    await call(telemetry.instrument(fastapi_app()))
    assert [dict(key)["http.target"] for key in telemetry.metric("http.server.duration")] == ["/chat"]
    assert attributes(telemetry.request())["http.status_code"] == 200


def test_contrib_reads_headers_as_we_tell_them() -> None:
    """Contrib still decodes headers in the way that we keep from it; where it no longer does, less is to be told."""
    with pytest.raises(UnicodeDecodeError):
        asgi_getter.get({"headers": [(b"user-agent", b"Andr\xe9 C:\\")]}, "user-agent")
