"""Traces that nobody recorded: whatever spans say, each view of them ends, soon, and steers nothing."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from otel_sse import limits, semconv
from otel_sse.cli.diagnose_json import diagnosed_json, trace_diagnosed_json
from otel_sse.cli.diagnose_view import diagnosed_view, trace_diagnosed_view
from otel_sse.cli.stage_view import chunks_view
from otel_sse.cli.trace_json import chunks_json, trace_json, traces_json, way_json
from otel_sse.cli.trace_view import trace_view, traces_view, way_view
from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.diagnosis.matrix import matrix_of
from otel_sse.diagnosis.matrix_text import matrix_text
from otel_sse.diagnosis.path import way
from otel_sse.diagnosis.trace.spans import Span, SpanEvent, SpanLink
from otel_sse.diagnosis.trace.streams import Trace, trace_of
from otel_sse.sources.errors import SourceError
from otel_sse.sources.reading import Listed
from otel_sse.sources.traces import check_size, summaries

EVIL = "a\nTRACE OK\r\x1b[31mX\x9b5m\x00\u202eY\u2066\u200b\u2028Z\ufe0f\ud800[red]m[/red][link=http://x]n[/link]"
HIDDEN = set("\r\x00\x9b\u202e\u2066\u200b\u2028\ufe0f\ud800")

TEXTS = st.sampled_from(
    ["", "provider", "socket_write", "emit", "content", "complete", "certain", "-", EVIL, "L" * 5_000]
)
NUMBERS = st.sampled_from([0, 1, 2, 3, 4, 5, -1, -(10**12), 10**12, 2**63 - 1, 2**63, 2**64, 10**400])
ODD = st.sampled_from([None, True, 1.5, float("nan"), float("inf"), b"x", (1, ("a",)), {"k": {"k": 1}}, "3"])
SPAN_IDS = st.sampled_from(["1" * 16, "2" * 16, "3" * 16, "4" * 16])
KINDS = st.sampled_from(
    ["duplicate/doubled", "duplicate/replayed", "gap/lost", "gap/hop", "stall/content", "x/y", EVIL]
)

CHUNK = st.fixed_dictionaries(
    {semconv.CHUNK_SEQ: st.integers(1, 6) | NUMBERS | ODD},
    optional={
        semconv.CHUNK_KIND: TEXTS | ODD,
        semconv.CHUNK_DIGEST: st.sampled_from(["a", "b", "c", EVIL]) | ODD,
        semconv.CHUNK_ACC_LEN: NUMBERS | ODD,
        semconv.CHUNK_RAW_LEN: NUMBERS | ODD,
        semconv.CHUNK_DONE: st.booleans() | ODD,
        semconv.CHUNK_TYPE: TEXTS | ODD,
        semconv.CHUNK_ID: TEXTS | ODD,
        semconv.CHUNK_SOURCE: TEXTS | ODD,
        semconv.CHUNK_CHANNEL: TEXTS | ODD,
        semconv.CHUNK_UPSTREAM_FIRST: st.integers(1, 6) | NUMBERS | ODD,
        semconv.CHUNK_UPSTREAM_LAST: st.integers(1, 6) | NUMBERS | ODD,
        semconv.CHUNK_UPSTREAM_SPAN: SPAN_IDS | TEXTS | ODD,
    },
)
WORDS = st.lists(
    st.sampled_from(["1", "2", "1-2", "-", "5-1", "9" * 30, "1-" + "9" * 17, "a", "٣", EVIL.replace("\n", "")]),
    max_size=5,
)
PACK = st.fixed_dictionaries(
    {semconv.PACK_FIRST_SEQ: st.integers(1, 6) | NUMBERS | ODD},
    optional=dict.fromkeys(
        [
            *(semconv.PACK_OFFSETS, semconv.PACK_DIGESTS, semconv.PACK_ACC_LENS, semconv.PACK_UPSTREAM),
            *(semconv.PACK_KINDS, semconv.PACK_SOURCES, semconv.PACK_IDS, semconv.PACK_CHANNELS),
        ],
        WORDS.map(" ".join) | ODD,
    ),
)
FINDING = st.fixed_dictionaries(
    {semconv.FINDING_KIND: KINDS | ODD},
    optional={
        semconv.FINDING_CERTAINTY: TEXTS | ODD,
        semconv.FINDING_STAGE: TEXTS | ODD,
        semconv.FINDING_SEQ: st.integers(0, 6) | NUMBERS | ODD,
        semconv.FINDING_OF: st.integers(0, 6) | NUMBERS | ODD,
        semconv.FINDING_AMOUNT: NUMBERS | ODD,
        semconv.FINDING_EVIDENCE: TEXTS | ODD,
    },
)
TIMES = st.integers(0, 10**10).map(lambda n: 1_700_000_000_000_000_000 + n) | NUMBERS
EVENTS = st.one_of(
    st.builds(SpanEvent, st.just(semconv.CHUNK_EVENT), TIMES, CHUNK),
    st.builds(SpanEvent, st.just(semconv.CHUNKS_EVENT), TIMES, PACK),
    st.builds(SpanEvent, st.just(semconv.FINDING_EVENT), TIMES, FINDING),
)
LINKS = st.builds(
    SpanLink,
    st.just("f" * 32),
    SPAN_IDS | st.just("9" * 16),
    st.fixed_dictionaries({semconv.LINK: st.sampled_from(["upstream", "segment", EVIL]) | ODD}),
)
STAGE = st.fixed_dictionaries(
    {semconv.STAGE: TEXTS | ODD},
    optional={
        semconv.STREAM_ID: st.sampled_from(["s", "t", EVIL]) | ODD,
        semconv.STAGE_DIRECTION: st.sampled_from(["in", "out", EVIL]) | ODD,
        semconv.STAGE_REWRITES: st.booleans() | ODD,
        semconv.STAGE_UPSTREAM: TEXTS | ODD,
        semconv.SOURCE: TEXTS | ODD,
        semconv.HTTP_ROUTE: TEXTS | ODD,
        semconv.STREAM_OUTCOME: st.sampled_from(["completed", "failed", "cancelled", EVIL]) | ODD,
        semconv.ERROR_TYPE: TEXTS | ODD,
        semconv.STREAM_CHUNKS: NUMBERS | ODD,
        semconv.STREAM_FINDINGS: NUMBERS | ODD,
        semconv.STREAM_DUPLICATES: NUMBERS | ODD,
        semconv.SEGMENT_INDEX: NUMBERS | ODD,
    },
)
SPANS = st.lists(
    st.builds(
        Span,
        trace_id=st.sampled_from(["f" * 32, EVIL]),
        span_id=SPAN_IDS,
        parent_id=SPAN_IDS | st.just(""),
        name=TEXTS,
        service=TEXTS,
        start_ns=TIMES,
        end_ns=TIMES,
        attributes=STAGE,
        events=st.lists(EVENTS, max_size=7).map(tuple),
        links=st.lists(LINKS, max_size=3).map(tuple),
    ),
    min_size=1,
    max_size=4,
)


def drawn(*views: RenderableType, width: int = 100) -> str:
    """What a terminal with colours and links would get, but for the colours and links of our own."""
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None, highlight=False)
    for view in views:
        console.print(view)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def everything(trace: Trace) -> tuple[list[RenderableType], list[Any]]:
    """All views of a trace, and all that `--json` says of it."""
    found = [diagnose(stream) for stream in trace.streams]
    views = [trace_view(trace), trace_diagnosed_view(trace, found, 80), diagnosed_view([(trace, found)], 1)]
    data: list[Any] = [trace_json(trace), trace_diagnosed_json(trace, found), diagnosed_json([(trace, found)], 1)]
    for stream in trace.streams:
        matrix_text(matrix_of(stream), 60)
        for position, stage in enumerate(stream.stages):
            views.append(chunks_view(stream, position))
            data.append(chunks_json(stream, position))
            for chunk in stage.chunks[:2]:
                steps = way(stream, position, chunk.seq)
                views.append(way_view(stream, steps, position, chunk.seq))
                data.append(way_json(stream, steps))
    return views, data


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(SPANS)
def test_whatever_spans_say_each_view_ends_and_steers_nothing(spans: list[Span]) -> None:
    """Diagnosis, matrix, tables and JSON come out of any values, as text that hides nothing."""
    trace = trace_of(spans)
    assert trace is not None
    views, data = everything(trace)
    listed = Listed(summaries(spans))
    text = drawn(*views, traces_view(listed.traces), width=20_000)
    assert not HIDDEN & set(text)
    assert "\x1b" not in text
    # So wide that no line is folded.
    assert not any(line.startswith("TRACE OK") for line in text.splitlines())
    assert json.dumps([*data, traces_json(listed)], allow_nan=False)


def chain(stages: int, chunks: int, says: Any) -> list[Span]:
    """Stages in a row; `says` gives what each chunk says of the stage before it, by its number."""
    ids = [f"{n + 1:016x}" for n in range(stages)]
    return [
        Span(
            "f" * 32,
            ids[n],
            "",
            "stream",
            "svc",
            n,
            n + 1,
            {semconv.STAGE: f"s{n}", semconv.STREAM_ID: "s", semconv.STREAM_OUTCOME: "completed"},
            tuple(
                SpanEvent(
                    semconv.CHUNK_EVENT,
                    n + seq,
                    {
                        semconv.CHUNK_SEQ: seq,
                        semconv.CHUNK_DIGEST: f"{n} {seq}",
                        semconv.CHUNK_ACC_LEN: seq,
                        **(says(seq) if n else {}),
                    },
                )
                for seq in range(1, chunks + 1)
            ),
            (SpanLink("f" * 32, ids[n - 1], {semconv.LINK: "upstream"}),) if n else (),
        )
        for n in range(stages)
    ]


def upstream(first: int, last: int) -> dict[str, int]:
    """What a chunk says that it was made from."""
    return {semconv.CHUNK_UPSTREAM_FIRST: first, semconv.CHUNK_UPSTREAM_LAST: last}


@pytest.mark.parametrize(
    ("stages", "chunks", "says"),
    [
        (2, 3, lambda seq: upstream(1, 10**12)),
        (2, 3, lambda seq: upstream(seq, 2**63 - 1)),
        (2, 500, lambda seq: upstream(1, 500)),
        (3, 150, lambda seq: upstream(1, 10**15)),
        (30, 3, lambda seq: upstream(seq, seq)),
    ],
    ids=["a trillion", "to the last", "each from all", "each from all, three stages", "thirty stages"],
)
def test_wide_ranges_end_soon(stages: int, chunks: int, says: Any) -> None:
    """What a chunk says that it was made from costs what stands in the trace, however wide it is."""
    trace = trace_of(chain(stages, chunks, says))
    assert trace is not None
    began = time.process_time()
    views, _ = everything(trace)
    assert drawn(*views)
    assert time.process_time() - began < 60


@pytest.mark.parametrize("more", [0, 1])
@pytest.mark.parametrize("limit", ["MAX_TRACE_STAGES", "MAX_TRACE_CHUNKS"])
def test_a_trace_is_read_up_to_a_size(monkeypatch: pytest.MonkeyPatch, limit: str, more: int) -> None:
    """Past MAX_TRACE_STAGES or MAX_TRACE_CHUNKS a trace is refused in words that say what to do."""
    monkeypatch.setattr(limits, limit, 4)
    spans = chain(4 + more, 1, lambda seq: {}) if limit == "MAX_TRACE_STAGES" else chain(1, 4 + more, lambda seq: {})
    if not more:
        check_size(spans)
        return
    with pytest.raises(SourceError, match=r"must have at most 4 (stages|chunks), got 5\. Record less"):
        check_size(spans)


def test_pairs_of_an_edge_are_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    """At MAX_EDGE_PAIRS all that chunks say they were made from is followed, one past it not the last one."""
    trace = trace_of(chain(2, 3, lambda seq: upstream(1, 3)))
    assert trace is not None
    (stream,) = trace.streams
    for cap, pairs in ((9, 9), (8, 8)):
        monkeypatch.setattr(limits, "MAX_EDGE_PAIRS", cap)
        edge = stream.descents[0, 1]
        edge.__dict__.pop("made_of", None)
        assert sum(map(len, edge.made_of.values())) == pairs
