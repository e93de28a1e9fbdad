"""The recorder's work: nothing of it grows while it hangs, and what is thrown away is counted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from otel_sse import limits
from otel_sse.stream.chunk import Finding
from otel_sse.stream.stage import StageInfo, StageSpec
from otel_sse.telemetry.clock import now_ns
from tests.hanging import Hanging
from tests.recording.made import END, Bench, Benches, attributes, frame, points
from tests.recording.test_recorder import end


@pytest.fixture
def hook() -> Iterator[Hanging]:
    """A hook that hangs until the test is over, at the latest."""
    made = Hanging()
    yield made
    made.let_go.set()


@pytest.fixture
def hung(make_bench: Benches, hook: Hanging, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A recorder that hangs in the hook at the end of its first stream, and is known to."""
    monkeypatch.setattr(limits, "RECORDER_HUNG_NS", 0)
    monkeypatch.setattr(limits, "MAX_ENDED_STAGES_HUNG", 3)
    bench = make_bench(on_stream_end=hook, shutdown_timeout_seconds=0.001)
    bench.stream(1)
    assert hook.reached.wait(60)
    return bench


def dropped(bench: Bench) -> int:
    """The counter of dropped chunks, as whoever collects metrics sees it now."""
    return int(points(bench.reader, "sse.recorder.dropped")[(("stage", "socket_write"),)].value)


def outcomes(bench: Bench) -> dict[str, int]:
    found = points(bench.reader, "sse.streams.ended")
    return {dict(labels)["outcome"]: point.value for labels, point in found.items() if point.value}


def total(bench: Bench, metric: str) -> int:
    return sum(int(point.value) for point in points(bench.reader, metric).values())


def test_stages_that_end_while_the_recorder_hangs_are_bounded(hung: Bench) -> None:
    """At MAX_ENDED_STAGES_HUNG all wait; one past it the oldest is thrown away, and counted by whoever ended one."""
    for _ in range(3):
        hung.stream(2)
    assert dropped(hung) == 0
    hung.stream(4)
    assert dropped(hung) == 3
    assert len(hung.recorder.background.writer._live) == 3


def test_stages_that_end_at_once_are_bounded_too(
    make_bench: Benches, hook: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recorder that is merely busy has MAX_ENDED_STAGES before it; one past it the oldest goes."""
    monkeypatch.setattr(limits, "MAX_ENDED_STAGES", 5)
    bench = make_bench(on_stream_end=hook)
    bench.stream(1)
    assert hook.reached.wait(60)
    for _ in range(5):
        bench.stream(1)
    assert dropped(bench) == 0
    bench.stream(1)
    assert dropped(bench) == 2


def test_numbers_of_stages_that_were_thrown_away_stay_true(hung: Bench, hook: Hanging) -> None:
    """Chunks, findings and outcomes are counted whatever became of the spans, and no stream stays open for ever."""
    for _ in range(200):
        record = hung.open()
        for body in (frame(1), END, END):
            record.feed(body, now_ns(), 0)
        record.close("completed")
    hook.let_go.set()
    hung.recorder.flush()
    assert outcomes(hung) == {"completed": 201}
    assert total(hung, "sse.chunks") == 200 * 3 + 2
    assert total(hung, "sse.duplicate_chunks") == 200
    assert total(hung, "sse.streams.active") == 0
    assert len(hung.events()) + dropped(hung) == 200 * 3 + 2


def test_outcomes_are_told_while_it_hangs(hung: Bench) -> None:
    """Streams that end are counted as ended, and none as open, though the recorder comes to none of them."""
    for _ in range(200):
        hung.stream(2)
    # Whoever collects metrics is told of the last ones too, though nothing else ends.
    points(hung.reader, "sse.recorder.queued")
    assert outcomes(hung) == {"completed": 201}
    assert total(hung, "sse.chunks") == 200 * 3 + 2
    assert total(hung, "sse.streams.active") == 0


def test_stages_that_wait_too_long_are_bounded(
    make_bench: Benches, hook: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recorder that gets on, but cannot keep up, counts as hung by the oldest stage that waits."""
    monkeypatch.setattr(limits, "MAX_ENDED_STAGES_HUNG", 3)
    bench = make_bench(on_stream_end=hook)
    bench.stream(1)
    assert hook.reached.wait(60)
    writer = bench.recorder.background.writer
    for _ in range(10):
        bench.stream(1)
    before, lost = writer.hung, dropped(bench)
    writer._ended[0].waits_since_ns -= limits.RECORDER_HUNG_NS + 60_000_000_000
    assert (before, writer.hung, lost) == (False, True, 0)
    bench.stream(1)
    assert dropped(bench) > 0


def test_a_slow_hook_makes_no_number_late(make_bench: Benches, hook: Hanging) -> None:
    """Of all that have ended the metrics are told before the next one is written."""
    bench = make_bench(on_stream_end=hook)
    with bench.recorder.background.writer.lock:
        for _ in range(5):
            bench.stream(1)
    assert hook.reached.wait(60)
    assert outcomes(bench) == {"completed": 5}


def test_numbers_stay_true_whoever_tells_them(make_bench: Benches, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams of many threads are each counted once, be it by the recorder or by those that end streams beside it."""
    monkeypatch.setattr(limits, "RECORDER_HUNG_NS", 0)
    monkeypatch.setattr(limits, "MAX_ENDED_STAGES_HUNG", 5)
    bench = make_bench(flush_interval_seconds=0.001)
    threads = [threading.Thread(target=lambda: [bench.stream(1) for _ in range(300)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bench.recorder.flush()
    assert outcomes(bench) == {"completed": 1_200}
    assert total(bench, "sse.streams.active") == 0
    assert total(bench, "sse.chunks") == 2_400
    assert len(bench.events()) + dropped(bench) == 2_400


def test_numbers_are_told_while_it_hangs(hung: Bench) -> None:
    """What waits and what was dropped is told to whoever collects metrics, and not only when the recorder gets on."""
    record = hung.open()
    for number in range(10):
        record.feed(frame(number), now_ns(), 0)
    (point,) = points(hung.reader, "sse.recorder.queued").values()
    assert point.value == 10
    for _ in range(100):
        hung.stream(1)
    assert dropped(hung) == 97 * 2


def test_chunks_of_an_open_stream_are_bounded_while_it_hangs(make_bench: Benches, hook: Hanging) -> None:
    """A stream that goes on drops its oldest chunks and has them counted at once."""
    bench = make_bench(on_stream_end=hook, queue_size=100)
    bench.stream(1)
    assert hook.reached.wait(60)
    record = bench.open()
    for number in range(1_000):
        record.feed(frame(number), now_ns(), 0)
    assert record.journal is not None
    assert len(record.journal) == 100
    assert 1_000 - 100 - dropped(bench) < 64
    record.close("completed")
    assert dropped(bench) == 900


def test_a_stage_in_the_recorders_hand_is_not_thrown_away(hung: Bench, hook: Hanging) -> None:
    """What the recorder is at stays whole: where it gets on, it writes that."""
    hook.let_go.set()
    hung.recorder.flush()
    spans = hung.exporter.get_finished_spans()
    assert [attributes(span)["sse.stream.outcome"] for span in spans] == ["completed"]
    assert dropped(hung) == 0


def test_deferred_steps_are_bounded(hung: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """At MAX_DEFERRED_STEPS a step waits; one past it is forgotten, and counted."""
    monkeypatch.setattr(limits, "MAX_DEFERRED_STEPS", 2)
    done: list[int] = []
    for number in range(3):
        hung.recorder.background.defer(lambda number=number: done.append(number))  # type: ignore[misc]
    assert points(hung.reader, "sse.recorder.dropped")[(("stage", "request"),)].value == 1


def test_a_deferred_step_is_done_soon_though_nothing_is_open(make_bench: Benches) -> None:
    """A step wakes the recorder's thread, which does it, and a flush waits for it."""
    bench = make_bench()
    seen: list[str] = []
    bench.recorder.background.defer(lambda: seen.append(threading.current_thread().name))
    bench.recorder.flush()
    assert seen == ["otel-sse-recorder"]


def test_dropped_iterators_end_while_it_hangs(hung: Bench) -> None:
    """What destructors ask to end is ended by those that begin stages, so that it does not pile up."""
    for _ in range(50):
        record = hung.open()
        record.end_later(partial(end, record))
    assert len(hung.recorder.background.writer._ends) <= 2
    assert len(hung.recorder.background.writer._live) <= 5


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


def test_a_stage_is_given_up_once(make_bench: Benches, hook: Hanging) -> None:
    """Where the recorder hangs in a hook at a start, a stage that it has told of before is lost, and counted, once."""
    bench = make_bench(shutdown_timeout_seconds=0.001)
    with bench.recorder.background.writer.lock:
        bench.stream(1)
        bench.recorder.background.defer(lambda: None)
        bench.recorder.background.call_hook(hook, None, None)
    assert hook.reached.wait(60)
    assert bench.recorder.background.writer.forgo_all() == (1, 2)
    assert dropped(bench) == 2


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


def test_a_stream_may_end_in_the_middle_of_another_ones_end(hung: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal handler that ends a stream while the same thread ends one waits for no lock of its own."""
    writer = hung.recorder.background.writer
    with writer.numbers._claims, writer.numbers._forgone._lock, writer.room.lock:
        for _ in range(5):
            hung.stream(100)
    assert dropped(hung) > 0


def test_findings_that_go_are_no_chunks(hung: Bench) -> None:
    """What is counted as dropped are chunks: a stage that is thrown away with findings of its own adds none."""
    for _ in range(20):
        record = hung.open()
        record.feed(frame(1), now_ns(), 0)
        record.monitor.note(Finding("stall/content", "certain", "socket_write", 1), now_ns())
        record.close("completed")
    assert 0 < dropped(hung) <= 20


def test_closing_a_stage_waits_for_nothing(hung: Bench) -> None:
    """Streams begin, go on and end while the recorder hangs in the middle of its work."""
    ended = threading.Event()

    def stream() -> None:
        hung.stream(3)
        ended.set()

    threading.Thread(target=stream).start()
    assert ended.wait(60)


def test_the_room_of_all_stages_is_bounded(make_bench: Benches, hook: Hanging, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many streams are open while the recorder hangs, what waits is bounded."""
    bench = make_bench(on_stream_end=hook)
    bench.recorder.background.writer.room._left = 128
    bench.stream(1)
    assert hook.reached.wait(60)
    records = [bench.recorder.open(StageInfo(StageSpec("socket_write"), f"s{number}"), now_ns()) for number in range(5)]
    for record in records:
        for number in range(100):
            record.feed(frame(number), now_ns(), 0)
    (point,) = points(bench.reader, "sse.recorder.queued").values()
    # The first one took two blocks of 64 to hold its 100.
    assert point.value == 100 + 4 * 16
    for record in records:
        record.close("completed")
    assert dropped(bench) == 500 - 100 - 4 * 16
