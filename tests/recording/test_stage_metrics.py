"""What the metrics are told of stages: once, whoever tells, and before anything slow."""

from __future__ import annotations

import threading

import pytest

from otel_sse import limits
from otel_sse.recording.stage_metrics import StageMetrics
from otel_sse.telemetry import internal
from otel_sse.telemetry.clock import now_ns
from tests.hanging import Hanging
from tests.recording.made import END, Bench, Benches, dropped, fail, failures, frame, outcomes, points, total


def test_outcomes_are_told_while_it_hangs(hung: Bench) -> None:
    """Streams that end are counted as ended, and none as open, though the recorder comes to none of them."""
    for _ in range(200):
        hung.stream(2)
    # Whoever collects metrics is told of the last ones too, though nothing else ends.
    points(hung.reader, "sse.recorder.queued")
    assert outcomes(hung) == {"completed": 201}
    assert total(hung, "sse.chunks") == 200 * 3 + 2
    assert total(hung, "sse.streams.active") == 0


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


@pytest.fixture
def numbers(bench: Bench) -> StageMetrics:
    """Reports to the recorder's metrics, beside the recorder."""
    return StageMetrics(bench.recorder.metrics, bench.recorder.errors)


def test_end_is_reported_once(bench: Bench, numbers: StageMetrics) -> None:
    """Whoever comes second to a stage's end finds it reported, be it in bulk or one by one."""
    with bench.recorder.background.writer.lock:
        record = bench.stream(1)
        numbers.end(record)
        numbers.report_end(record)
        numbers.report_in_bulk()
        numbers.forgo(record)
        numbers.report_end(record)
        numbers.report_forgone()
    assert outcomes(bench) == {"completed": 1}
    assert total(bench, "sse.streams.active") == 0


def test_stage_in_hand_is_left_to_the_thread(bench: Bench, numbers: StageMetrics) -> None:
    """What the recorder's thread is at is not reported in its place; once it is elsewhere, it is."""
    with bench.recorder.background.writer.lock:
        record = bench.stream(1)
        numbers.in_hand = record
        numbers.end(record)
        numbers.report_in_bulk()
        assert (numbers.pending, record.end_reported) == (1, False)
        numbers.in_hand = None
        numbers.report_in_bulk()
        assert (numbers.pending, record.end_reported) == (0, True)
        assert not numbers.report_begin(record)
        numbers.report_forgone()
    assert outcomes(bench) == {"completed": 1}


def test_nothing_that_has_ended_is_nothing_to_report(numbers: StageMetrics) -> None:
    """A report in bulk of no stage is none."""
    numbers.report_in_bulk()
    assert numbers.pending == 0


def test_error_of_a_metric_harms_no_other(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A metric that raises is an internal error of its own: the stage's other numbers are told."""
    monkeypatch.setattr(internal, "reraise", False)
    monkeypatch.setattr(bench.recorder.metrics, "opened", fail)
    bench.stream(1)
    bench.recorder.flush()
    assert outcomes(bench) == {"completed": 1}
    assert failures(bench, "record") == 1
