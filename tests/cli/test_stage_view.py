from __future__ import annotations

from typing import Any

import pytest
from rich.console import Group

from otel_sse.cli.stage_view import chunks_view, excerpt, excerpt_view, findings_view, totals_view
from otel_sse.diagnosis.trace.spans import SpanEvent
from otel_sse.diagnosis.trace.streams import TraceStream, trace_of
from otel_sse.stream.chunk import Chunk
from otel_sse.telemetry.attributes import pack_attributes
from tests.cli.rendered import text_of
from tests.diagnosis.made_trace import MS, START, chunk_events, chunks_made, finding_event, segment


def stream_of(*events: SpanEvent, **totals: Any) -> TraceStream:
    """A stream of one stage; `totals` are names below `sse.stream.`."""
    span = segment("socket_write", events)
    assert isinstance(span.attributes, dict)
    span.attributes.update({f"sse.stream.{name}": value for name, value in totals.items()})
    trace = trace_of([span])
    assert trace is not None
    return trace.streams[0]


def numbers(rows: list[Chunk | int]) -> list[int | str]:
    return [f"{row} more" if isinstance(row, int) else row.seq for row in rows]


def test_a_stage_shows_what_it_adds_up_to() -> None:
    """Bytes, dialect and waits are those that the stage counted itself, also where no chunk is in the trace."""
    says: Any = {
        "bytes": 1234,
        "content_bytes": 56,
        "dialect": "openai-chat",
        "time_to_first_event": 0.25,
        "time_to_first_content": 1.5,
        "max_interval": 0.03,
    }
    assert text_of(totals_view(stream_of(**says))) == (
        "\n"
        "#  bytes  content  dialect      first event  first content    pause  spans\n"
        "──────────────────────────────────────────────────────────────────────────\n"
        "1  1,234       56  openai-chat     250.0 ms        1.500 s  30.0 ms      1"
    )


@pytest.mark.parametrize("value", ["soon", True, -1.0, float("nan"), float("inf"), 10**400, None])
def test_a_time_that_is_none_is_left_out(value: object) -> None:
    """Where a span says nonsense of a time, its place stays empty."""
    shown = text_of(totals_view(stream_of(time_to_first_event=value)))
    assert shown.splitlines()[-1].split() == ["1", "0", "0", "1"]


def test_findings_are_grouped_by_kind() -> None:
    """Findings of one kind are one line with the first one's evidence; those without an event are counted."""
    found = [("protocol/x", 7, "first"), ("protocol/x", 8, "second"), ("gap/y", 9, "third")]
    stream = stream_of(*(finding_event(kind, seq, seq, said) for kind, seq, said in found), findings=5)
    assert text_of(Group(*findings_view(stream))).splitlines() == [
        "! 1 socket_write: 2 x protocol/x, certain, first at 7: first",
        "! 1 socket_write: gap/y, certain, at 9: third",
        "! 1 socket_write: 2 more findings are counted, but have no event of their own",
    ]


def test_a_peers_text_steers_nothing() -> None:
    """Markup and control characters in evidence are shown as text or left out."""
    shown = text_of(Group(*findings_view(stream_of(finding_event("x/y", 1, 1, "[bold]a[/bold] \x1b[2Jb\rc")))))
    assert "[bold]a[/bold]  [2Jb c" in shown
    assert "\x1b" not in shown


def test_the_chunks_of_a_stage_are_a_table() -> None:
    """Each chunk has its number, time, kind, digest and lengths; heartbeats in a pack are no content."""
    ping = Chunk(2, 5 * MS, "heartbeat", "0123456789ab", 1, 6, False)
    pack = SpanEvent("sse.chunks", START, dict(pack_attributes([*chunks_made("a"), ping])))
    table = text_of(chunks_view(stream_of(pack), 0)).splitlines()
    assert table[:2] == ["", "chunks of stage 1, socket_write"]
    assert [row.split()[0] for row in table[4:]] == ["1", "2"]
    assert table[4].split()[3:5] == ["content", "86f7e437faa5"]
    assert table[5].split()[1:] == ["5.00", "ms", "heartbeat", "0123456789ab", "1", "6"]


@pytest.mark.parametrize(
    ("count", "marked", "shown"),
    [
        (0, set(), []),
        (1, set(), [1]),
        (5, set(), [1, 2, 3, 4, 5]),
        (6, set(), [1, 2, 3, "1 more", 5, 6]),
        (100, set(), [1, 2, 3, "95 more", 99, 100]),
        (100, {50}, [1, 2, 3, "46 more", 50, "48 more", 99, 100]),
        (100, {1, 100}, [1, 2, 3, "95 more", 99, 100]),
        (100, set(range(20, 60)), [1, 2, 3, "16 more", 20, 21, 22, "76 more", 99, 100]),
        (3, {9}, [1, 2, 3]),
    ],
)
def test_an_excerpt_shows_ends_and_marks(count: int, marked: set[int], shown: list[int | str]) -> None:
    """The first three chunks, the last two and at most three marked ones are shown; the rest is counted."""
    assert numbers(excerpt(chunks_made("x" * count), marked)) == shown


def test_the_excerpt_is_of_the_first_stage_with_a_finding() -> None:
    """Where a stage has a finding, its chunks are shown around it; else those of the last stage."""
    words = [f"w{n}" for n in range(20)]
    finding = finding_event("protocol/x", 9, 90)
    for found, name, numbers_shown in ((finding, "provider", "9"), (None, "emit", "20")):
        events = (*chunk_events(words, 0), *([found] if found else []))
        trace = trace_of([segment("provider", events), segment("emit", chunk_events(words, 1))])
        assert trace is not None
        shown = text_of(Group(*excerpt_view(trace.streams[0])))
        assert f", {name}\n" in shown
        assert numbers_shown in [line.split()[0] for line in shown.splitlines() if line]


def test_without_chunks_there_is_no_excerpt() -> None:
    """With chunk events switched off nothing is shown of chunks, not even a table's head."""
    assert list(excerpt_view(stream_of(chunks=12))) == []
