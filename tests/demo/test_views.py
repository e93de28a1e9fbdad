from __future__ import annotations

import io

import pytest
from rich.console import Console, RenderableType

from otel_sse.demo.figures import Figure
from otel_sse.demo.trace_tree import grow
from otel_sse.demo.views import metrics_view, trace_view
from tests.demo.sdk_spans import Event, Recording, chunk, finding

MS = 1_000_000


def text_of(view: RenderableType) -> str:
    """What a view looks like in a plain terminal of 80 columns; spaces at the ends of lines are cut."""
    out = io.StringIO()
    Console(file=out, width=80, color_system=None, highlight=False).print(view)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def trace_of(*events: Event, **totals: object) -> str:
    recording = Recording()
    request = recording.request(100 * MS)
    request.set_attribute("http.response.status_code", 200)
    recording.stage(request, 110 * MS, 400 * MS, 0, "socket_write", *events, **totals)
    request.end(400 * MS)
    return text_of(trace_view("f" * 32, grow(recording.finished())))


def test_a_trace_is_a_tree_with_its_totals_and_chunks() -> None:
    """A stage shows outcome, totals, waits, and its chunks with their time after the request."""
    assert trace_of(
        chunk(1, 350 * MS, "control"),
        chunk(2, 360 * MS),
        chunk(3, 390 * MS, "complete"),
        chunks=3,
        content_chunks=1,
        bytes=1234,
        dialect="openai-chat",
        outcome="completed",
        findings=0,
        time_to_first_event=0.25,
        time_to_first_content=0.26,
        max_interval=0.03,
    ) == (
        "trace ffffffffffffffffffffffffffffffff\n"
        "└── POST /chat  0.300 s  status 200\n"
        "    └── stream socket_write  0.290 s  completed, no findings\n"
        "        3 chunks (1 with content), 1,234 bytes, openai-chat\n"
        "        first event 0.250 s, first content 0.260 s, longest pause 0.030 s\n"
        "        chunk 1  0.250 s  control   0123456789ab  acc    4  raw 200\n"
        "        chunk 2  0.260 s  content   0123456789ab  acc    8  raw 200\n"
        "        chunk 3  0.290 s  complete  0123456789ab  acc   12  raw 200"
    )


def test_findings_are_grouped_by_kind() -> None:
    """Findings of one kind are one line with the first one's evidence; those without an event are counted."""
    shown = trace_of(
        chunk(1, 350 * MS),
        finding("protocol/x", 7, "first"),
        finding("protocol/x", 8, "second"),
        finding("gap/y", 9, "third"),
        findings=5,
    )
    assert "! 2 x protocol/x, certain, first at 7: first\n" in shown
    assert "! gap/y, certain, at 9: third\n" in shown
    assert "! 2 more are counted, but have no event of their own" in shown
    assert "still open, 5 findings" in shown


def test_a_peers_text_steers_nothing() -> None:
    """Markup and control characters in evidence are shown as text or left out."""
    shown = trace_of(finding("protocol/x", 1, "[bold]a[/bold] \x1b[2Jb\rc"), findings=1)
    assert "[bold]a[/bold]  [2Jb c" in shown
    assert "\x1b" not in shown


def test_a_stage_without_chunk_events_still_has_its_totals() -> None:
    """With chunk events switched off the totals remain."""
    assert "\n        12 chunks (10 with content), 99 bytes\n" in trace_of(chunks=12, content_chunks=10, bytes=99)


def test_metrics_are_a_table_without_zeros() -> None:
    """Labels that all rows share stand above the table, and zeros are only counted."""
    shown = text_of(
        metrics_view(
            [
                Figure("sse.chunks", {"stage": "socket_write", "route": "/chat"}, "{chunk}", 448),
                Figure("sse.findings", {"stage": "socket_write", "route": "/chat", "kind": "gap"}, "", 1),
                Figure("sse.findings", {"stage": "socket_write", "route": "/chat", "kind": "x"}, "", 0),
            ]
        )
    )
    assert shown == (
        "metrics  route=/chat, stage=socket_write\n"
        "metric         labels     value\n"
        "───────────────────────────────\n"
        "sse.chunks                448\n"
        "sse.findings   kind=gap   1\n"
        "1 more at 0: what alerts rest on exists before it first happens."
    )


@pytest.mark.parametrize("name", ["sse.chunk.interval", "sse.stage.latency"])
def test_metrics_that_are_samples_say_so(name: str) -> None:
    """A histogram that records one of several chunks is not to be read as the number of chunks."""
    note = "sse.chunk.interval and sse.stage.latency are samples of all chunks."
    assert text_of(metrics_view([Figure(name, {"stage": "emit"}, "s", 4, 1.0)])).endswith(note)
    assert note not in text_of(metrics_view([Figure("sse.chunks", {"stage": "emit"}, "s", 4)]))
