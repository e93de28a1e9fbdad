"""Several stages that feed one, and ends that are sent twice."""

from __future__ import annotations

from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.diagnosis.trace.streams import TraceStream, trace_of
from tests.diagnosis.made_faults import (
    WORDS,
    only,
)
from tests.diagnosis.made_pipeline import (
    Stage,
    framed,
    stream_of,
    whole,
)
from tests.diagnosis.made_trace import chunk_event, chunk_events, segment, upstream


def test_an_end_that_is_sent_twice_is_told_without_a_detector() -> None:
    """More ends of one kind left a stage than came to it."""
    again: Stage = lambda items: [*items, items[-1]]  # noqa: E731
    fault = only(stream_of(WORDS, framed, again, whole))
    last = len(WORDS) + 5
    assert (fault.kind, fault.position, fault.seqs, fault.of) == ("duplicate/terminal", 2, (last,), (last - 1,))


def fork(texts: list[str], *, both: bool) -> TraceStream:
    """A model's stream that a handler and an adapter read; both, or each in its turn, push to one stage."""
    seqs = list(range(1, len(texts) + 1))
    half = len(texts) // 2
    ways = {"handler": seqs, "adapter": seqs} if both else {"handler": seqs[:half], "adapter": seqs[half:]}
    spans = [segment("provider", chunk_events(texts, 0))]
    emitted = []
    for at_ms, (name, taken) in enumerate(ways.items(), 1):
        events = chunk_events([texts[seq - 1] for seq in taken], at_ms, taken)
        spans.append(segment(name, events, links=upstream("provider"), source=name))
        emitted += [(texts[seq - 1], n, name, seq * 10 + at_ms) for n, seq in enumerate(taken, 1)]
    emitted.sort(key=lambda each: each[3])
    pushed = [
        chunk_event(n, text, n * 6, 5.0 + at_ms, origin, source=name)
        for n, (text, origin, name, at_ms) in enumerate(emitted, 1)
    ]
    trace = trace_of([*spans, segment("emit", pushed, links=upstream(*ways))])
    assert trace is not None
    return trace.streams[0]


def test_two_paths_that_push_each_chunk_are_named() -> None:
    """No edge shows it: each path handed on what it got. Where they meet is at fault, and both are named."""
    stream = fork(WORDS, both=True)
    assert [stage.name for stage in stream.stages] == ["provider", "handler", "adapter", "emit"]
    fault = only(stream)
    assert (fault.kind, fault.stage, fault.count) == ("duplicate/doubled", "emit", 30)
    assert (fault.seqs[:2], fault.of[:2]) == ((2, 4), (1, 3))
    assert fault.origin == "emitted by handler (handler) and by adapter (adapter)"


def test_two_paths_that_share_the_work_are_no_fault() -> None:
    """What came on one way only came once; what one path leaves to the other is not lost."""
    assert [fault.kind for fault in diagnose(fork(WORDS, both=False)).faults] == []


def test_ends_of_several_answers_are_not_one_end_twice() -> None:
    """Where more was said before the same end came again, another answer has ended: a conversation has several."""

    def conversation(ends: str) -> list[str]:
        spans = [segment("provider", chunk_events(ends.replace("!", ""), 0))]
        said = [chunk_event(at, text, at, float(at), done=text == "!") for at, text in enumerate(ends, 1)]
        trace = trace_of([*spans, segment("emit", said, links=upstream("provider"))])
        assert trace is not None
        return [fault.kind for fault in diagnose(trace.streams[0]).faults]

    assert "duplicate/terminal" not in conversation("abc!def!")
    assert "duplicate/terminal" in conversation("abc!!")
