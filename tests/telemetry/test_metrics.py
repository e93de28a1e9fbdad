"""Metrics: handed over in bulk, at 0 before the first fault, few label sets."""

from __future__ import annotations

import pytest
from opentelemetry import trace

from otel_sse import limits, semconv
from otel_sse.options import Options
from otel_sse.recording.recorder import Recorder
from otel_sse.stream import kinds
from otel_sse.stream.outcome import OUTCOMES
from otel_sse.stream.stage import StageInfo, StageSpec
from otel_sse.telemetry.clock import now_ns
from tests.recording.made import END, Benches, frame, points


def test_alerting_counters_exist_at_zero_before_the_first_fault(make_bench: Benches) -> None:
    """A stage's duplicate, gap, stall and drop counters are there at 0 as soon as it is instrumented."""
    bench = make_bench()
    bench.recorder.metrics.start("socket_write")
    for metric in (semconv.DUPLICATES, semconv.MISSING, semconv.STALLS, semconv.DROPPED, semconv.FINDINGS):
        found = bench.points(metric.name)
        assert found
        assert all(point.value == 0 for point in found.values())
    kinds = {dict(labels)["kind"] for labels in bench.points("sse.duplicate_chunks")}
    assert kinds == {"terminal", "doubled", "replayed", "restarted", "accumulated", "cumulative", "resent"}


def test_a_new_route_starts_at_zero_too(make_bench: Benches) -> None:
    """The first stream of a route makes that route's counters at 0 before it counts anything else."""
    bench = make_bench()
    bench.open(route="/new")
    labels = [dict(found) for found in bench.points("sse.duplicate_chunks")]
    assert {"stage": "socket_write", "route": "/new", "kind": "terminal", "certainty": "certain"} in labels


def test_totals_are_handed_over_whole_and_once(make_bench: Benches) -> None:
    """However often the recorder looks, chunks and bytes add up to what crossed."""
    bench = make_bench()
    record = bench.open()
    sent = 0
    for number in range(10):
        record.feed(frame(number), now_ns(), 0)
        sent += len(frame(number))
        bench.recorder.flush()
    record.close("completed")
    route = (("route", "/chat"), ("stage", "socket_write"))
    assert bench.points("sse.chunks")[route].value == 10
    assert bench.points("sse.stream.io")[route].value == sent


def test_duplicates_are_counted_by_stage_kind_certainty_and_route(make_bench: Benches) -> None:
    """A repeated terminal is one certain duplicate and one finding."""
    bench = make_bench()
    record = bench.open()
    for body in (frame(1), END, END, END):
        record.feed(body, now_ns(), 0)
    record.close("completed")
    labels = {"stage": "socket_write", "route": "/chat", "certainty": "certain"}
    duplicates = bench.points("sse.duplicate_chunks")[tuple(sorted((labels | {"kind": "terminal"}).items()))]
    findings = bench.points("sse.findings")[tuple(sorted((labels | {"kind": "duplicate/terminal"}).items()))]
    assert (duplicates.value, findings.value) == (2, 2)


def test_missing_chunks_count_the_width_of_a_gap(make_bench: Benches) -> None:
    """A gap of three is three missing chunks and one finding."""
    bench = make_bench()
    record = bench.open()
    for number in (1, 2, 6):
        record.feed(b'data: {"content": "word", "sequence_number": %d}\n\n' % number, now_ns(), 0)
    record.close("completed")
    missing = [p.value for labels, p in bench.points("sse.missing_chunks").items() if ("route", "/chat") in labels]
    assert sum(missing) == 3


def test_the_number_of_open_streams_goes_back_to_zero(make_bench: Benches) -> None:
    """Active streams are counted up at the start and down at the end."""
    bench = make_bench()
    record = bench.open()
    (point,) = bench.points("sse.streams.active").values()
    assert point.value == 1
    record.close("cancelled")
    (point,) = bench.points("sse.streams.active").values()
    assert point.value == 0


def test_durations_and_first_times_are_recorded_once_a_stream(make_bench: Benches) -> None:
    """Each stream adds one value to the histograms of duration, first event and first content."""
    bench = make_bench()
    for _ in range(3):
        bench.stream(2)
    for metric in (semconv.DURATION, semconv.TTFE, semconv.TTFC):
        (point,) = bench.points(metric.name).values()
        assert point.count == 3


def test_one_interval_in_sixteen_is_recorded(make_bench: Benches) -> None:
    """`interval_sample` thins the interval histogram evenly; 1 records all 47 intervals of 48 chunks."""
    for sample, count in ((16, 3), (1, 47)):
        bench = make_bench(interval_sample=sample)
        bench.stream(47)
        (point,) = bench.points("sse.chunk.interval").values()
        assert point.count == count


def test_routes_past_the_cap_are_counted_together(make_bench: Benches) -> None:
    """At MAX_ROUTES each route has its own label; one past it is `other`."""
    bench = make_bench()
    for number in range(limits.MAX_ROUTES + 1):
        bench.open(route=f"/r{number}").close("completed")
    routes = {dict(labels).get("route") for labels in bench.points("sse.streams.active")}
    assert f"/r{limits.MAX_ROUTES - 1}" in routes
    assert f"/r{limits.MAX_ROUTES}" not in routes
    assert "other" in routes


def test_stages_past_the_cap_are_counted_together(make_bench: Benches) -> None:
    """At MAX_STAGE_LABELS each stage has its own label; one past it is `other`, in every metric that names stages."""
    bench = make_bench()
    metrics = bench.recorder.metrics
    for number in range(limits.MAX_STAGE_LABELS + 1):
        record = bench.open(stage=f"s{number}", route="")
        metrics.latencies(record.info, f"s{number}", [1], trace.set_span_in_context(record.span))
        record.close("completed")
    for name, label in (
        ("sse.streams.active", "stage"),
        ("sse.recorder.queued", "stage"),
        ("sse.stage.latency", "from"),
    ):
        stages = {dict(labels).get(label) for labels in bench.points(name)}
        assert f"s{limits.MAX_STAGE_LABELS - 1}" in stages
        assert f"s{limits.MAX_STAGE_LABELS}" not in stages
        assert "other" in stages


def test_exemplars_carry_the_trace(make_bench: Benches) -> None:
    """A counted duplicate has an exemplar with the id of the trace that it happened in."""
    bench = make_bench()
    record = bench.open()
    for body in (END, END):
        record.feed(body, now_ns(), 0)
    record.close("completed")
    exemplars = [
        exemplar.trace_id
        for labels, point in bench.points("sse.duplicate_chunks").items()
        if ("kind", "terminal") in labels
        for exemplar in point.exemplars
    ]
    assert record.span_context.trace_id in exemplars


def test_labels_are_those_the_tables_declare(make_bench: Benches) -> None:
    """No metric has a label that semconv does not declare for it: never an id, a digest or a path."""
    bench = make_bench()
    bench.stream(3)
    for metric in semconv.METRICS:
        for labels in bench.points(metric.name):
            assert set(dict(labels)) <= set(metric.labels)


def test_each_ended_stream_is_counted_by_its_outcome(make_bench: Benches) -> None:
    """Outcomes are counted once a stream, and each one exists at 0 before it first happens."""
    bench = make_bench()
    bench.stream(2)
    bench.stream(2, "failed")
    found = {dict(labels)["outcome"]: point.value for labels, point in bench.points("sse.streams.ended").items()}
    assert found == dict.fromkeys(OUTCOMES, 0) | {"completed": 1, "failed": 1}


def test_what_waits_is_told_while_a_stream_is_open_and_is_none_afterwards(make_bench: Benches) -> None:
    """The queue's figure is what waits while metrics are collected, and 0 once it is written."""
    bench = make_bench(flush_interval_seconds=60)
    record = bench.open()
    with bench.recorder.background.writer.lock:
        for number in range(5):
            record.feed(frame(number), now_ns(), 0)
        (point,) = points(bench.reader, "sse.recorder.queued").values()
        assert point.value == 5
    (point,) = bench.points("sse.recorder.queued").values()
    assert point.value == 0
    record.feed(END, now_ns(), 0)
    record.close("completed")
    (point,) = bench.points("sse.recorder.queued").values()
    assert point.value == 0


def test_what_waits_in_several_recorders_adds_up(make_bench: Benches) -> None:
    """Two recorders that share a meter provider do not overwrite each other's figure."""
    bench = make_bench()
    other = Recorder(Options.resolve({}), bench.provider, bench.meters, "0")
    records = [recorder.open(StageInfo(StageSpec("emit"), "s1"), now_ns()) for recorder in (bench.recorder, other)]
    with bench.recorder.background.writer.lock, other.background.writer.lock:
        for record in records:
            record.feed(frame(1) + frame(2), now_ns(), 0)
        (point,) = points(bench.reader, "sse.recorder.queued").values()
    assert point.value == 4
    other.shutdown()


def test_every_certain_gap_exists_at_zero(make_bench: Benches) -> None:
    """A gap of whatever kind alerts, so that its counter is there before it."""
    bench = make_bench()
    bench.recorder.metrics.start("ws.receive")
    gaps = {row.detail for row in kinds.FINDINGS if row.name.startswith("gap/")}
    assert {dict(labels)["kind"] for labels in bench.points("sse.missing_chunks")} == gaps


@pytest.mark.parametrize(
    ("reasons", "others"), [(limits.MAX_FINISH_LABELS, 0), (limits.MAX_FINISH_LABELS + 2, 2)], ids=["at", "past"]
)
def test_finishes_are_counted_by_their_reason(make_bench: Benches, reasons: int, others: int) -> None:
    """MAX_FINISH_LABELS reasons have a label of their own, further ones are `other`; choices are counted one by one."""
    bench = make_bench()
    for number in range(reasons):
        record = bench.open("provider")
        for choice in (0, 1):
            finish = b'data: {"id": "a", "choices": [{"index": %d, "delta": {}, "finish_reason": "why-%d"}]}\n\n'
            record.feed(finish % (choice, number), now_ns(), 0)
        record.close("completed")
    found = {dict(labels)["reason"]: point.value for labels, point in bench.points("sse.finishes").items()}
    assert found.pop("other", 0) == 2 * others
    assert found == {f"why-{number}": 2 for number in range(limits.MAX_FINISH_LABELS)}
