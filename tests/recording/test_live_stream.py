"""The current stream, and how its stages find each other."""

from __future__ import annotations

import logging
import re
from functools import partial
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import Event, ReadableSpan

from otel_sse import limits
from otel_sse.recording.live_stream import Stream, current_stream, enter, leave
from otel_sse.recording.stage_record import StageRecord
from otel_sse.stream.stage import StageSpec
from otel_sse.telemetry.clock import now_ns
from tests.recording.made import Bench, Benches, attributes


@pytest.fixture
def bench(make_bench: Benches) -> Bench:
    """A recorder."""
    return make_bench(interval_sample=1)


@pytest.fixture
def stream(bench: Bench) -> Stream:
    """A stream without a request around it."""
    return Stream(bench.recorder, now_ns())


def cross(record: StageRecord, *texts: str) -> None:
    """Let texts cross a stage; it begins to take plain text with the first one."""
    for text in texts:
        record.take(text, now_ns())


def upstreams(bench: Bench, *records: StageRecord) -> list[list[Any]]:
    """End stages; return for each of their chunks what it was made of, and of which source, where that was said."""
    for record in records:
        record.close("completed")
    return [
        [_made_of(event) for event in span_of(bench, record).events if event.name == "sse.chunk"] for record in records
    ]


def _made_of(event: Event) -> Any:
    found = dict(event.attributes or {})
    first = found.get("sse.chunk.upstream.first", 0)
    return (first, found["sse.chunk.source"]) if "sse.chunk.source" in found else first


def span_of(bench: Bench, record: StageRecord) -> ReadableSpan:
    """The one span of a stage that has ended."""
    (span,) = [span for span in bench.spans(f"stream {record.info.name}") if span.context == record.span_context]
    return span


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


def test_chain_is_learnt_from_the_order_of_first_chunks(bench: Bench, stream: Stream) -> None:
    """Each stage comes after the one that had its first chunk last, whatever the order in which they were begun."""
    emit, judged, judging, provider = (
        stream.stage(StageSpec("emit")),
        stream.stage(StageSpec("policy.judge", direction="out", rewrites=True)),
        stream.stage(StageSpec("policy.judge", direction="in")),
        stream.stage(StageSpec("provider", origin=True)),
    )
    for record in (provider, judging, judged, emit):
        cross(record, "Hello")
    for record in (provider, judging, judged, emit):
        cross(record, " you")
    assert upstreams(bench, provider, judging, judged, emit) == [[0, 0], [1, 2], [1, 2], [1, 2]]
    last = span_of(bench, emit)
    assert attributes(last)["sse.stage.upstream"] == "policy.judge.out"
    assert [(link.context, dict(link.attributes or {})) for link in last.links] == [
        (judged.span_context, {"sse.link": "upstream"})
    ]
    assert attributes(last)["sse.stage.latency"] <= attributes(last)["sse.stage.max_latency"]


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


def test_stages_that_begin_alone_have_no_upstream(bench: Bench, stream: Stream) -> None:
    """The first stage of a stream comes after none, and an origin comes after none at any time."""
    emit, provider = stream.stage(StageSpec("emit")), stream.stage(StageSpec("provider", origin=True))
    cross(emit, "a", "b")
    cross(provider, "a", "b")
    assert upstreams(bench, emit, provider) == [[0, 0], [0, 0]]


def test_greeting_before_the_model_is_asked(bench: Bench, stream: Stream) -> None:
    """A stage that had a chunk of its own before anything came in finds its upstream with the first that did."""
    emit, socket, provider, judging, judged = (
        stream.stage(StageSpec("emit")),
        stream.stage(StageSpec("socket_write", last=True)),
        stream.stage(StageSpec("provider")),
        stream.stage(StageSpec("policy.judge", direction="in")),
        stream.stage(StageSpec("policy.judge", direction="out", rewrites=True)),
    )
    cross(emit, "One moment")
    cross(socket, "One moment")
    for text in ("Hello", " you"):
        for record in (provider, judging, judged, emit, socket):
            cross(record, text)
    assert upstreams(bench, provider, emit, socket) == [[0, 0], [0, 1, 2], [1, 2, 3]]
    assert attributes(span_of(bench, emit))["sse.stage.upstream"] == "policy.judge.out"


def test_two_sources_of_one_stream(bench: Bench, stream: Stream) -> None:
    """Where two sources write to one stream, each chunk behind them names its own, and the stage links to both."""
    a, b = (stream.stage(StageSpec("provider", source=source, origin=True)) for source in ("a", "b"))
    emit, socket = stream.stage(StageSpec("emit")), stream.stage(StageSpec("socket_write", last=True))
    for record, text in ((a, "1"), (b, "2"), (b, "3"), (a, "4")):
        cross(record, text)
        cross(emit, text)
        cross(socket, text)
    assert upstreams(bench, emit, socket) == [[1, (1, "b"), (2, "b"), (2, "a")], [1, 2, 3, 4]]
    assert [link.context for link in span_of(bench, emit).links] == [a.span_context, b.span_context]


def test_second_round_of_an_agent(bench: Bench, stream: Stream) -> None:
    """A second call of the model through a second policy goes on where the first one's chunks went."""
    emit, policies = stream.stage(StageSpec("emit")), []
    for words in (("a", "b"), ("c", "d")):
        provider = stream.stage(StageSpec("provider", source="openai", origin=True))
        judging, judged = (
            stream.stage(StageSpec("policy.judge", direction=way, rewrites=way == "out")) for way in ("in", "out")
        )
        for word in words:
            for record in (provider, judging, judged, emit):
                cross(record, word)
        policies += [judging, judged]
    assert upstreams(bench, emit, *policies) == [[1, 2, 1, 2], *[[1, 2]] * 4]


@pytest.mark.parametrize(("text", "found"), [("Hello", 1), ("Other", 0)])
def test_mark_on_a_stream_that_a_client_has_seen(bench: Bench, stream: Stream, text: str, found: int) -> None:
    """An application's own `provider` comes after a watched client's where the same content waits there."""
    client = stream.stage(StageSpec("provider", source="host", origin=True))
    cross(client, "Hello", " you")
    own = stream.stage(StageSpec("provider", source="openai", relays=False))
    cross(own, text, " you")
    assert upstreams(bench, own)[0][0] == found


def test_mark_waits_for_content_to_tell(bench: Bench, stream: Stream) -> None:
    """What carries no content says nothing about where a stream comes from."""
    client = stream.stage(StageSpec("provider", source="host", origin=True))
    cross(client, "Hello", " you")
    own = stream.stage(StageSpec("provider", source="openai", relays=False))
    own.take(object(), now_ns())
    cross(own, "Hello", " you")
    assert upstreams(bench, own) == [[0, 1, 2]]


@pytest.mark.parametrize(("extra", "found"), [(0, (1, "late")), (1, 1)])
def test_stages_remembered_are_bounded(bench: Bench, stream: Stream, extra: int, found: Any) -> None:
    """MAX_UPSTREAMS stages are remembered; with one more the oldest is no upstream of anything any more."""
    late = stream.stage(StageSpec("provider", source="late", origin=True))
    cross(late, "x")
    for number in range(limits.MAX_UPSTREAMS - 3 + extra):
        cross(stream.stage(StageSpec("provider", source=f"{number}", origin=True)), "y")
    near = stream.stage(StageSpec("provider", source="near", origin=True))
    cross(near, "first")
    emit = stream.stage(StageSpec("emit"))
    cross(emit, "first", "x")
    assert len(stream.order.stages) == min(stream.order.count, limits.MAX_UPSTREAMS)
    assert upstreams(bench, emit)[0][1] == found


def test_abandon_ends_what_is_still_open(bench: Bench, stream: Stream) -> None:
    """At a request's end its open stages end: by what feeds them where that is known, and not a second time."""
    ended, left, open_still = (stream.stage(StageSpec(name)) for name in ("provider", "policy", "emit"))
    ended.close("completed")
    left.on_abandon = partial(_cancel, bench, left)
    stream.abandon()
    stream.abandon()
    outcomes = [attributes(span_of(bench, each))["sse.stream.outcome"] for each in (ended, left, open_still)]
    assert outcomes == ["completed", "cancelled", "abandoned"]


def _cancel(bench: Bench, record: StageRecord, outcome: str) -> None:
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
