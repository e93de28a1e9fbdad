from __future__ import annotations

from opentelemetry.trace import SpanKind, format_trace_id

from otel_sse.demo.span_store import SpanStore
from tests.demo.sdk_spans import Recording


def test_a_trace_is_complete_when_the_request_and_its_stages_have_ended() -> None:
    """Neither the request alone nor the stages alone nor a segment without outcome make a trace complete."""
    recording = Recording()
    request = recording.request()
    trace_id = format_trace_id(request.get_span_context().trace_id)
    seen = [recording.store.is_complete(trace_id)]
    recording.stage(request, 110, 120)
    seen.append(recording.store.is_complete(trace_id))
    request.end(150)
    seen.append(recording.store.is_complete(trace_id))
    recording.stage(request, 120, 140, 1, outcome="completed")
    assert [*seen, recording.store.is_complete(trace_id)] == [False, False, False, True]


def test_a_request_waits_for_the_stage_that_it_speaks_of() -> None:
    """A request that names a stream is not complete before one of its stages is there."""
    recording = Recording()
    request = recording.request()
    request.end(150)
    (trace_id,) = recording.store.trace_ids()
    assert not recording.store.is_complete(trace_id)


def test_a_request_without_a_stream_is_complete_at_its_end() -> None:
    """A request that has no stream needs no stage."""
    recording = Recording()
    recording.span("GET /health", 1, kind=SpanKind.SERVER).end(2)
    (trace_id,) = recording.store.trace_ids()
    assert recording.store.is_complete(trace_id)


def test_the_oldest_trace_makes_room() -> None:
    """At the cap all traces are kept; with one more the oldest is forgotten."""
    recording = Recording()
    for start in (1, 2, 3):
        recording.span("a", start).end(start + 1)
    spans = recording.finished()
    store = SpanStore(size=2)
    store.export(spans[:2])
    first, second = store.trace_ids()
    store.export(spans[2:])
    assert first not in store.trace_ids()
    assert store.trace_ids()[0] == second
    assert len(store.trace_ids()) == 2


def test_a_forgotten_trace_has_no_spans() -> None:
    """Forgetting a trace removes its spans, and is harmless for one that is not there."""
    recording = Recording()
    recording.span("a", 1).end(2)
    (trace_id,) = recording.store.trace_ids()
    recording.store.forget(trace_id)
    recording.store.forget(trace_id)
    assert recording.store.spans(trace_id) == []
