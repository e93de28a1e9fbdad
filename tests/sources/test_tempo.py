"""Against a server that answers as Tempo's documentation and its query frontend say; Tempo itself can't be had here."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from otel_sse.diagnosis.trace.spans import Span
from otel_sse.sources.errors import SourceError
from otel_sse.sources.http import Backend
from otel_sse.sources.search import Search, newest
from otel_sse.sources.tempo import Tempo
from tests.diagnosis.made_trace import START, TRACE, chunk_events, segment, upstream
from tests.sources.http_server import Answer, Asked, Reply, Server, serving
from tests.sources.made_files import line_of

S = 1_000_000_000
SPANS = [
    segment("provider", chunk_events("abc", 0)),
    segment("emit", chunk_events("abc", 5), links=upstream("provider"), stream_duplicates=2),
]
NOT_FOUND = Reply(404, "", {})

Opened = Callable[[Answer], tuple[Tempo, Server]]


@pytest.fixture
def tempo() -> Iterator[Opened]:
    """Starts a server that answers as given, and opens it as Tempo."""
    with ExitStack() as stack:

        def opened(answer: Answer) -> tuple[Tempo, Server]:
            server = stack.enter_context(serving(answer))
            return stack.enter_context(closing(Tempo(Backend("Tempo", server.url, {})))), server

        yield opened


def resources(spans: list[Span]) -> Any:
    """Resource spans as Tempo writes them: ids in base64, kinds as words."""
    found = json.loads(line_of(spans))["resourceSpans"]
    for resource in found:
        for span in resource["scopeSpans"][0]["spans"]:
            span["kind"] = "SPAN_KIND_INTERNAL"
            for where in (span, *span["links"]):
                for name in {"traceId", "spanId", "parentSpanId"} & set(where):
                    where[name] = base64.b64encode(bytes.fromhex(where[name])).decode()
    return found


def by_id(spans: list[Span], **says: Any) -> Reply:
    """What `/api/v2/traces/ID` answers."""
    trace = {"resourceSpans": resources(spans)} if spans else {}
    return Reply(200, json.dumps({"trace": trace, "metrics": {"inspectedBytes": "1234"}, **says}))


def test_a_trace_is_read(tempo: Opened) -> None:
    """The newer path's spans come back as they were, and JSON is asked for."""
    reader, server = tempo(lambda asked: by_id(SPANS))
    assert reader.spans(TRACE) == SPANS
    assert reader.partial() is None
    (asked,) = server.requests
    assert (asked.path, asked.headers["accept"]) == (f"/api/v2/traces/{TRACE}", "application/json")


@pytest.mark.parametrize("name", ["batches", "resourceSpans"])
def test_an_older_tempo_is_asked_on_its_own_path(tempo: Opened, name: str) -> None:
    """Where there is no newer path, the older one is asked, which calls resource spans `batches`."""

    def answer(asked: Asked) -> Reply:
        if asked.path.startswith("/api/v2"):
            return Reply(404, "404 page not found\n", {"content-type": "text/plain"})
        return Reply(200, json.dumps({name: resources(SPANS)}))

    reader, server = tempo(answer)
    assert reader.spans(TRACE) == SPANS
    assert [asked.path for asked in server.requests] == [f"/api/v2/traces/{TRACE}", f"/api/traces/{TRACE}"]


@pytest.mark.parametrize(
    "body", ['{"trace":{}}', '{"trace":{},"metrics":{"inspectedBytes":"0"}}', "{}", '{"trace":null}']
)
def test_an_empty_trace_is_told_as_one_that_may_have_been_dropped(tempo: Opened, body: str) -> None:
    """200 OK with an empty trace says that Tempo may have dropped it for its size, and what to do."""
    reader, _ = tempo(lambda asked: Reply(200, body))
    with pytest.raises(SourceError, match=f"trace {TRACE} must be in Tempo at .*, got '200 OK with an empty") as caught:
        reader.spans(TRACE)
    assert "max_bytes_per_trace (5,000,000 bytes by default)" in str(caught.value)
    assert "OTEL_SSE_CHUNK_EVENTS=packed" in str(caught.value)


@pytest.mark.parametrize("body", ["", "trace not found"])
def test_a_trace_that_is_not_there_is_told(tempo: Opened, body: str) -> None:
    """404 on both paths is a trace that Tempo has not."""
    reader, _ = tempo(lambda asked: Reply(404, body, {}))
    with pytest.raises(SourceError, match=f"TRACE_ID must be in Tempo at http://127.*, got '{TRACE}'. It may not be"):
        reader.spans(TRACE)


@pytest.mark.parametrize("status", ["PARTIAL", 1])
def test_a_part_of_a_trace_is_given_and_told(tempo: Opened, status: object) -> None:
    """What Tempo gives of a trace that is too large is read, and that it is a part is told with its words."""
    says = "Trace exceeds maximum size of 5000000 bytes, a partial trace is returned"
    reader, _ = tempo(lambda asked: by_id(SPANS, status=status, message=says))
    assert reader.spans(TRACE) == SPANS
    partial = reader.partial()
    assert partial is not None
    assert f"trace of Tempo must be whole, got 'PARTIAL: {says}'." in str(partial)


@pytest.mark.parametrize("status", ["COMPLETE", 0])
def test_a_whole_trace_may_say_so(tempo: Opened, status: object) -> None:
    """A status that says that all is there is no damage."""
    reader, _ = tempo(lambda asked: by_id(SPANS, status=status))
    assert reader.spans(TRACE) == SPANS
    assert reader.partial() is None


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(400, "invalid trace id"), "must answer with 200, got '400 invalid trace id'."),
        (Reply(429, "too many outstanding requests"), "got '429 too many outstanding requests'."),
        (Reply(500, "context canceled"), "got '500 context canceled'."),
        (Reply(404, "404 page not found"), "must be that of Tempo's API, got '404 404 page not found'."),
        (Reply(200, "<!doctype html>", {"content-type": "text/html"}), "must be that of Tempo's API, which answers in"),
        (Reply(200, '{"trace": []}'), "must be that of Tempo's API"),
        (Reply(200, '{"trace": {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "x"}]}]}]}}'), "got '200 {"),
    ],
)
def test_other_answers_are_told(tempo: Opened, reply: Reply, says: str) -> None:
    """What Tempo refuses, and what is not Tempo, is an error with what was answered."""
    reader, _ = tempo(lambda asked: reply)
    with pytest.raises(SourceError) as caught:
        reader.spans(TRACE)
    assert says in str(caught.value)


# Searching


def trace(number: int, at_s: float, **says: Any) -> list[Span]:
    """A trace whose id begins with zeros."""
    return [segment("emit", chunk_events("ab", at_s * 1000), trace=f"{number:032x}", of=str(number), **says)]


def searched(traces: list[list[Span]]) -> Answer:
    """Answers a search with ids as Tempo writes them, and each trace by its id."""
    known = {spans[0].trace_id: spans for spans in traces}

    def answer(asked: Asked) -> Reply:
        if asked.path != "/api/search":
            return by_id(known[asked.path.rpartition("/")[2]])
        start, end, limit = (int(asked.query[name]) for name in ("start", "end", "limit"))
        assert start < end
        hits = [spans[0] for spans in traces if start * S <= spans[0].start_ns < end * S][:limit]
        found = [{"traceID": span.trace_id.lstrip("0"), "startTimeUnixNano": str(span.start_ns)} for span in hits]
        return Reply(200, json.dumps({"traces": found, "metrics": {"totalBlocks": 13}} if found else {"metrics": {}}))

    return answer


def search(**says: Any) -> Search:
    """A search of the hour in which the made traces begin."""
    return Search(**{"since_ns": START - 1800 * S, "until_ns": START + 1800 * S, **says})


def test_streams_are_found(tempo: Opened) -> None:
    """The latest streams are listed with what their traces say; ids get back the zeros that Tempo leaves out."""
    reader, server = tempo(searched([trace(n, n, stream_duplicates=n) for n in range(1, 9)]))
    found = newest(reader, search(limit=3))
    assert [(each.id, each.duplicates) for each in found.traces] == [(f"{n:032x}", n) for n in (6, 7, 8)]
    assert (found.is_whole, found.since_ns) == (False, found.traces[0].start_ns)
    assert server.requests[0].query["q"] == "{span.sse.segment.index = 0}"


def test_a_search_without_matches_is_empty(tempo: Opened) -> None:
    """No match is no error."""
    reader, _ = tempo(searched([]))
    found = newest(reader, search())
    assert (found.traces, found.is_whole, found.empty_ids) == ([], True, [])


@pytest.mark.parametrize(
    ("says", "condition"),
    [
        ({"duplicates": 3}, "{span.sse.stream.duplicates >= 3}"),
        ({"duplicates": 3, "route": "/chat", "service": "a"}, "{span.sse.stream.duplicates >= 3}"),
        ({"route": "/chat", "service": "a"}, '{span.http.route = "/chat"}'),
        ({"route": '/a"b\\{id}'}, '{span.http.route = "/a\\"b\\\\{id}"}'),
        ({"service": "a"}, "{span.sse.segment.index = 0}"),
    ],
)
def test_a_query_has_one_condition_on_a_span(tempo: Opened, says: dict[str, Any], condition: str) -> None:
    """TraceQL is asked in the one form that it answers rightly, with text quoted."""
    reader, server = tempo(searched([]))
    newest(reader, search(**says))
    assert server.requests[0].query["q"] == condition


def test_what_a_query_does_not_ask_is_looked_for_in_the_traces(tempo: Opened) -> None:
    """Of what the one condition finds, only traces of the route, the service and the least duplicates are listed."""
    traces = [
        trace(1, 1, stream_duplicates=3),
        trace(2, 2, stream_duplicates=3, service="other"),
        trace(3, 3, stream_duplicates=1),
    ]
    reader, _ = tempo(searched(traces))
    assert [each.id for each in newest(reader, search(duplicates=2, service="gateway")).traces] == [f"{1:032x}"]


def test_traces_that_were_dropped_after_the_search_named_them_are_told(tempo: Opened) -> None:
    """A trace that the search names and that comes back empty is not listed, but named."""
    answer = searched([trace(1, 1), trace(2, 2)])
    reader, _ = tempo(lambda asked: by_id([]) if asked.path.endswith("2") else answer(asked))
    found = newest(reader, search())
    assert ([each.id for each in found.traces], found.empty_ids) == ([f"{1:032x}"], [f"{2:032x}"])


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(400, "range specified by start and end exceeds 168h0m0s"), "got '400 range specified by start and end"),
        (Reply(404, "404 page not found"), "must be that of Tempo's API, got '404 404 page"),
        (Reply(200, "[]"), "must be that of Tempo's API"),
    ],
)
def test_a_search_that_fails_is_told(tempo: Opened, reply: Reply, says: str) -> None:
    """What Tempo refuses, and what is not Tempo, is an error with what was answered."""
    reader, _ = tempo(lambda asked: reply)
    with pytest.raises(SourceError) as caught:
        newest(reader, search())
    assert says in str(caught.value)
