"""The recorder's work: nothing of it grows while it hangs, and what is thrown away is counted."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from functools import partial

import pytest

from otel_sse import limits
from otel_sse.stream.chunk import Finding
from otel_sse.stream.stage import StageInfo, StageSpec
from otel_sse.telemetry.clock import now_ns
from tests.hanging import Hanging
from tests.recording.made import Bench, Benches, abandon, attributes, dropped, frame, outcomes, points


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


def test_dropped_iterators_end_while_it_hangs(hung: Bench) -> None:
    """What destructors ask to end is ended by those that begin stages, so that it does not pile up."""
    for _ in range(50):
        record = hung.open()
        record.end_later(partial(abandon, record))
    assert len(hung.recorder.background.writer._ends) <= 2
    assert len(hung.recorder.background.writer._live) <= 5


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


class Raced(deque[Callable[[], None]]):
    """What is to end, of which another pass takes one between the count and the taking."""

    def __len__(self) -> int:
        return super().__len__() + 1


def test_two_passes_at_once_share_what_was_dropped(make_bench: Benches) -> None:
    """What a pass counted and another one took by then is no error, and the rest of the pass is done."""
    bench = make_bench(flush_interval_seconds=3600)
    record = bench.open()
    bench.recorder.background.writer._ends = Raced()
    record.end_later(partial(abandon, record))
    assert [span.attributes["sse.stream.outcome"] for span in bench.spans() if span.attributes] == ["abandoned"]
    bench.recorder.background.writer._ends = deque()


def test_a_stage_that_is_read_for_nobody_ends_in_the_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once no chunk has crossed for UNREAD_SILENCE_NS it is abandoned; a chunk within that time lets it go on."""
    quiet, busy = bench.open(), bench.open()
    writer = bench.recorder.background.writer
    assert writer.watch_unread(quiet)
    assert writer.watch_unread(busy)
    bench.recorder.flush()
    assert not quiet.ended
    busy.feed(frame(1), now_ns() + limits.UNREAD_SILENCE_NS, 0)
    monkeypatch.setattr(limits, "UNREAD_SILENCE_NS", 0)
    bench.recorder.flush()
    assert (quiet.ended, busy.ended) == (True, False)
    busy.close("cancelled")
    bench.recorder.flush()
    assert outcomes(bench) == {"abandoned": 1, "cancelled": 1}


def test_only_so_many_stages_are_read_for_nobody(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past MAX_UNREAD_STAGES a stage may not go on; one that has ended makes room."""
    monkeypatch.setattr(limits, "MAX_UNREAD_STAGES", 1)
    writer = bench.recorder.background.writer
    first, second = bench.open(), bench.open()
    assert writer.watch_unread(first)
    assert not writer.watch_unread(second)
    first.close("completed")
    bench.recorder.flush()
    assert writer.watch_unread(second)
    second.close("completed")
