"""Which stage comes before one: by what it pulled, and by what its chunks equal."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse import limits
from otel_sse.recording.live_stream import Stream
from otel_sse.stream.stage import StageSpec
from otel_sse.telemetry.clock import now_ns
from tests.recording.made import Bench, attributes, cross, span_of, upstreams


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


MS = 1_000_000


@pytest.mark.parametrize(
    ("task_of_a", "text", "found"), [(7, "Hel", ["a"]), (9, "Hel", ["a"]), (9, "Hi", []), (7, "Hi", ["a"])]
)
def test_worked_example(stream: Stream, task_of_a: int, text: str, found: list[str]) -> None:
    """A stage that pulls comes after what it pulled from, else after what its content equals; see `upstreams`."""
    sent, a, b, emit = (
        stream.stage(spec)
        for spec in (
            StageSpec("ws.send", outbound=True),
            StageSpec("provider", source="a", origin=True),
            StageSpec("provider", source="b", origin=True),
            StageSpec("emit", pulls=True),
        )
    )
    for record, task in ((sent, 7), (a, task_of_a), (b, 9), (emit, 7)):
        record.opened_in = task
    emit.opened_ns = 100 * MS
    for record, content, time_ms in ((sent, "Hel", 90), (a, "Hel", 120), (b, "lo", 125), (emit, text, 130)):
        record.take(content, time_ms * MS)
    assert [each.info.spec.source for each in emit.upstreams] == found
    if not found:
        late = stream.stage(StageSpec("provider", source="late", origin=True))
        late.take("you", 140 * MS)
        emit.take("you", 150 * MS)
        assert [each.info.spec.source for each in emit.upstreams] == ["late"]


def test_first_stage_links_to_the_other_process(bench: Bench, stream: Stream) -> None:
    """The first stage of a stream that began elsewhere comes after the span there, and no later stage does."""
    remote = bench.provider.get_tracer("t").start_span("theirs").get_span_context()
    stream.order.remote = remote
    first, second = stream.stage(StageSpec("normalize")), stream.stage(StageSpec("emit"))
    cross(first, "a")
    cross(second, "a")
    upstreams(bench, first, second)
    assert [link.context for link in span_of(bench, first).links] == [remote]
    assert [link.context for link in span_of(bench, second).links] == [first.span_context]


def test_merged_chunk_comes_from_the_answer_and_not_from_the_judge(bench: Bench, stream: Stream) -> None:
    """A second model is asked, and read, before the first sentence goes on: the sum of sizes tells the two apart."""
    answer, judge = (stream.stage(StageSpec("provider", source=source, origin=True)) for source in ("answer", "judge"))
    emit = stream.stage(StageSpec("emit", pulls=True))
    for sentence in (("One", " two", "."), ("Three", "."), ("Four", " five", " six", ".")):
        cross(answer, *sentence)
        cross(judge, "fine", " so", " far")
        cross(emit, "".join(sentence))
    assert [each.info.spec.source for each in emit.upstreams] == ["answer"]
    assert upstreams(bench, emit) == [[1, 4, 6]]


@pytest.mark.parametrize("sent", [1, 3, 5, 8, 11, 15, 30])
def test_resume_after_the_models_stream_broke(bench: Bench, stream: Stream, sent: int) -> None:
    """The model is asked again and the application skips what it has sent: nothing is lost, and nothing came twice."""
    words = [" the" if n % 3 else f" w{n}" for n in range(40)]
    emit = stream.stage(StageSpec("emit", pulls=True))
    first = stream.stage(StageSpec("provider", origin=True))
    for word in words[:sent]:
        cross(first, word)
        cross(emit, word)
    first.close("failed")
    second = stream.stage(StageSpec("provider", origin=True))
    for n, word in enumerate(words):
        cross(second, word)
        if n >= sent:
            cross(emit, word)
    assert len(emit.upstreams) == 2
    assert upstreams(bench, emit) == [list(range(1, 41))]
    assert emit.monitor.totals.by_kind == {}


def test_second_call_with_the_ids_of_the_first_is_linked(bench: Bench, stream: Stream) -> None:
    """An id that comes again makes no chunk the first call's: the second one is where it came from."""

    def event(number: int) -> bytes:
        return b'id: %d\ndata: {"content": "word %d ", "done": false}\n\n' % (number, number)

    emit, calls = stream.stage(StageSpec("emit")), []
    for _ in (1, 2):
        calls.append(stream.stage(StageSpec("provider", origin=True)))
        for number in range(1, 13):
            for record in (calls[-1], emit):
                record.feed(event(number), now_ns(), 0)
    assert emit.upstreams == calls
    assert upstreams(bench, emit) == [[*range(1, 13), *range(1, 13)]]
    assert emit.monitor.totals.duplicates
