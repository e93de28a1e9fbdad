"""The recorder's thread: when it runs, who waits for it, and what a process has of it after a fork."""

from __future__ import annotations

import logging
import os
import threading
from typing import Any

import pytest

from otel_sse.telemetry import internal
from otel_sse.telemetry.clock import now_ns
from tests.recording.made import (
    END,
    Bench,
    Benches,
    attributes,
    dropped,
    failures,
    frame,
    outcomes,
    points,
    until,
)


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


def test_error_of_a_whole_pass_is_counted(make_bench: Benches, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that no step of a pass caught is an internal error, and later streams are recorded."""
    monkeypatch.setattr(internal, "reraise", False)
    bench = make_bench(flush_interval_seconds=0.005)

    def fail(roll: bool) -> None:
        raise IndexError("ours")

    with monkeypatch.context() as broken:
        broken.setattr(bench.recorder.background.writer, "_look_at_open", fail)
        bench.open()
        until(lambda: bench.recorder.background._worker is not None and failures(bench, "record") > 0)
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


def test_a_deferred_step_is_done_soon_though_nothing_is_open(make_bench: Benches) -> None:
    """A step wakes the recorder's thread, which does it, and a flush waits for it."""
    bench = make_bench()
    seen: list[str] = []
    bench.recorder.background.defer(lambda: seen.append(threading.current_thread().name))
    bench.recorder.flush()
    assert seen == ["otel-sse-recorder"]


def test_flush_comes_back_while_the_recorder_hangs(hung: Bench) -> None:
    """A flush waits no longer than it is told, and says that not all is written."""
    assert not hung.recorder.flush(0.001)


def test_shutdown_has_a_deadline_and_says_so_once(hung: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """The process ends whatever an exporter does: what is not written is counted, and told in one line."""
    record = hung.open()
    record.feed(frame(1) + frame(2), now_ns(), 0)
    with caplog.at_level(logging.WARNING, "otel_sse"):
        hung.recorder.shutdown()
    (line,) = caplog.messages
    assert "not done after 0.001 s" in line
    # With the one that it hangs in, which is lost as well.
    assert "2 stages with 4 chunks" in line
    assert dropped(hung) == 4
    assert outcomes(hung) == {"completed": 1, "abandoned": 1}
    assert not hung.recorder.background.has_open


def test_a_hook_may_flush(make_bench: Benches) -> None:
    """A hook that asks for a flush is in the recorder's thread already, and does not wait for itself."""
    flushed: list[bool] = []
    benches: list[Bench] = []
    bench = make_bench(on_stream_end=lambda span, totals: flushed.append(benches[0].recorder.flush()))
    benches.append(bench)
    bench.stream(1)
    assert bench.recorder.flush()
    assert flushed == [True]


def test_hooks_of_two_recorders_may_flush_each_other(make_bench: Benches) -> None:
    """A hook that flushes all recorders waits for none of them: the other one's hook may wait for this one."""
    benches: list[Bench] = []
    flushed: list[bool] = []

    def flush(span: Any, totals: Any) -> None:
        flushed.extend(bench.recorder.flush() for bench in benches)

    benches += [make_bench(on_stream_end=flush) for _ in range(2)]
    for bench in benches:
        bench.stream(1)
    for bench in benches:
        assert bench.recorder.flush(60)
    assert len(flushed) == 4
