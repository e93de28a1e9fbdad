from __future__ import annotations

import pytest

from otel_sse.cli.trace_view import trace_view, traces_view
from otel_sse.diagnosis.trace.streams import Trace, trace_of
from otel_sse.sources.traces import TraceSummary
from tests.cli.rendered import text_of
from tests.diagnosis.made_trace import chunk_events, segment, upstream

WORDS = ["aa", "bbb", "c"]


def a_trace(*services: str) -> Trace:
    """A stage in each of these processes, each made from the one before."""
    spans = []
    for n, service in enumerate(services):
        links = upstream(f"stage-{n - 1}-with-a-name") if n else ()
        events = chunk_events(WORDS, 5 * n, [1, 2, 3] if n else None)
        spans.append(segment(f"stage-{n}-with-a-name", events, service=service, links=links))
        assert isinstance(spans[-1].attributes, dict)
        spans[-1].attributes["http.route"] = "/ask"
    found = trace_of(spans)
    assert found is not None
    return found


def test_one_process_is_named_above_its_stages() -> None:
    """The title of a stream has its route, its process and how long it took; the table needs no column for it."""
    shown = text_of(trace_view(a_trace("chat", "chat"), brief=True))
    assert "stream s1  /ask  2 stages in chat, " in shown
    assert "process" not in shown.splitlines()[3]


def test_several_processes_have_a_column() -> None:
    """Where stages are in several processes, each row names its own."""
    shown = text_of(trace_view(a_trace("model", "gateway"), brief=True), width=120)
    assert "2 stages in 2 processes, " in shown
    assert [line.split()[1] for line in shown.splitlines() if "-with-a-name" in line] == ["model", "gateway"]


def test_a_wide_terminal_has_one_table() -> None:
    """Where there is room, times stand beside the stages."""
    shown = text_of(trace_view(a_trace("model", "a-gateway-with-a-name"), brief=True), width=120)
    (head,) = [line for line in shown.splitlines() if line.startswith("#")]
    assert head.split() == [
        "#",
        "process",
        "stage",
        "chunks",
        "first",
        "latency",
        "longest",
        "content",
        "handed",
        "on",
        "outcome",
    ]


def test_a_narrow_terminal_has_the_times_in_a_table_of_their_own() -> None:
    """Where there is no room, no word is cut to pieces: the times stand below, by the stages' numbers."""
    shown = text_of(trace_view(a_trace("model", "a-gateway-with-a-name"), brief=True), width=80)
    stages, times = [line for line in shown.splitlines() if line.startswith("#")]
    assert stages.split()[:4] == ["#", "process", "stage", "chunks"]
    assert stages.split()[-1] == "outcome"
    assert times.split() == ["#", "first", "latency", "longest"]
    assert "3 same" in shown
    assert shown.count("completed") == 2
    assert "5.00 ms  5.00 ms  5.00 ms" in shown


def test_a_brief_view_leaves_sums_and_chunks_out() -> None:
    """What the stages add up to and an excerpt of the chunks are for a trace that is shown whole."""
    trace = a_trace("chat", "chat")
    assert "first event" in text_of(trace_view(trace))
    assert "chunks of stage 2, " in text_of(trace_view(trace))
    brief = text_of(trace_view(trace, brief=True))
    assert "first event" not in brief
    assert "chunks of" not in brief


def summary(route: str, streams: int = 1) -> TraceSummary:
    """A trace of so many streams on a route."""
    return TraceSummary("0af7651916cd43dd8448eb211c80319c", 0, streams, 3, 535, 206, False, 103, [route])


@pytest.mark.parametrize("streams", [1, 2])
@pytest.mark.parametrize("route", ["/chat", "/v1/chat/completions"])
def test_a_list_in_80_columns_has_every_id_and_route(route: str, streams: int) -> None:
    """Where a line is too short for all columns, the route stands below the id; nothing is cut or left out."""
    lines = text_of(traces_view([summary(route, streams)]), width=80).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split()[:2] == ["trace,", "route"]
    assert lines[2].split()[0] == "0af7651916cd43dd8448eb211c80319c"
    assert lines[2].split()[-3:] == ["535", "206", "103"]
    assert lines[3].strip() == (route if streams == 1 else f"{route}, 2 streams")


def test_a_list_in_a_wide_terminal_has_one_line_a_trace() -> None:
    """Where there is room, the route is a column."""
    lines = text_of(traces_view([summary("/chat")] * 2), width=104).splitlines()
    assert len(lines) == 4
    assert lines[0].split()[-1] == "route"
    assert lines[2].split()[-1] == "/chat"
