"""Numbers of stages that the recorder does not come to: none is lost, and none is told twice."""

from __future__ import annotations

from collections import Counter

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_sse.recording import forgone
from otel_sse.recording.forgone import Forgone
from otel_sse.recording.stage_record import StageRecord
from otel_sse.telemetry.clock import now_ns
from otel_sse.telemetry.metrics import Metrics
from tests.recording.made import END, Bench, frame, points


@pytest.fixture(autouse=True)
def by_count_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers are handed over by how many stages they are of, and not by the time that passes."""
    monkeypatch.setattr(forgone, "_OFTEN_NS", 2**63)


@pytest.fixture
def reader() -> InMemoryMetricReader:
    """Reads what a `Forgone` has told, and not what the recorder has."""
    return InMemoryMetricReader()


@pytest.fixture
def pending(reader: InMemoryMetricReader) -> Forgone:
    """Nothing yet."""
    return Forgone(Metrics(MeterProvider([reader], shutdown_on_exit=False).get_meter("t")))


def ended(bench: Bench, stage: str = "emit", outcome: str = "completed") -> StageRecord:
    """A stage that two chunks and a second end have crossed."""
    record = bench.open(stage)
    for body in (frame(1), END, END):
        record.feed(body, now_ns(), 0)
    record.monitor.end(outcome, now_ns())
    return record


def told(reader: InMemoryMetricReader, metric: str, label: str) -> dict[str, int]:
    """The sums of a metric by one of its labels, those of 0 left out."""
    sums: Counter[str] = Counter()
    for labels, point in points(reader, metric).items():
        sums[dict(labels)[label]] += point.value
    return {each: value for each, value in sums.items() if value}


def test_stages_are_summed_until_they_are_many(bench: Bench, pending: Forgone, reader: InMemoryMetricReader) -> None:
    """One stage fewer than are told together tell nothing yet; with the last one all are told."""
    record = ended(bench)
    for _ in range(forgone._TOGETHER - 1):
        pending.add(record)
    assert told(reader, "sse.streams.ended", "outcome") == {}
    pending.add(record)
    assert told(reader, "sse.streams.ended", "outcome") == {"completed": forgone._TOGETHER}
    assert told(reader, "sse.chunks", "stage") == {"emit": 3 * forgone._TOGETHER}


def test_numbers_are_those_of_each_stage(bench: Bench, pending: Forgone, reader: InMemoryMetricReader) -> None:
    """Chunks, findings and outcomes are told by stage, when somebody asks for them."""
    for stage, outcome in (("emit", "completed"), ("emit", "failed"), ("provider", "completed")):
        pending.add(ended(bench, stage, outcome))
    pending.hand_over()
    pending.hand_over()
    assert told(reader, "sse.chunks", "stage") == {"emit": 6, "provider": 3}
    assert told(reader, "sse.duplicate_chunks", "stage") == {"emit": 2, "provider": 1}
    assert told(reader, "sse.streams.ended", "outcome") == {"completed": 2, "failed": 1}


def test_what_was_told_before_is_not_told_again(bench: Bench, pending: Forgone, reader: InMemoryMetricReader) -> None:
    """Of a stage that the recorder has told of in part, the rest is added; one that was counted as open is closed."""
    with bench.recorder.background.writer.lock:
        record = ended(bench)
        record.handed.chunks, record.begin_reported = 2, True
        pending.add(record)
        pending.hand_over()
        record.begin_reported = False
    assert told(reader, "sse.chunks", "stage") == {"emit": 1}
    assert told(reader, "sse.streams.active", "stage") == {"emit": -1}


def test_discarded_stage_has_no_numbers(bench: Bench, pending: Forgone, reader: InMemoryMetricReader) -> None:
    """A stage that is as if it had not begun adds nothing."""
    record = ended(bench)
    record.discard()
    pending.add(record)
    pending.hand_over()
    assert told(reader, "sse.streams.ended", "outcome") == {}
