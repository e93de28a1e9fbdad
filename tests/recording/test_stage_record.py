"""One stage of one stream: it fails, it ends, and says where its chunks came from, each once."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from otel_sse import limits
from otel_sse.recording.live_stream import Stream
from otel_sse.recording.stage_record import StageRecord
from otel_sse.stream.stage import StageSpec
from otel_sse.telemetry import internal
from otel_sse.telemetry.clock import now_ns
from tests.recording.made import END, Bench, Benches, Broken, attributes, frame, outcomes, span_of, total


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


def test_under_the_test_suite_an_internal_error_isfaild(make_bench: Benches) -> None:
    """With `internal.reraise` an internal error is raised as well as counted."""
    bench = make_bench()
    with pytest.raises(Broken):
        bench.open().failed(Broken())


def test_settled_stage_ends_as_and_when_it_was_settled(bench: Bench) -> None:
    """What was settled is taken once: the stage has that outcome and time, whenever it is closed."""
    record, settled_ns = bench.open(), now_ns()
    assert not record.close_settled()
    record.settled.append(("completed", settled_ns))
    assert record.close_settled()
    assert not record.close_settled()
    assert (record.monitor.totals.outcome, record.monitor.totals.ended_ns) == ("completed", settled_ns)


def test_failure_after_all_is_the_end_of_a_settled_stage(bench: Bench) -> None:
    """An exception that comes after the last body makes the stage a failed one."""
    record = bench.open()
    record.settled.append(("completed", now_ns()))
    assert record.close_settled("ValueError")
    found = attributes(span_of(bench, record))
    assert (found["sse.stream.outcome"], found["error.type"]) == ("failed", "ValueError")


def test_ended_stage_observes_nothing_and_is_handed_over_once(bench: Bench) -> None:
    """Chunks that come after the end are not seen, and a second end is none."""
    record = bench.open()
    record.feed(frame(1) + END, now_ns(), 0)
    handed: list[StageRecord] = []
    hand_over = record.on_end

    def on_end(ended: StageRecord) -> None:
        handed.append(ended)
        hand_over(ended)

    record.on_end = on_end
    record.close("completed")
    record.feed(frame(2), now_ns(), 0)
    record.take("more", now_ns())
    record.close("failed")
    assert len(handed) == 1
    assert (record.monitor.totals.chunks, record.monitor.totals.outcome) == (2, "completed")


def test_discarded_stage_is_none(bench: Bench) -> None:
    """A stage that is discarded has no span, no outcome, and is not counted as open."""
    bench.open().discard()
    assert bench.spans() == []
    assert outcomes(bench) == {}
    assert total(bench, "sse.streams.active") == 0


def test_upstream_is_linked_once(bench: Bench, stream: Stream) -> None:
    """A stage that is said twice to come after another one has one link to it, and its name."""
    inward, outward = (stream.stage(StageSpec("policy.judge", direction)) for direction in ("in", "out"))
    outward.comes_after(inward)
    outward.comes_after(inward)
    assert [each.info.label for each in outward.upstreams] == ["policy.judge.in"]
    outward.close("completed")
    span = span_of(bench, outward)
    assert [link.context for link in span.links] == [inward.span_context]
    assert attributes(span)["sse.stage.upstream"] == "policy.judge.in"


@pytest.mark.parametrize("last", [True, False])
def test_last_stage_tells_the_requests_span(bench: Bench, last: bool) -> None:
    """The outcome of the last stage stands on the request's span, with its sums; that of another stage does not."""
    request = bench.provider.get_tracer("t").start_span("request")
    stream = Stream(bench.recorder, now_ns(), trace.set_span_in_context(request))
    record = stream.stage(StageSpec("socket_write", last=last))
    record.feed(frame(1), now_ns(), 0)
    record.close("failed", "ValueError")
    request.end()
    (span,) = [each for each in bench.exporter.get_finished_spans() if each.name == "request"]
    found = attributes(span)
    assert found.get("sse.stream.outcome") == ("failed" if last else None)
    assert found.get("error.type") == ("ValueError" if last else None)
    assert found.get("sse.stream.chunks") == (1 if last else None)
    assert span.status.status_code is (StatusCode.ERROR if last else StatusCode.UNSET)


def test_news_are_what_the_metrics_lack(bench: Bench) -> None:
    """A stage has news from its first chunk until the metrics have been told."""
    record = bench.open()
    with bench.recorder.background.writer.lock:
        news = [record.has_news]
        record.feed(frame(1), now_ns(), 0)
        news.append(record.has_news)
    bench.recorder.flush()
    assert [*news, record.has_news] == [False, True, False]


def test_a_mark_stands_on_every_span_of_a_stage(make_bench: Benches) -> None:
    """Also where it gets known when the first spans have ended: on those that end from then on."""
    bench = make_bench()
    record = bench.open()
    record.feed(frame(1), now_ns(), 0)
    bench.recorder.flush()
    record.mark("sse.stream.carried")
    record.may_rewrite()
    for number in (2, 3):
        record.feed(frame(number), now_ns(), 0)
        bench.recorder.flush()
    record.close("completed")
    marks = [
        (attributes(span).get("sse.stream.carried", False), attributes(span).get("sse.stage.rewrites", False))
        for span in bench.spans()
    ]
    assert marks == [(False, False), (True, True), (True, True), (True, True)]
