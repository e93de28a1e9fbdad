"""Spans that end on the recorder's thread."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.trace import StatusCode

import otel_sse
from otel_sse.integrations.request_span.late import LateTracerProvider
from otel_sse.recording.recorder import Recorder
from tests.integrations.answers import plain
from tests.integrations.seen import Telemetry, attributes, recorder_of


@pytest.fixture
def recorder(telemetry: Telemetry) -> Recorder:
    """The recorder of an instrumented application."""
    return recorder_of(telemetry.instrument(plain()))


def started(telemetry: Telemetry, recorder: Recorder) -> Any:
    """A span that ends late."""
    return LateTracerProvider(telemetry.tracer_provider, recorder).get_tracer("test").start_span("late")


class Ends(SpanProcessor):
    """Keeps the threads in which spans end."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.threads.append(threading.current_thread())


def test_the_end_is_at_once_and_the_work_is_elsewhere(telemetry: Telemetry, recorder: Recorder) -> None:
    """A span has the time of its end from its `end`, is over from then on, and its processors run in another thread."""
    ends = Ends()
    telemetry.tracer_provider.add_span_processor(ends)
    span = started(telemetry, recorder)
    span.set_attribute("before", 1)
    assert span.is_recording()
    span.end(7_000_000_000)
    assert not span.is_recording()
    span.set_attribute("after", 1)
    span.set_attributes({"after": 1})
    span.add_event("after")
    span.set_status(StatusCode.ERROR)
    span.update_name("after")
    span.record_exception(ValueError())
    span.end()
    otel_sse.flush()
    (ended,) = telemetry.spans()
    assert (ended.name, ended.end_time, attributes(ended)) == ("late", 7_000_000_000, {"before": 1})
    assert ended.events == ()
    assert ended.status.status_code is StatusCode.UNSET
    assert len(ends.threads) == 1


def test_it_ends_without_a_flush(telemetry: Telemetry, recorder: Recorder) -> None:
    """The recorder's thread is woken, or started where no stream has been yet."""
    ended = threading.Event()

    class Told(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            assert threading.current_thread() is not threading.main_thread()
            ended.set()

    telemetry.tracer_provider.add_span_processor(Told())
    for _ in range(3):
        ended.clear()
        started(telemetry, recorder).end()
        assert ended.wait(60)


def test_it_ends_at_once_where_the_recorder_is_closed(telemetry: Telemetry, recorder: Recorder) -> None:
    """After `shutdown` nobody looks again, so the span ends where it is told to."""
    span = started(telemetry, recorder)
    recorder.shutdown()
    span.end()
    assert len(telemetry.spans()) == 1


def test_it_ends_at_once_where_no_thread_can_be_started(
    telemetry: Telemetry, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the interpreter's exit Python starts no thread any more."""

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    started(telemetry, recorder).end()
    assert len(telemetry.spans()) == 1


def test_it_is_the_span_in_all_else(telemetry: Telemetry, recorder: Recorder) -> None:
    """Whoever asks the current span for its kind, name or attributes gets the span's own."""
    span = started(telemetry, recorder)
    assert isinstance(span, trace.Span)
    assert isinstance(span, ReadableSpan)
    assert span.get_span_context().is_valid
    assert span.name == "late"
    with trace.use_span(span):
        assert trace.get_current_span() is span
    span.end()


def test_attributes_that_it_began_with_can_be_set_anew(telemetry: Telemetry, recorder: Recorder) -> None:
    """What the span was started with is there, and another value takes its place."""
    tracer = LateTracerProvider(telemetry.tracer_provider, recorder).get_tracer("test")
    span = tracer.start_span("late", attributes={"kept": "a", "changed": "b", "back": "0", "again": "0"})
    span.set_attribute("kept", "a")
    span.set_attribute("changed", "c")
    span.set_attribute("back", "1")
    span.set_attribute("back", "0")
    span.set_attributes({"again": "1"})
    span.set_attribute("again", "0")
    span.set_attribute("new", "d")
    span.end()
    otel_sse.flush()
    assert attributes(telemetry.spans()[0]) == {"kept": "a", "changed": "c", "new": "d", "back": "0", "again": "0"}


def test_what_is_not_recorded_is_left_as_it_is(recorder: Recorder) -> None:
    """A span that nobody records ends nowhere, so it is not wrapped."""
    span = LateTracerProvider(trace.NoOpTracerProvider(), recorder).get_tracer("test").start_span("none")
    assert type(span) is trace.NonRecordingSpan
