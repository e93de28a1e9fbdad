"""Against a real Jaeger: what was exported comes back, and what was looked for is found."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from otel_sse import semconv
from otel_sse.diagnosis.trace.spans import Span
from otel_sse.sources.errors import SourceError
from otel_sse.sources.http import Backend
from otel_sse.sources.jaeger import Jaeger
from otel_sse.sources.otlp_file import OtlpFiles
from otel_sse.sources.search import Search, newest
from tests.backends.jaeger_server import BADGER, MEMORY, JaegerServer, running
from tests.cli.command import otel_sse
from tests.diagnosis.made_trace import chunk_events, finding_event, segment
from tests.sources.made_files import line_of

pytestmark = pytest.mark.server

FAST = {"CHUNK_DELAY_MS": "2"}
UNKNOWN = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(scope="module", params=["memory", "badger"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JaegerServer]:
    """Jaeger with its memory, and with a database that can be searched by service only."""
    folder = tmp_path_factory.mktemp("jaeger")
    store = MEMORY if request.param == "memory" else BADGER.format(folder=folder / "badger")
    with running(folder, store) as found:
        yield found


@pytest.fixture
def jaeger(server: JaegerServer) -> Iterator[Jaeger]:
    """The reader under test."""
    with closing(Jaeger(Backend("Jaeger", server.url, {}))) as reader:
        yield reader


class Pipeline(NamedTuple):
    """What a run of the pipeline left beside its spans in Jaeger.

    Args:
        file: The same spans in a file.
        trace_ids: The trace of each policy.
    """

    file: Path
    trace_ids: dict[str, str]


@pytest.fixture(scope="module")
def pipeline(server: JaegerServer, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """The pipeline's three processes have answered, and exported to Jaeger and to a file."""
    file = tmp_path_factory.mktemp("pipeline") / "traces.jsonl"
    variables = {**FAST, "OTEL_EXPORTER_OTLP_ENDPOINT": server.otlp_url}
    result = otel_sse("demo", "--pipeline", "--json", "--traces", str(file), variables=variables)
    assert result.returncode == 0, result.stderr
    answers = json.loads(result.stdout)["answers"]
    return Pipeline(file, {each["policy"]: each["trace_id"] for each in answers})


class Demo(NamedTuple):
    """The traces of three answers, of which the second was doubled."""

    clean: str
    faulty: str
    clean_too: str


@pytest.fixture(scope="module")
def demo(server: JaegerServer) -> Demo:
    """A gateway has answered twice as it should, and once sent each chunk twice."""
    variables = {**FAST, "OTEL_EXPORTER_OTLP_ENDPOINT": server.otlp_url}
    result = otel_sse("demo", "--fault", "doubled", "--json", "--port", "0", variables=variables)
    assert result.returncode == 0, result.stderr
    return Demo(*(each["trace_id"] for each in json.loads(result.stdout)["streams"]))


def exact(value: object) -> object:
    """A value with its type, because 1, 1.0 and True are equal."""
    if isinstance(value, dict):
        return {key: exact(each) for key, each in value.items()}
    return [exact(each) for each in value] if isinstance(value, tuple) else (type(value).__name__, value)


def comparable(spans: Sequence[Span]) -> dict[str, Any]:
    """Everything that spans say, by their ids."""
    return {
        span.span_id: (
            span.trace_id,
            span.parent_id,
            span.name,
            span.service,
            span.start_ns,
            span.end_ns,
            exact(dict(span.attributes)),
            [(event.name, event.time_ns, exact(dict(event.attributes))) for event in span.events],
            [(link.trace_id, link.span_id, exact(dict(link.attributes))) for link in span.links],
        )
        for span in spans
    }


@pytest.mark.parametrize("policy", ["pass", "judge", "merge", "split"])
def test_the_pipelines_trace_comes_back_whole(jaeger: Jaeger, pipeline: Pipeline, policy: str) -> None:
    """Every span of all processes is there, with every chunk event, every type and every nanosecond."""
    trace_id = pipeline.trace_ids[policy]
    exported = [span for span in OtlpFiles([pipeline.file]).spans() if span.trace_id == trace_id]
    found = jaeger.spans(trace_id)
    assert len(found) == len(exported) > 10
    assert comparable(found) == comparable(exported)
    assert sum(event.name == semconv.CHUNK_EVENT for span in found for event in span.events) > 300
    assert any(event.time_ns % 1000 for span in found for event in span.events), "times are rounded"


@pytest.mark.parametrize(
    "arguments",
    [
        ("trace",),
        ("trace", "--chunk", "20"),
        ("trace", "--stage", "policy.judge"),
        ("trace", "--chunk", "5", "--json"),
        ("diagnose",),
        ("diagnose", "--json"),
    ],
)
def test_what_a_person_sees_is_the_same_as_from_a_file(
    server: JaegerServer, pipeline: Pipeline, arguments: tuple[str, ...]
) -> None:
    """A command says the same of a trace, whether it reads it from Jaeger or from a file."""
    judge = pipeline.trace_ids["judge"]
    there = otel_sse(*arguments, "--jaeger", server.url, judge)
    here = otel_sse(*arguments, "--file", str(pipeline.file), judge)
    assert (there.returncode, there.stdout, there.stderr) == (here.returncode, here.stdout, "")
    assert here.returncode in (0, 1)


def listed(server: JaegerServer, *arguments: str) -> tuple[int, list[str], Any]:
    """The exit code, the ids and all that `otel-sse trace` lists."""
    result = otel_sse("trace", "--jaeger", server.url, "--json", *arguments)
    found = json.loads(result.stdout)
    return result.returncode, [each["id"] for each in found["traces"]], found


def test_a_search_finds_all_streams_and_nothing_else(server: JaegerServer, pipeline: Pipeline, demo: Demo) -> None:
    """Without an id, the streams of the last hour are listed in order of their starts, each summed up."""
    code, ids, found = listed(server)
    assert code == 1
    assert [each for each in ids if each in demo] == list(demo)
    assert set(pipeline.trace_ids.values()) <= set(ids)
    clean, faulty = (next(each for each in found["traces"] if each["id"] == id_) for id_ in demo[:2])
    assert (clean["is_clean"], clean["duplicates"], clean["routes"]) == (True, 0, ["/chat"])
    assert not faulty["is_clean"]
    assert faulty["findings"] > faulty["duplicates"] > 100
    assert (clean["streams"], clean["stages"]) == (1, 3)


def test_a_search_by_least_duplicates_finds_the_faulty_stream(server: JaegerServer, demo: Demo) -> None:
    """Of three streams the doubled one is found, and not the clean ones; more duplicates than it has, none is found."""
    assert listed(server, "--duplicates", "1")[:2] == (1, [demo.faulty])
    assert listed(server, "--duplicates", "1000")[:2] == (0, [])


def test_a_diagnosis_of_what_a_search_finds_names_the_stage(server: JaegerServer, demo: Demo) -> None:
    """Without an id, `otel-sse diagnose` goes through the streams of the last hour and says which stage doubled one."""
    result = otel_sse("diagnose", "--jaeger", server.url, "--service", "otel-sse-demo")
    (row,) = (line.split() for line in result.stdout.splitlines() if demo.faulty in line)
    assert (result.returncode, row[1:4]) == (1, ["/chat", "emit", "duplicate/doubled"])
    assert demo.clean not in result.stdout
    assert "2 of 3 traces are in order." in result.stdout


@pytest.mark.parametrize("name", [semconv.CHUNK_DUPLICATE, semconv.STREAM_DUPLICATES], ids=["chunk", "stream"])
def test_jaegers_own_search_finds_the_faulty_stream(server: JaegerServer, demo: Demo, name: str) -> None:
    """What a person types into Jaeger's page under Tags finds the doubled stream, and not the clean ones."""
    (faulty,) = listed(server, "--duplicates", "1")[2]["traces"]
    tags = json.dumps({name: "true" if name == semconv.CHUNK_DUPLICATE else str(faulty["duplicates"])})
    query = {"service": "otel-sse-demo", "tags": tags, "limit": "20", "lookback": "1h", **_hour_us()}
    answer = httpx.get(f"{server.url}/api/traces", params=query, trust_env=False)
    assert [each["traceID"] for each in answer.json()["data"]] == [demo.faulty]


def _hour_us() -> dict[str, str]:
    now_us = time.time_ns() // 1000
    return {"start": str(now_us - 3_600_000_000), "end": str(now_us)}


def test_a_search_by_service_and_route(server: JaegerServer, pipeline: Pipeline, demo: Demo) -> None:
    """A service and a route that streams have find them; others find none."""
    assert set(listed(server, "--service", "control")[1]) == set(pipeline.trace_ids.values())
    assert set(listed(server, "--route", "/chat")[1]) >= {*demo, *pipeline.trace_ids.values()}
    assert listed(server, "--route", "/other")[1] == []
    assert listed(server, "--service", "nobody")[1] == []


def test_page_by_page_all_streams_are_found(server: JaegerServer, pipeline: Pipeline, demo: Demo) -> None:
    """With what a page says to go on with, the pages together are the whole list."""
    whole = listed(server)[1]
    pages: list[list[str]] = []
    until: tuple[str, ...] = ()
    while True:
        _, ids, found = listed(server, "--limit", "3", *until)
        pages.insert(0, ids)
        if found["next_until"] is None:
            break
        until = ("--until", found["next_until"])
    assert [each for page in pages for each in page] == whole
    assert [len(page) for page in pages[1:]] == [3] * (len(pages) - 1)


def test_a_search_in_a_time_without_streams_says_so(server: JaegerServer, demo: Demo) -> None:
    """Nothing found is in order, and is told in words."""
    result = otel_sse("trace", "--jaeger", server.url, "--since", "2026-01-01", "--until", "2026-01-02T10:00")
    assert (result.returncode, result.stdout.strip()) == (0, "")
    assert "No stream as asked for began between 2026-01-01T00:00:00Z and 2026-01-02T10:00:00Z." in result.stderr


def test_a_trace_that_is_not_there_is_told(server: JaegerServer) -> None:
    """An id that Jaeger has not ends the command with 3."""
    result = otel_sse("trace", "--jaeger", server.url, UNKNOWN)
    assert (result.returncode, result.stdout) == (3, "")
    assert f"TRACE_ID must be in Jaeger at {server.url}, got '{UNKNOWN}'." in result.stderr


Sent = Callable[[list[Span]], str]


@pytest.fixture
def sent(server: JaegerServer) -> Sent:
    """Sends made spans to Jaeger; returns their trace's id."""

    def sent(spans: list[Span]) -> str:
        headers = {"content-type": "application/json"}
        answer = httpx.post(f"{server.otlp_url}/v1/traces", content=line_of(spans), headers=headers, trust_env=False)
        assert answer.is_success, answer.text
        return spans[0].trace_id

    return sent


def wait_for(jaeger: Jaeger, trace_id: str) -> list[Span]:
    """The spans of a trace, once Jaeger has it."""
    until_s = time.monotonic() + 60
    while True:
        try:
            return jaeger.spans(trace_id)
        except SourceError:
            if time.monotonic() > until_s:
                raise
            time.sleep(0.05)


def test_events_come_in_order_of_time(server: JaegerServer, jaeger: Jaeger, sent: Sent) -> None:
    """Findings stand where they happened, though Jaeger sorts events by name where raw traces are not asked for."""
    events = (*chunk_events("ab", 0), finding_event("gap", 2, 11), *chunk_events("cd", 20, first_seq=3))
    span = segment("emit", events, trace=f"{7:032x}", of="order")
    assert comparable(wait_for(jaeger, sent([span]))) == comparable([span])
    adjusted = httpx.get(f"{server.url}/api/v3/traces/{span.trace_id}", trust_env=False).text
    assert adjusted.rindex('"sse.chunk"') < adjusted.index('"sse.finding"'), "nothing is sorted here any more"


def test_a_trace_of_a_whole_budget_comes_back(jaeger: Jaeger, sent: Sent) -> None:
    """10,000 chunk events in segments of 1,000, a trace's whole budget, are read in one answer."""
    spans = [
        segment(
            "emit", chunk_events("x" * 1000, n * 1000, first_seq=1 + n * 1000), trace=f"{8:032x}", of=f"seg{n}", index=n
        )
        for n in range(10)
    ]
    sent(spans)
    assert comparable(wait_for(jaeger, spans[0].trace_id)) == comparable(spans)


def test_a_trace_without_streams_is_told(server: JaegerServer, jaeger: Jaeger, sent: Sent) -> None:
    """A trace of other programs has no stages, and is not listed."""
    other = Span(f"{9:032x}", "00f067aa0ba902b7", "", "GET /", "web", time.time_ns(), time.time_ns() + 5, {})
    wait_for(jaeger, sent([other]))
    result = otel_sse("trace", "--jaeger", server.url, other.trace_id)
    assert result.returncode == 3
    assert f"trace {other.trace_id} must hold spans of stages, got '1 spans without any'." in result.stderr
    now_ns = time.time_ns()
    assert newest(jaeger, Search(now_ns - 60 * 10**9, now_ns + 10**9, service="web")).traces == []
