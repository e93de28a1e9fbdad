"""The current stream, and how its stages find each other."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from functools import partial

import pytest
from opentelemetry import trace
from opentelemetry.context import Context, attach, detach, get_current

from otel_sse import limits
from otel_sse.recording.live_stream import Stream, current_stream, enter, leave, with_stream, without_stream
from otel_sse.recording.stage_record import StageRecord
from otel_sse.stream.stage import StageSpec
from otel_sse.telemetry.clock import now_ns
from tests.recording.made import Bench, attributes, cross, span_of


def test_id_is_made_once_or_was_given(bench: Bench, stream: Stream) -> None:
    """A stream has 16 hex digits of its own, or the id that another process gave it."""
    assert re.fullmatch("[0-9a-f]{16}", stream.id)
    assert stream.id == stream.id
    assert Stream(bench.recorder, 1, stream_id="theirs").id == "theirs"


def test_current_stream_is_that_of_the_request(stream: Stream) -> None:
    """A stream is current from `enter` to `leave`."""
    token = enter(stream)
    assert current_stream() is stream
    leave(token)
    assert current_stream() is None


def test_stages_of_a_stream_without_a_request_are_one_trace(bench: Bench, stream: Stream) -> None:
    """Where no span stands around the stages, the first one does."""
    first, second, third = (stream.stage(StageSpec(name)) for name in ("emit", "judge", "provider"))
    for record in (third, second, first):
        record.close("completed")
    (one,), (two,), (three,) = (bench.spans(f"stream {name}") for name in ("emit", "judge", "provider"))
    assert one.parent is None
    assert two.parent == three.parent == one.context


def test_stages_of_a_request_are_its_children(bench: Bench) -> None:
    """Where a request's span is there, it is the parent of every stage."""
    request = bench.provider.get_tracer("t").start_span("request")
    stream = Stream(bench.recorder, now_ns(), trace.set_span_in_context(request))
    for name in ("emit", "provider"):
        stream.stage(StageSpec(name)).close("completed")
    assert [span.parent for name in ("emit", "provider") for span in bench.spans(f"stream {name}")] == [
        request.get_span_context()
    ] * 2


def test_function_feeds_one_stage_a_stream(bench: Bench, stream: Stream) -> None:
    """The stage of a function is begun with its first call and ends with the stream, once."""
    begun: list[StageRecord] = []

    def begin(stream: Stream) -> StageRecord:
        begun.append(stream.stage(StageSpec("normalize")))
        return begun[-1]

    assert stream.called("f", begin) is stream.called("f", begin)
    stream.called("g", begin)
    assert len(begun) == 2
    stream.end("cancelled")
    stream.end("completed")
    assert [attributes(span)["sse.stream.outcome"] for span in bench.spans("stream normalize")] == ["cancelled"] * 2


def test_stage_that_has_ended_is_not_ended_again(bench: Bench, stream: Stream) -> None:
    """A stage that ended before its stream keeps its outcome."""
    record = stream.called("f", lambda stream: stream.stage(StageSpec("normalize")))
    record.close("failed")
    stream.end("completed")
    assert record.monitor.totals.outcome == "failed"


def test_latency_is_told_by_both_stages_labels(bench: Bench, stream: Stream) -> None:
    """The metric names the two neighbours with their directions."""
    provider, judging = (
        stream.stage(StageSpec("provider", origin=True)),
        stream.stage(StageSpec("policy.judge", direction="in")),
    )
    for text in ("a", "b", "c"):
        cross(provider, text)
        cross(judging, text)
    points = bench.points("sse.stage.latency")
    assert {labels: point.count for labels, point in points.items()} == {
        (("from", "provider"), ("to", "policy.judge.in")): 3
    }
    assert (("stage", "policy.judge.in"),) in bench.points("sse.chunks")


def test_log_lines_tell_the_two_sides_of_a_policy_apart(stream: Stream, caplog: pytest.LogCaptureFixture) -> None:
    """A line begins with the stage's name and direction in capitals."""
    with caplog.at_level(logging.DEBUG, "otel_sse.chunk"):
        for way in ("in", "out"):
            cross(stream.stage(StageSpec("policy.judge", direction=way)), "Hello")
        cross(stream.stage(StageSpec("emit")), "Hello")
    words = [record.getMessage().split()[0] for record in caplog.records if record.name == "otel_sse.chunk"]
    assert words == ["POLICY.JUDGE.IN", "POLICY.JUDGE.OUT", "EMIT"]


def test_abandon_ends_what_is_still_open(bench: Bench, stream: Stream) -> None:
    """At a request's end its open stages end: by what feeds them where that is known, and not a second time."""
    ended, left, open_still = (stream.stage(StageSpec(name)) for name in ("provider", "policy", "emit"))
    ended.close("completed")
    left.on_abandon = partial(_cancel, left)
    stream.abandon()
    stream.abandon()
    outcomes = [attributes(span_of(bench, each))["sse.stream.outcome"] for each in (ended, left, open_still)]
    assert outcomes == ["completed", "cancelled", "abandoned"]


def _cancel(record: StageRecord, outcome: str) -> None:
    assert outcome == "abandoned"
    record.close("cancelled")


def test_stages_that_have_ended_are_not_held(bench: Bench, stream: Stream) -> None:
    """A stream that begins thousands of stages one after the other holds the open ones alone."""
    for _ in range(100):
        stream.stage(StageSpec("provider")).close("completed")
    assert len(stream._open) == 1


def test_ended_stages_are_held_no_longer(bench: Bench, stream: Stream) -> None:
    """A stream that begins one stage after the other holds those that are open, and of the others the latest."""
    for _ in range(3 * limits.MAX_UPSTREAMS):
        record = stream.stage(StageSpec("one", relays=False))
        stream.end_with_me(record)
        record.upstreams += stream.order.stages[-1:]
        stream.order.add(record)
        record.close("completed")
    assert len(stream._loose) == 1
    depth, found = 0, stream.order.stages[-1]
    while found.upstreams:
        depth, found = depth + 1, found.upstreams[0]
    assert depth <= limits.MAX_UPSTREAMS


async def test_a_stage_that_another_task_reads_on_outlives_its_request(bench: Bench, stream: Stream) -> None:
    """It ends as it really ends, and says how much was read for nobody. Where the task has ended it is abandoned."""
    asked, left = asyncio.Event(), asyncio.Event()

    async def read(name: str, goes_on: bool) -> StageRecord:
        record = stream.stage(StageSpec(name))
        cross(record, "read ", "for ")
        if goes_on:
            asked.set()
            await left.wait()
            cross(record, "nobody")
            record.close("completed")
        return record

    task = asyncio.create_task(read("provider", True))
    await asked.wait()
    ended = await asyncio.create_task(read("judge", False))
    stream.abandon()
    assert ended.ended
    left.set()
    seen = attributes(span_of(bench, await task))
    assert seen["sse.stream.outcome"] == "completed"
    assert (seen["sse.stream.chunks"], seen["sse.stream.read_on_chunks"]) == (3, 1)
    assert seen["sse.stream.read_on_time"] > 0
    other = attributes(span_of(bench, ended))
    assert other["sse.stream.outcome"] == "abandoned"
    assert "sse.stream.read_on_chunks" not in other


def test_a_stage_that_somebody_waits_at_is_read_on(stream: Stream) -> None:
    """A thread that waits for the model's next chunk reads on; of a stage that is no origin that proves nothing."""
    model = stream.stage(StageSpec("provider", origin=True))
    emit = stream.stage(StageSpec("emit"))
    for record in (model, emit):
        record.is_pulled = lambda: True
    stream.abandon()
    assert (model.ended, emit.ended) == (False, True)


def test_a_thread_has_the_stream_by_opentelemetrys_context(stream: Stream) -> None:
    """A thread that was given that context alone finds the stream; what a stream itself holds does not have it."""
    given = with_stream(get_current(), stream)
    found: list[object] = []

    def work() -> None:
        found.append(current_stream())
        attached = attach(given)
        found.append(current_stream())
        record = stream.stage(StageSpec("provider"))
        found.append(record.context == without_stream(record.context))
        record.close("completed")
        detach(attached)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [None, stream, True]


def test_a_stream_joins_one_that_began_earlier(bench: Bench, stream: Stream) -> None:
    """Its stages have the other's id, trace and upstream stages; they and the request's span link to each other."""
    tracer = bench.provider.get_tracer("t")
    post, get = tracer.start_span("post"), tracer.start_span("get")
    job = Stream(bench.recorder, now_ns(), trace.set_span_in_context(post), "job")
    provider = job.stage(StageSpec("provider", origin=True))
    answer = Stream(bench.recorder, now_ns(), trace.set_span_in_context(get))
    told = [answer.is_untold]
    answer.join("job", trace.set_span_in_context(post), job)
    told.append(answer.is_untold)
    assert told == [True, False]
    emit = answer.stage(StageSpec("emit", last=True))
    cross(provider, "a")
    cross(emit, "a")
    for record in (provider, emit):
        record.close("completed")
    get.end()
    (before,), (after,) = bench.spans("stream provider"), bench.spans("stream emit")
    assert after.parent == before.parent == post.get_span_context()
    assert attributes(after)["sse.stream.id"] == attributes(before)["sse.stream.id"] == "job"
    assert attributes(after)["sse.stream.carried"] is True
    assert [(link.context, dict(link.attributes or {})) for link in after.links] == [
        (get.get_span_context(), {"sse.link": "request"}),
        (before.context, {"sse.link": "upstream"}),
    ]
    (request,) = (span for span in bench.exporter.get_finished_spans() if span.name == "get")
    assert [link.context for link in request.links] == [after.context]
    assert attributes(request)["sse.stream.chunks"] == 1


def test_a_stream_that_joins_one_without_a_trace_stays_in_its_own(bench: Bench) -> None:
    """Where the other has no span yet, the stages stay below the request's."""
    get = bench.provider.get_tracer("t").start_span("get")
    answer = Stream(bench.recorder, now_ns(), trace.set_span_in_context(get))
    answer.join("job", Context(), None)
    answer.stage(StageSpec("emit")).close("completed")
    (span,) = bench.spans("stream emit")
    assert (span.parent, attributes(span)["sse.stream.id"], span.links) == (get.get_span_context(), "job", ())


def test_a_carried_stream_goes_on_behind_its_request(bench: Bench, stream: Stream) -> None:
    """Whoever else has it may go on with it: it is not abandoned, and not read for nobody."""
    stream.carried = True
    record = stream.stage(StageSpec("provider", origin=True))
    stream.end("completed")
    stream.abandon()
    bench.recorder.flush()
    assert not record.ended
    cross(record, "a")
    record.close("completed")
    (span,) = bench.spans("stream provider")
    assert attributes(span)["sse.stream.outcome"] == "completed"
    assert "sse.stream.read_on_chunks" not in attributes(span)


def test_a_stream_that_misses_its_request_says_so(bench: Bench, stream: Stream) -> None:
    """On each of its stages; a carried one misses none."""
    stream.misses_request = True
    stream.stage(StageSpec("provider")).close("completed")
    stream.carried = True
    stream.stage(StageSpec("callback")).close("completed")
    (one,), (two,) = bench.spans("stream provider"), bench.spans("stream callback")
    assert attributes(one)["sse.stream.no_request"] is True
    assert "sse.stream.no_request" not in attributes(two)


def test_threads_that_ask_at_once_get_one_id(bench: Bench) -> None:
    """Two that find none both make one; the first one counts, for both."""
    stream = Stream(bench.recorder, now_ns())
    stream._ids += ["first", "second"]
    assert stream.id == "first"
    assert stream.adopt("first")
    assert not stream.adopt("second")
