"""A stream that belongs to no request."""

from __future__ import annotations

from otel_sse import semconv
from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.diagnosis.no_request import no_request
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.stages import SOCKET_WRITE
from tests.diagnosis.made_pipeline import stream_of, whole

WORDS = ["a", "bb", "ccc", "dddd"]


def marked(stream: TraceStream) -> TraceStream:
    """The stream, whose first stage was read outside of any request."""
    stage = stream.stages[0]
    stage.attributes = {**stage.attributes, semconv.STREAM_NO_REQUEST: True}
    return stream


def test_a_model_read_outside_of_any_request_is_a_note() -> None:
    """It names the stage and what to do; it is no fault."""
    stream = marked(stream_of(WORDS))
    alone = TraceStream(stream.stages[:1], stream.upstream[:1])
    (said,) = no_request(alone)
    assert said.startswith(f"{alone.stages[0].label} belongs to no request")
    assert "otel_sse.stream_handle()" in said
    assert said in diagnose(alone).notes
    assert diagnose(alone).is_clean


def test_where_the_answers_stages_are_there_nothing_is_missed() -> None:
    """A client of the application itself, as tests have one, reads what `socket_write` sends."""
    stream = marked(stream_of(WORDS, whole))
    stream.stages[-1].name = SOCKET_WRITE
    assert no_request(stream) == []


def test_a_script_is_told_nothing() -> None:
    """Its process serves nobody, and says nothing of a request."""
    stream = stream_of(WORDS)
    assert no_request(TraceStream(stream.stages[:1], stream.upstream[:1])) == []
