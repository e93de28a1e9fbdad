"""`stream_handle` and `resume_stream`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.trace import get_current_span, set_span_in_context

from otel_sse import limits
from otel_sse.integrations.verbs import handles
from otel_sse.integrations.verbs.handles import resume_stream, stream_handle
from otel_sse.integrations.verbs.observe import observe
from otel_sse.options import Options
from otel_sse.recording import propagation, registry
from otel_sse.recording.carried import carried_streams
from otel_sse.recording.live_stream import Stream, current_stream, enter, leave
from otel_sse.recording.propagation import Entered
from otel_sse.recording.recorder import Recorder
from otel_sse.telemetry.clock import now_ns
from tests.integrations.seen import Telemetry, attributes

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def recorder(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """The recorder of stages outside of any application."""
    made = registry.new_recorder(Options(), telemetry.tracer_provider, telemetry.meter_provider)
    monkeypatch.setattr(registry, "_default", made)
    elsewhere()
    yield made
    made.shutdown()


def handle_in(stream: Stream) -> str:
    """A handle, made where a stream is current."""
    with Entered(stream):
        return stream_handle()


def elsewhere() -> None:
    """From here on this process is another one: it knows no stream."""
    carried_streams.after_fork()


def test_a_handle_is_a_short_printable_text(recorder: Recorder) -> None:
    """Version, id, whose span, trace context, tracestate; the same each time as long as no stage begins."""
    stream = Stream(recorder, now_ns(), None, "mine")
    handle = handle_in(stream)
    assert handle == "sse1:mine:request::"
    with Entered(stream):
        list(observe(["a", "b"], "provider"))
    span = stream.order.stages[-1].span_context
    of_stage = f"sse1:mine:stage:00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}:"
    assert handle_in(stream) == of_stage


def test_odd_ids_and_long_tracestates(recorder: Recorder) -> None:
    """What would break the form is escaped; a tracestate that makes it too long is left out."""
    stream = Stream(recorder, now_ns(), None, "a:b%c")
    handle = handle_in(stream)
    assert handle == "sse1:a%3Ab%25c:request::"
    with resume_stream(handle) as found:
        assert found is stream
    carried = propagation.read_trace(TRACE, "k=" + "~" * 200)
    stream = Stream(recorder, now_ns(), carried.context, "mine")
    assert handle_in(stream) == f"sse1:mine:request:{TRACE}:k%3D" + "~" * 200


def test_a_thread_goes_on_with_the_very_stream(recorder: Recorder, telemetry: Telemetry) -> None:
    """In the same process it is the same object, also in a thread that knows no context; gone after the block."""
    stream = Stream(recorder, now_ns())
    handle = handle_in(stream)
    found: list[Stream | None] = []

    def work() -> None:
        with resume_stream(handle) as resumed:
            found.append(resumed)
            list(observe(["a", "b"], "provider"))
        found.append(current_stream())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [stream, None]
    provider = telemetry.stage("provider")
    assert provider.stream_id == stream.id
    assert "sse.stream.no_request" not in provider.attributes


def test_its_own_handle_changes_nothing(recorder: Recorder) -> None:
    """A stream that is current already stays."""
    stream = Stream(recorder, now_ns())
    with Entered(stream), resume_stream(stream_handle()) as found:
        assert found is current_stream() is stream


def test_another_process_goes_on_with_id_and_trace(recorder: Recorder, telemetry: Telemetry) -> None:
    """Same id, same trace, the first stage linked to the sender's, and the trace context current in the block."""
    stream = Stream(recorder, now_ns())
    with Entered(stream):
        list(observe(["a", "b"], "provider"))
    handle = handle_in(stream)
    elsewhere()
    with resume_stream(handle) as found:
        assert found is not stream
        list(observe(["a", "b"], "callback"))
        assert (
            get_current_span().get_span_context().trace_id == telemetry.stage("provider").segments[0].context.trace_id
        )
    with resume_stream(handle) as again:
        assert again is found
    (before,), (after,) = telemetry.segments("provider"), telemetry.segments("callback")
    assert after.parent is not None
    assert after.parent.span_id == before.context.span_id
    assert attributes(after)["sse.stream.id"] == stream.id
    assert [link.context.span_id for link in after.links] == [before.context.span_id]


def test_a_request_that_has_not_answered_joins(recorder: Recorder) -> None:
    """It becomes a part of the handle's stream to its end; a second handle is current in its block alone."""
    job, second = Stream(recorder, now_ns(), None, "job"), Stream(recorder, now_ns(), None, "second")
    handle, other = handle_in(job), handle_in(second)
    request = Stream(recorder, now_ns())
    request.may_join = True
    token = enter(request)
    with resume_stream(handle) as found:
        assert found is request
    assert (request.id, request.order) == ("job", job.order)
    with resume_stream(other) as found:
        assert found is second
    assert current_stream() is request
    leave(token)


def test_a_request_joins_before_the_worker_begins(recorder: Recorder) -> None:
    """A handle that came from another process: whoever comes second finds whoever came first."""
    handle = stream_handle()
    elsewhere()
    request = Stream(recorder, now_ns())
    request.may_join = True
    token = enter(request)
    with resume_stream(handle):
        pass
    leave(token)
    with resume_stream(handle) as found:
        assert found is request


def test_a_handle_made_outside_of_any_stream(recorder: Recorder) -> None:
    """It is that of a new stream, whose stages a request that joins and a worker share."""
    handle = stream_handle()
    request = Stream(recorder, now_ns())
    request.may_join = True
    with Entered(request), resume_stream(handle):
        pass
    with resume_stream(handle) as found:
        assert (found.id, found.order) == (request.id, request.order)


@pytest.mark.parametrize("begun", ["id", "over"])
def test_a_request_that_has_begun_its_answer_does_not_join(recorder: Recorder, begun: str) -> None:
    """Its id is known elsewhere, or it is over: a worker that it left behind resumes another stream."""
    job = Stream(recorder, now_ns(), None, "job")
    handle = handle_in(job)
    request = Stream(recorder, now_ns())
    request.may_join = True
    if begun == "id":
        assert request.id
    else:
        request.abandon()
    with Entered(request), resume_stream(handle) as found:
        assert found is job


HOSTILE: list[Any] = [
    "",
    "sse1",
    "sse2:mine:request::",
    "sse1:mine:other::",
    "sse1:mine:request:",
    "sse1:mine:request:::",
    "sse1::request::",
    f"sse1:{'x' * 65}:request::",
    "sse1:a%20b:request::",
    "sse1:%00:request::",
    "sse1:%FF:request::",
    "x" * (limits.MAX_HANDLE_CHARS + 1),
    None,
    7,
    b"sse1:mine:request::",
    {"sse1": "mine"},
]


@pytest.mark.parametrize("handle", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_handle_changes_nothing(recorder: Recorder, caplog: pytest.LogCaptureFixture, handle: Any) -> None:
    """It raises nothing; the current stream stays, and the log says so once, without the text."""
    handles._tell_no_handle.cache_clear()
    stream = Stream(recorder, now_ns())
    with caplog.at_level(logging.WARNING, "otel_sse"), Entered(stream):
        for _ in range(2):
            with resume_stream(handle) as found:
                assert found is stream
    assert [record.getMessage().partition(",")[0] for record in caplog.records] == [
        "handle must be one that stream_handle made"
    ]
    with resume_stream(handle) as found:
        assert found is not stream


def test_the_longest_handle_is_read(recorder: Recorder) -> None:
    """At the cap it is one, past it it is none."""
    head = f"sse1:mine:request:{TRACE}:"
    longest = head + "x" * (limits.MAX_HANDLE_CHARS - len(head))
    with resume_stream(longest) as found:
        assert found.id == "mine"
    with resume_stream(longest + "x") as found:
        assert found.id != "mine"


@pytest.mark.parametrize("traceparent", ["", "00-zz", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "%0d%0a"])
def test_a_handle_without_a_trace_that_can_be_read(recorder: Recorder, traceparent: str) -> None:
    """The id goes on all the same."""
    with resume_stream(f"sse1:mine:stage:{traceparent}:%00") as found:
        assert (found.id, found.context, found.order.remote) == ("mine", None, None)


def test_a_handle_made_before_the_job_has_a_span(recorder: Recorder, telemetry: Telemetry) -> None:
    """The request that joins is in the trace that the job has by then."""
    job = Stream(recorder, now_ns(), None, "job")
    handle = handle_in(job)
    job.context = set_span_in_context(telemetry.tracer_provider.get_tracer("t").start_span("work"))
    request = Stream(recorder, now_ns())
    request.may_join = True
    with Entered(request), resume_stream(handle):
        assert request.context is job.context
