"""The recorder: off the request's thread, bounded, safe after fork, never the application's trouble."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import INVALID_SPAN_CONTEXT

from otel_sse import limits
from otel_sse.errors import ConfigurationError
from otel_sse.options import Options
from otel_sse.recording.recorder import Recorder
from otel_sse.recording.stage_record import StageRecord
from otel_sse.stream.stage import StageInfo, StageSpec
from otel_sse.telemetry import internal
from otel_sse.telemetry.clock import now_ns
from tests.recording.made import END, Bench, Benches, attributes, frame, points


def recorder_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "otel-sse-recorder"]


def test_no_thread_before_the_first_stream_and_none_after_shutdown(make_bench: Benches) -> None:
    """The recorder's thread starts with the first stream and ends with the recorder."""
    before = len(recorder_threads())
    bench = make_bench()
    assert len(recorder_threads()) == before
    bench.stream(1)
    assert len(recorder_threads()) == before + 1
    bench.recorder.shutdown()
    assert len(recorder_threads()) == before


def test_a_stream_that_ends_is_written_without_anybody_asking(make_bench: Benches) -> None:
    """The end of a stream wakes the recorder: its spans come without a flush."""
    bench = make_bench(flush_interval_seconds=3600.0)
    bench.stream(3)
    until(lambda: len(bench.exporter.get_finished_spans()) == 1)


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


def test_shutdown_ends_open_streams_as_abandoned(make_bench: Benches) -> None:
    """A stream that is open at shutdown ends once, as abandoned, with all that had crossed."""
    bench = make_bench()
    record = bench.open()
    record.feed(frame(1), now_ns(), 0)
    bench.recorder.shutdown()
    (span,) = bench.spans()
    assert attributes(span)["sse.stream.outcome"] == "abandoned"
    assert len(span.events) == 1


def test_a_stream_opened_after_shutdown_is_still_written(make_bench: Benches) -> None:
    """An application that goes on after shutdown loses no stream; the thread that it has for that ends with it."""
    bench = make_bench()
    bench.recorder.shutdown()
    before = len(recorder_threads())
    bench.stream(2)
    until(lambda: len(recorder_threads()) == before)
    assert [attributes(span)["sse.stream.outcome"] for span in bench.exporter.get_finished_spans()] == ["completed"]


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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork, which this system does not have")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_records_its_own_streams_and_the_parent_its_own(make_bench: Benches) -> None:
    """After fork the child has a fresh queue and thread; the parent's open stream goes on in the parent alone."""
    bench = make_bench()
    record = bench.open()
    record.feed(frame(1), now_ns(), 0)
    bench.recorder.flush()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            bench.exporter.clear()
            bench.stream(2)
            spans = bench.spans()
            alive = len(recorder_threads())
            os.write(write, f"{len(spans)} {len(spans[0].events)} {alive}".encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 100) == b"1 3 1"
    os.close(read)
    os.close(write)
    record.feed(frame(2) + END, now_ns(), 0)
    record.close("completed")
    assert [event["sse.chunk.seq"] for event in bench.events()] == [1, 2, 3]


class Broken(RuntimeError):
    """An error that otel_sse would have made itself."""


def _raise(*_: Any) -> Any:
    raise Broken("secret text of a frame")


def test_an_internal_error_while_writing_is_counted_and_the_rest_goes_on(
    make_bench: Benches, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A recorder that fails on one entry counts it, logs it once without the message, and still ends the span."""
    monkeypatch.setattr(internal, "reraise", False)
    bench = make_bench()
    record = bench.open()
    monkeypatch.setattr(record.segments, "write", _raise)
    with caplog.at_level(logging.WARNING, "otel_sse"):
        record.feed(frame(1) + END, now_ns(), 0)
        record.close("completed")
        (span,) = bench.spans()
    assert attributes(span)["sse.stream.outcome"] == "completed"
    errors = {dict(labels)["site"]: point.value for labels, point in bench.points("sse.internal_errors").items()}
    assert errors["record"] == 2
    assert len(caplog.records) == 1
    assert "secret" not in caplog.text


def test_after_a_few_internal_errors_a_stage_stops_observing(
    make_bench: Benches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the cap of errors a stage looks away, and its outcome is not guessed."""
    monkeypatch.setattr(internal, "reraise", False)
    bench = make_bench()
    record = bench.open()
    for _ in range(limits.MAX_STAGE_ERRORS - 1):
        record.failed(Broken())
    record.feed(frame(1), now_ns(), 0)
    record.failed(Broken())
    record.feed(frame(2), now_ns(), 0)
    totals = record.close("completed")
    assert (totals.chunks, totals.outcome) == (1, "unparsed")


def test_under_the_test_suite_an_internal_error_is_raised(make_bench: Benches) -> None:
    """With `internal.reraise` an internal error is raised as well as counted."""
    bench = make_bench()
    with pytest.raises(Broken):
        bench.open().failed(Broken())


def test_the_end_hook_sees_the_span_and_the_totals_and_may_fail(
    make_bench: Benches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`on_stream_end` can add attributes to the last span; one that raises harms nothing and is counted."""
    monkeypatch.setattr(internal, "reraise", False)
    bench = make_bench(on_stream_end=lambda span, totals: span.set_attribute("app.chunks", totals.chunks))
    bench.stream(2)
    assert attributes(bench.spans()[-1])["app.chunks"] == 3
    broken = make_bench(on_stream_end=_raise)
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
    bench = make_bench(content_of=_raise)
    bench.stream(2)
    errors = {dict(labels)["site"]: point.value for labels, point in bench.points("sse.internal_errors").items()}
    assert errors["hook"] == 3
    assert len(bench.events()) == 3


class Raced(deque[Callable[[], None]]):
    """What is to end, of which another pass takes one between the count and the taking."""

    def __len__(self) -> int:
        return super().__len__() + 1


def test_two_passes_at_once_share_what_was_dropped(make_bench: Benches) -> None:
    """What a pass counted and another one took by then is no error, and the rest of the pass is done."""
    bench = make_bench(flush_interval_seconds=3600)
    record = bench.open()
    bench.recorder.background.writer._ends = Raced()
    record.end_later(partial(end, record))
    assert [span.attributes["sse.stream.outcome"] for span in bench.spans() if span.attributes] == ["abandoned"]
    bench.recorder.background.writer._ends = deque()


def test_error_of_a_whole_pass_is_counted(make_bench: Benches, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that no step of a pass caught is an internal error, and later streams are recorded."""
    monkeypatch.setattr(internal, "reraise", False)
    bench = make_bench(flush_interval_seconds=0.005)

    def fail(roll: bool) -> None:
        raise IndexError("ours")

    with monkeypatch.context() as broken:
        broken.setattr(bench.recorder.background.writer, "_look_at_open", fail)
        bench.open()
        until(lambda: bench.recorder.background._worker is not None and _failures(bench) > 0)
    bench.stream(1)
    until(lambda: len(bench.exporter.get_finished_spans()) == 1)


def test_thread_that_died_is_replaced_by_the_next_stream(make_bench: Benches, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook that ends its thread ends no more than that: the next stream has a thread again."""
    monkeypatch.setattr(threading, "excepthook", lambda args: None)

    left: list[object] = []

    def leave(span: object, totals: object) -> None:
        if not left:
            left.append(span)
            raise SystemExit

    bench = make_bench(flush_interval_seconds=0.005, on_stream_end=leave)
    bench.stream(1)
    first = bench.recorder.background._worker
    assert first is not None
    until(lambda: not first.alive)
    bench.open()
    assert bench.recorder.background._worker is not first
    assert bench.recorder.background._worker is not None
    assert bench.recorder.background._worker.alive


def end(record: StageRecord) -> None:
    """End a stage, as a destructor's request does."""
    record.close("abandoned")


def until(done: Callable[[], bool]) -> None:
    """Wait until `done()`, a minute at most."""
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end
        time.sleep(0.002)


def _failures(bench: Bench) -> int:
    return int(points(bench.reader, "sse.internal_errors")[(("site", "record"),)].value)


def test_where_no_thread_can_be_started_streams_go_on(make_bench: Benches, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that has no thread left is counted as an internal error, and a flush writes by itself."""

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    bench = make_bench()
    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", refuse)
        bench.stream(2)
        assert len(bench.spans()) == 1
        assert points(bench.reader, "sse.internal_errors")[(("site", "open"),)].value == 1
    bench.stream(2)
    until(lambda: len(bench.exporter.get_finished_spans()) == 2)
