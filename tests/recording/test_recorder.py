"""The recorder: off the request's thread, bounded, safe after fork, never the application's trouble."""

from __future__ import annotations

import logging
import threading

import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import INVALID_SPAN_CONTEXT

from otel_sse.errors import ConfigurationError
from otel_sse.options import Options
from otel_sse.recording.recorder import Recorder
from otel_sse.stream.stage import StageInfo, StageSpec
from otel_sse.telemetry import internal
from otel_sse.telemetry.clock import now_ns
from tests.recording.made import END, Benches, attributes, fail, frame


def test_totals_stand_on_the_last_segment(make_bench: Benches) -> None:
    """Sums, times and outcome of a stream are attributes of its last span."""
    bench = make_bench()
    bench.stream(3)
    found = attributes(bench.spans()[-1])
    assert found["sse.stream.chunks"] == 4
    assert found["sse.stream.content_chunks"] == 3
    assert found["sse.stream.content_bytes"] == len("word 1 word 2 word 3 ")
    assert found["sse.stream.bytes"] == sum(len(frame(n)) for n in (1, 2, 3)) + len(END)
    assert found["sse.stream.outcome"] == "completed"
    assert found["http.route"] == "/chat"
    assert 0 <= found["sse.stream.time_to_first_event"] <= found["sse.stream.time_to_first_content"]


def test_a_full_queue_drops_and_says_so(make_bench: Benches) -> None:
    """At the queue's size nothing is dropped; one past it is counted on the span and in the metric."""
    for size, dropped in ((5, 0), (4, 1)):
        bench = make_bench(queue_size=size)
        bench.open(stage="warm_up").close("completed")
        with bench.recorder.background.writer.lock:
            bench.stream(4)
        assert len(bench.events()) == size
        assert attributes(bench.spans()[-1]).get("sse.stream.dropped", 0) == dropped
        assert attributes(bench.spans()[-1])["sse.stream.chunks"] == 5
        assert bench.points("sse.recorder.dropped")[(("stage", "socket_write"),)].value == dropped


def test_room_is_given_back(make_bench: Benches) -> None:
    """What has been written makes room for what comes."""
    bench = make_bench(queue_size=4)
    for _ in range(5):
        bench.stream(3)
        bench.recorder.flush()
    assert len(bench.events()) == 20


def test_an_unsampled_stream_is_checked_and_counted_and_makes_no_events(make_bench: Benches) -> None:
    """Detection and metrics never depend on sampling, and nothing is journaled for a trace nobody keeps."""
    bench = make_bench(sampler=ALWAYS_OFF)
    record = bench.open()
    for body in (frame(1), END, END):
        record.feed(body, now_ns(), 0)
    totals = record.close("completed")
    assert record.journal is None
    assert (totals.chunks, totals.duplicates) == (3, 1)
    assert bench.spans() == []
    (point,) = [p for labels, p in bench.points("sse.chunks").items() if ("route", "/chat") in labels]
    assert point.value == 3


def test_without_an_sdk_everything_is_a_no_op_and_totals_are_right() -> None:
    """With the API's own providers a stream is observed, its context is invalid, and nothing fails."""
    from opentelemetry.metrics import NoOpMeterProvider
    from opentelemetry.trace import NoOpTracerProvider

    recorder = Recorder(Options.resolve({}), NoOpTracerProvider(), NoOpMeterProvider())
    record = recorder.open(StageInfo(StageSpec("socket_write"), "s"), now_ns())
    record.feed(frame(1) + END, now_ns(), 0)
    assert record.close("completed").chunks == 2
    assert record.span_context == INVALID_SPAN_CONTEXT
    recorder.shutdown()


def test_many_threads_lose_nothing(make_bench: Benches) -> None:
    """Streams of several threads are all written, each whole and in order."""
    bench = make_bench()
    threads = [threading.Thread(target=bench.stream, args=(200,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = bench.events()
    assert len(events) == 8 * 201


def test_an_internal_error_while_writing_is_counted_and_the_rest_goes_on(
    make_bench: Benches, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A recorder that fails on one entry counts it, logs it once without the message, and still ends the span."""
    monkeypatch.setattr(internal, "reraise", False)
    bench = make_bench()
    record = bench.open()
    monkeypatch.setattr(record.segments, "write", fail)
    with caplog.at_level(logging.WARNING, "otel_sse"):
        record.feed(frame(1) + END, now_ns(), 0)
        record.close("completed")
        (span,) = bench.spans()
    assert attributes(span)["sse.stream.outcome"] == "completed"
    errors = {dict(labels)["site"]: point.value for labels, point in bench.points("sse.internal_errors").items()}
    assert errors["record"] == 2
    assert len(caplog.records) == 1
    assert "secret" not in caplog.text


def test_the_end_hook_sees_the_span_and_the_totals_and_may_fail(
    make_bench: Benches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`on_stream_end` can add attributes to the last span; one that raises harms nothing and is counted."""
    monkeypatch.setattr(internal, "reraise", False)
    bench = make_bench(on_stream_end=lambda span, totals: span.set_attribute("app.chunks", totals.chunks))
    bench.stream(2)
    assert attributes(bench.spans()[-1])["app.chunks"] == 3
    broken = make_bench(on_stream_end=fail)
    broken.stream(2)
    assert attributes(broken.spans()[-1])["sse.stream.outcome"] == "completed"
    errors = {dict(labels)["site"]: point.value for labels, point in broken.points("sse.internal_errors").items()}
    assert errors["hook"] == 1


def test_content_is_not_in_the_trace_unless_asked_for(make_bench: Benches) -> None:
    """No span or event holds the text; with `capture_content` each chunk does."""
    plain, open_minded = make_bench(), make_bench(capture_content=True)
    for bench in (plain, open_minded):
        bench.stream(1)
    assert not any("word 1" in span.to_json() for span in plain.spans())
    assert open_minded.events()[0]["sse.chunk.content"] == "word 1 "


def test_a_key_changes_the_digests(make_bench: Benches) -> None:
    """With `digest_key` digests are keyed, so that a short text can't be looked up."""
    plain, keyed = make_bench(), make_bench(digest_key="k")
    for bench in (plain, keyed):
        bench.stream(1)
    before, after = plain.events()[0]["sse.chunk.digest"], keyed.events()[0]["sse.chunk.digest"]
    assert before != after
    assert len(before) == len(after) == 12


def test_a_dialect_nobody_knows_is_told_when_the_recorder_is_made(make_bench: Benches) -> None:
    """A misspelt dialect's name is refused at once, and not at the first stream."""
    with pytest.raises(ConfigurationError, match="open-ai"):
        make_bench(dialect="open-ai")


def test_errors_of_the_users_content_function_are_counted(make_bench: Benches, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `content_of` that raises costs no chunk, and each time is counted as an error of a hook."""
    monkeypatch.setattr(internal, "reraise", False)
    bench = make_bench(content_of=fail)
    bench.stream(2)
    errors = {dict(labels)["site"]: point.value for labels, point in bench.points("sse.internal_errors").items()}
    assert errors["hook"] == 3
    assert len(bench.events()) == 3
