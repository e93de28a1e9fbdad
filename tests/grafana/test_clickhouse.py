"""The SQL of docs/queries.md, asked of ClickHouse's own engine over the spans of a demo whose answer was doubled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.grafana.pages import examples

pytestmark = pytest.mark.backend

ROOT = Path(__file__).resolve().parents[2]
OWN = ROOT / ".venvs/clickhouse/bin/python"
MISSING = "needs the package chdb: python3 -m venv .venvs/clickhouse && .venvs/clickhouse/bin/pip install chdb"
PLACEHOLDER = "0123456789abcdef0123456789abcdef"

Row = dict[str, Any]


def rows_of(line: str) -> Iterator[Row]:
    """The spans of an OTLP request as the collector's exporter writes them: every attribute as text."""
    for resource in json.loads(line)["resourceSpans"]:
        of_resource = texts(resource["resource"]["attributes"])
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                yield row(span, scope["scope"], of_resource)


def row(span: Any, scope: Any, resource: dict[str, str]) -> Row:
    """One span."""
    events, links = span.get("events", ()), span.get("links", ())
    return {
        "Timestamp": seconds(span["startTimeUnixNano"]),
        "TraceId": span["traceId"],
        "SpanId": span["spanId"],
        "ParentSpanId": span.get("parentSpanId", ""),
        "TraceState": span.get("traceState", ""),
        "SpanName": span["name"],
        "SpanKind": str(span["kind"]),
        "ServiceName": resource["service.name"],
        "ResourceAttributes": resource,
        "ScopeName": scope["name"],
        "ScopeVersion": scope.get("version", ""),
        "SpanAttributes": texts(span.get("attributes", ())),
        "Duration": int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"]),
        "StatusCode": str(span["status"].get("code", "")),
        "StatusMessage": span["status"].get("message", ""),
        "Events.Timestamp": [seconds(event["timeUnixNano"]) for event in events],
        "Events.Name": [event["name"] for event in events],
        "Events.Attributes": [texts(event.get("attributes", ())) for event in events],
        "Links.TraceId": [link["traceId"] for link in links],
        "Links.SpanId": [link["spanId"] for link in links],
        "Links.TraceState": [link.get("traceState", "") for link in links],
        "Links.Attributes": [texts(link.get("attributes", ())) for link in links],
    }


def seconds(nanoseconds: str) -> str:
    """A time with nine decimals."""
    return f"{nanoseconds[:-9]}.{nanoseconds[-9:]}"


def texts(attributes: Any) -> dict[str, str]:
    """Attributes as a map of strings."""
    return {one["key"]: text(*next(iter(one["value"].items()))) for one in attributes}


def text(kind: str, value: Any) -> str:
    """A value as the collector writes it."""
    return str(value).lower() if kind == "boolValue" else str(value)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Row], str]:
    """The rows of three answers, and the trace of the one that the application doubled."""
    folder = tmp_path_factory.mktemp("clickhouse")
    traces = folder / "traces.jsonl"
    program = [sys.executable, "-c", "from otel_sse.cli.main import run; run()"]
    ran = subprocess.run(
        [*program, "demo", "--fault", "doubled", "--port", "0", "--json", "--traces", str(traces)],
        env={**os.environ, "OTEL_SSE_CHUNK_DELAY_MS": "1"},
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    doubled = [stream for stream in json.loads(ran.stdout)["streams"] if stream.get("fault") == "doubled"]
    rows = [one for line in traces.read_text().splitlines() for one in rows_of(line)]
    return rows, doubled[0]["trace_id"]


@pytest.fixture(scope="module")
def answers(demo: tuple[list[Row], str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Row]]:
    """The answer to each query of the page, by the question that it stands under."""
    program = sys.executable if find_spec("chdb") else str(OWN)
    if not Path(program).exists():
        pytest.skip(MISSING)
    rows, trace_id = demo
    file = tmp_path_factory.mktemp("clickhouse") / "rows.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in rows))
    queries = examples("sql")
    asked = "".join(json.dumps(query.text.replace(PLACEHOLDER, trace_id)) + "\n" for query in queries)
    script = str(Path(__file__).with_name("clickhouse.py"))
    ran = subprocess.run([program, script, str(file)], input=asked, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found = [json.loads(line) for line in ran.stdout.splitlines()]
    return {query.question: answer for query, answer in zip(queries, found, strict=True)}


def test_every_query_has_an_answer(answers: dict[str, list[Row]]) -> None:
    """ClickHouse takes each query, and each finds something."""
    assert {question for question, found in answers.items() if not found} == set()


def test_the_doubled_stream_is_found_with_its_stages_in_order(answers: dict[str, list[Row]], demo: Any) -> None:
    """It alone has duplicates: at the application's iterator and at the socket, not at the provider."""
    (found,) = answers["Which streams had duplicates, and where first?"]
    assert found["TraceId"] == demo[1]
    assert int(found["duplicates"]) > 50
    assert set(found["stages"]) == {"emit", "socket_write"}


def test_findings_are_grouped_by_two_attributes_of_one_event(answers: dict[str, list[Row]]) -> None:
    """What TraceQL can't ask: kind and certainty of the same event."""
    found = answers["What was found, of which kind, how sure, at which stage?"]
    rows = {(one["kind"], one["certainty"], one["stage"], int(one["findings"])) for one in found}
    stages = ("emit", "socket_write")
    assert {(kind, stage) for kind, _, stage, _ in rows} == {
        (kind, stage) for kind in ("duplicate/doubled", "duplicate/terminal") for stage in stages
    }
    assert rows >= {("duplicate/terminal", "certain", stage, 1) for stage in stages}


def test_chunks_come_in_order_and_the_duplicates_are_marked(answers: dict[str, list[Row]]) -> None:
    """Every chunk of the stage is there, over all its segments."""
    found = answers["What crossed a stage, chunk by chunk?"]
    assert [int(one["seq"]) for one in found] == list(range(1, len(found) + 1))
    marked = [one["duplicate"] for one in found if one["duplicate"]]
    assert set(marked) == {"true"}
    assert len(found) / 3 < len(marked) <= len(found) / 2


def test_what_was_doubled_is_told_by_content(answers: dict[str, list[Row]], demo: Any) -> None:
    """Each content left the application twice as often as it had come in."""
    found = answers["Which contents left one stage more often than another?"]
    assert found
    assert all(int(one["emit"]) == 2 * int(one["provider"]) for one in found if int(one["provider"]))


def test_stages_of_a_trace_have_their_sums(answers: dict[str, list[Row]]) -> None:
    """The provider's chunks are half of the others'."""
    found = {one["stage"]: one for one in answers["How many chunks did each stage of a trace see?"]}
    assert set(found) == {"provider", "emit", "socket_write"}
    assert int(found["emit"]["chunks"]) == int(found["socket_write"]["chunks"]) == 2 * int(found["provider"]["chunks"])
    assert (found["emit"]["upstream"], found["socket_write"]["upstream"]) == ("provider", "emit")


def test_outcomes_and_times_are_numbers(answers: dict[str, list[Row]]) -> None:
    """Three answers were complete, and their first content came after some milliseconds."""
    (found,) = answers["How do streams end, and how fast do they begin?"]
    assert (found["route"], found["outcome"], int(found["streams"])) == ("/chat", "completed", 3)
    assert 0 < found["first_content_p95_s"] < 10


def test_edges_are_those_of_the_data(answers: dict[str, list[Row]]) -> None:
    """Each stage is named with the one that its chunks came from."""
    found = {(one["upstream"], one["stage"]) for one in answers["Which stage adds how much?"]}
    assert found == {("provider", "emit"), ("emit", "socket_write")}
