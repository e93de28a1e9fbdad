"""Traces that are cut, mixed up or made by somebody else: something is said of each, and nothing raised."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from otel_sse.diagnosis.diagnose import diagnose, late_places
from otel_sse.diagnosis.matrix import matrix_of
from otel_sse.diagnosis.matrix_text import matrix_text
from otel_sse.diagnosis.trace.spans import Span
from otel_sse.diagnosis.trace.streams import trace_of
from otel_sse.stream.chunk import KINDS
from otel_sse.stream.outcome import OUTCOMES
from tests.diagnosis.made_trace import chunk_event, finding_event, segment, upstream

NAMES = ["provider", "emit", "ws.send", "ws.receive", "policy.x"]
NUMBER = st.integers(0, 12)
EVENT = st.builds(
    chunk_event,
    NUMBER,
    st.sampled_from(["a", "b", "cc", ""]),
    st.integers(0, 40),
    st.floats(0, 40_000, allow_nan=False),
    st.none() | NUMBER | st.tuples(NUMBER, NUMBER),
    kind=st.sampled_from(KINDS),
    done=st.booleans(),
    source=st.sampled_from(["", "x", "y"]),
)
KIND = st.sampled_from(
    ["duplicate/doubled", "duplicate/terminal", "stall/content", "stall/first_byte", "gap/hop", "protocol/x", "odd", ""]
)
FINDING = st.builds(finding_event, KIND, NUMBER, st.floats(0, 40_000, allow_nan=False))


@st.composite
def spans(draw: st.DrawFn) -> list[Span]:
    """Up to five stages, each with any chunks and findings, linked to any others."""
    count = draw(st.integers(1, 5))
    return [
        segment(
            draw(st.sampled_from(NAMES)),
            draw(st.lists(EVENT | FINDING, max_size=14)),
            of=f"{n}",
            stream=draw(st.sampled_from(["s1", "s2"])),
            service=draw(st.sampled_from(["one", "two"])),
            outcome=draw(st.sampled_from([*OUTCOMES, "", "odd"])),
            links=upstream(*draw(st.lists(st.sampled_from("01234x"), max_size=3))),
            stage_rewrites=draw(st.booleans()),
            stream_chunks=draw(NUMBER),
        )
        for n in range(count)
    ]


@given(spans())
def test_any_trace_is_diagnosed(found: list[Span]) -> None:
    """There is a verdict, every fault names a stage of the stream, and the matrix can be shown."""
    trace = trace_of(found)
    assert trace is not None
    for stream in trace.streams:
        diagnosis = diagnose(stream)
        assert diagnosis.verdict
        for fault in diagnosis.faults:
            assert stream.stages[fault.position].label == fault.stage
            assert fault.count >= 1
            assert fault.certainty in ("certain", "suspected")
            assert fault.cause
            assert fault.where_to_look
        assert matrix_text(matrix_of(stream, late_places(stream, diagnosis.faults)), 40)
