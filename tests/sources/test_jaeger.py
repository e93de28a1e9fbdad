"""What a real Jaeger rarely answers; tests/backends has the rest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import msgspec
import pytest

from otel_sse import limits, semconv
from otel_sse.diagnosis.trace.spans import Span
from otel_sse.sources.errors import SourceError
from otel_sse.sources.http import Backend
from otel_sse.sources.jaeger import Jaeger
from otel_sse.sources.search import Search, newest
from otel_sse.terminal.times import read_time
from tests.diagnosis.made_trace import START, TRACE, chunk_events, segment
from tests.sources.http_server import Answer, Asked, Reply, Server, serving
from tests.sources.made_files import line_of

S = 1_000_000_000
SPANS = [segment("emit", chunk_events("abc", 0))]
NO_TRACES = Reply(404, '{"error":{"httpCode":404,"message":"No traces found"}}\n', {"content-type": "text/plain"})

Opened = Callable[[Answer], tuple[Jaeger, Server]]


@pytest.fixture
def jaeger() -> Iterator[Opened]:
    """Starts a server that answers as given, and opens it as Jaeger."""
    with ExitStack() as stack:

        def opened(answer: Answer) -> tuple[Jaeger, Server]:
            server = stack.enter_context(serving(answer))
            return stack.enter_context(closing(Jaeger(Backend("Jaeger", server.url, {})))), server

        yield opened


def result(spans: list[Span]) -> Reply:
    """Traces as Jaeger gives them: JSON that is called text."""
    return Reply(200, f'{{"result": {line_of(spans)}}}', {"content-type": "text/plain; charset=utf-8"})


def search(**says: Any) -> Search:
    """A search of the hour in which the made traces begin."""
    return Search(**{"since_ns": START - 1800 * S, "until_ns": START + 1800 * S, **says})


def test_raw_traces_are_asked_for_by_both_names(jaeger: Opened) -> None:
    """A trace is asked for raw, under the parameter's name of today and of before."""
    reader, server = jaeger(lambda asked: result(SPANS))
    assert reader.spans(TRACE) == SPANS
    assert server.requests == [
        (f"/api/v3/traces/{TRACE}", {"rawTraces": "true", "raw_traces": "true"}, server.requests[0].headers)
    ]


def test_a_search_is_asked_by_both_names(jaeger: Opened) -> None:
    """Time with nanoseconds, how many, raw and the attributes that narrow it down are in the query."""
    reader, server = jaeger(lambda asked: NO_TRACES)
    found = newest(reader, search(since_ns=START + 1, route="/chat", service="web", limit=60))
    assert (found.traces, found.is_whole) == ([], True)
    (asked,) = server.requests
    assert json.loads(asked.query.pop("query.attributes")) == {"sse.segment.index": "0", "http.route": "/chat"}
    names = ("serviceName", "service_name"), ("startTimeMin", "start_time_min"), ("searchDepth", "num_traces")
    for (today, before), value in zip(names, ("web", "2026-09-21T14:13:20.000000001Z", "61"), strict=True):
        assert asked.query[f"query.{today}"] == asked.query[f"query.{before}"] == value
    assert asked.query["query.startTimeMax"] == "2026-09-21T14:43:19.999999999Z"
    assert asked.query["query.rawTraces"] == "true"


def test_a_database_is_searched_by_the_services_that_have_stages(jaeger: Opened) -> None:
    """Where Jaeger wants a service, each that has stages is asked, and which they are is remembered."""

    def answer(asked: Asked) -> Reply:
        service = asked.query.get("query.serviceName")
        if asked.path == "/api/v3/services":
            return Reply(200, '{"services": ["a", "b", "c"]}')
        if asked.path == "/api/v3/operations":
            name = "GET /" if asked.query["service"] == "b" else "stream emit"
            return Reply(200, json.dumps({"operations": [{"name": name, "spanKind": "internal"}]}))
        if service is None:
            return Reply(500, '{"error":{"httpCode":500,"message":"service Name must be set"}}')
        return result(SPANS) if service == "c" else NO_TRACES

    reader, server = jaeger(answer)
    for _ in range(2):
        assert [each.id for each in newest(reader, search()).traces] == [TRACE]
    assert [asked.query.get("query.serviceName") for asked in server.requests if asked.path == "/api/v3/traces"] == [
        None, "a", "c", "a", "c",
    ]  # fmt: skip


def test_a_database_without_services_has_no_streams(jaeger: Opened) -> None:
    """An empty Jaeger is no error."""

    def answer(asked: Asked) -> Reply:
        if asked.path == "/api/v3/services":
            return Reply(200, "{}")
        return Reply(500, '{"error":{"httpCode":500,"message":"service name must be set"}}')

    reader, _ = jaeger(answer)
    assert newest(reader, search()).traces == []


def test_traces_that_are_too_much_for_one_answer_are_asked_for_in_parts(
    jaeger: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page above MAX_ANSWER_BYTES is asked for again in shorter spans of time."""
    traces = [segment("emit", chunk_events("ab", n * 60_000), trace=f"{n:032x}", of=str(n)) for n in range(1, 9)]
    monkeypatch.setattr(limits, "MAX_ANSWER_BYTES", 3 * len(line_of(traces[:1])))

    def answer(asked: Asked) -> Reply:
        first, last = asked.query["query.startTimeMin"], asked.query["query.startTimeMax"]
        inside = [span for span in traces if read_time("", first, 0) <= span.start_ns <= read_time("", last, 0)]
        return result(inside) if inside else NO_TRACES

    reader, server = jaeger(answer)
    found = newest(reader, search())
    assert [int(each.id, 16) for each in found.traces] == [*range(1, 9)]
    assert len(server.requests) > 3


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (NO_TRACES, f"TRACE_ID must be in Jaeger at http://127.0.0.1:PORT, got '{TRACE}'."),
        (Reply(200, '{"result": {}}'), "TRACE_ID must be in Jaeger at"),
        (Reply(404, "404 page not found"), "URL http://127.0.0.1:PORT must be that of Jaeger's API, got '404 404 page"),
        (Reply(404, '{"message": "Not Found"}'), "must be that of Jaeger's API, got '404 {"),
        (Reply(200, "<html>", {"content-type": "text/html"}), "must be that of Jaeger's API, which answers in JSON"),
        (Reply(200, '{"result": {"resourceSpans": 1}}'), "must be that of Jaeger's API, which answers in JSON"),
        (Reply(200, '{"result": {"resourceSpans": [{"scopeSpans": [{"spans": [{}]}]}]}}'), "must answer with 200, got"),
        (Reply(200, "[" * 100_000), "must be that of Jaeger's API, which answers in JSON"),
        (Reply(400, '{"error":{"message":"malformed parameter"}}'), "must answer with 200, got '400 {"),
        (Reply(500, "x"), "must answer with 200, got '500 x'."),
    ],
)
def test_other_answers_are_told(jaeger: Opened, reply: Reply, says: str) -> None:
    """What Jaeger refuses, what it has not, and what is not Jaeger are told apart."""
    reader, server = jaeger(lambda asked: reply)
    with pytest.raises(SourceError) as caught:
        reader.spans(TRACE)
    assert says.replace("http://127.0.0.1:PORT", server.url) in str(caught.value)


@pytest.mark.parametrize("path", ["/api/v3/traces", "/api/v3/services", "/api/v3/operations"])
def test_a_search_that_fails_is_told(jaeger: Opened, path: str) -> None:
    """Each request of a search may fail."""

    def answer(asked: Asked) -> Reply:
        if asked.path == path:
            return Reply(503, "down")
        if asked.path == "/api/v3/services":
            return Reply(200, '{"services": ["a"]}')
        return Reply(500, '{"error":{"message":"service name must be set"}}')

    reader, _ = jaeger(answer)
    with pytest.raises(SourceError, match="must answer with 200, got '503 down'"):
        newest(reader, search())


@pytest.mark.parametrize(
    ("stored", "read"), [('["stop","length"]', ("stop", "length")), ("[]", ()), ("stop", "stop"), ("[1]", "[1]")]
)
def test_lists_that_are_stored_as_text_are_lists(jaeger: Opened, stored: str, read: object) -> None:
    """Jaeger's own storage keeps a list as JSON in a string; what is no list of texts stays as it is."""
    (made,) = SPANS
    attributes = {**made.attributes, semconv.STREAM_FINISH_REASONS: stored}
    spans = [msgspec.structs.replace(made, attributes=attributes)]
    opened, _ = jaeger(lambda asked: result(spans))
    (span,) = opened.spans(TRACE)
    assert span.attributes[semconv.STREAM_FINISH_REASONS] == read
