"""What was read for nobody."""

from __future__ import annotations

from otel_sse import semconv
from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.diagnosis.read_on import read_on
from otel_sse.diagnosis.trace.spans import Attributes
from tests.diagnosis.made_pipeline import stream_of

WORDS = ["a", "bb", "ccc", "dddd"]
SAYS: Attributes = {
    semconv.STREAM_READ_ON_CHUNKS: 3,
    semconv.STREAM_READ_ON_TIME: 2.5,
    semconv.STREAM_OUTCOME: "completed",
}


def test_what_was_read_for_nobody_is_a_note() -> None:
    """How many chunks, for how long, and of how many tokens; it is no fault."""
    stream = stream_of(WORDS)
    stage = stream.stages[0]
    stage.attributes = {**stage.attributes, **SAYS, semconv.STREAM_OUTPUT_TOKENS: 40}
    said = (
        f"{stage.label} was read on for nobody when its request had ended: 3 of its {stage.total} chunks, over 2.5 s; "
        "its whole answer is 40 tokens. It ended as completed."
    )
    assert read_on(stream) == [said]
    assert said in diagnose(stream).notes
    assert diagnose(stream).in_order


def test_a_damaged_trace_is_read_too() -> None:
    """Without a time, tokens or an outcome the rest is said."""
    stream = stream_of(WORDS)
    stream.stages[0].attributes = {semconv.STREAM_READ_ON_CHUNKS: 3}
    (said,) = read_on(stream)
    assert said.endswith("over 0.0 s. It ended as not known.")


def test_of_others_nothing_is_said() -> None:
    """A stage that ended with its request has no such note."""
    assert read_on(stream_of(WORDS)) == []
