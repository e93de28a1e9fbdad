from __future__ import annotations

import random

from otel_sse.diagnosis.trace.spans import Span
from otel_sse.diagnosis.trace.streams import TraceStream, trace_of
from tests.diagnosis.made_trace import TRACE, chunk_event, chunk_events, segment, upstream

TEXTS = ["a", "b", "c"]


def one(*spans: Span) -> TraceStream:
    """The one stream of a trace."""
    trace = trace_of(spans)
    assert trace is not None
    assert len(trace.streams) == 1
    return trace.streams[0]


def labels(stream: TraceStream) -> list[str]:
    return [stage.label for stage in stream.stages]


def chain() -> list[Span]:
    """Three stages, linked; the last has its first chunk first, by the clock of its host."""
    return [
        segment("provider", chunk_events(TEXTS, 0)),
        segment("emit", chunk_events(TEXTS, 1, [1, 2, 3]), links=upstream("provider")),
        segment("socket_write", chunk_events(TEXTS, -5, [1, 2, 3]), links=upstream("emit"), service="edge"),
    ]


def test_spans_that_are_no_stage_are_no_trace() -> None:
    """Without any span of a stage there are no streams."""
    request = Span(TRACE, "00f067aa0ba902b7", "", "POST /chat", "gateway", 1, 2, {})
    assert trace_of([request]) is None
    assert trace_of([]) is None


def test_links_order_the_stages_and_not_their_clocks() -> None:
    """Stages stand in the order that links say, in whatever order their spans come."""
    spans = chain()
    for seed in range(6):
        random.Random(seed).shuffle(spans)
        stream = one(*spans)
        assert labels(stream) == ["provider", "emit", "socket_write"]
        assert stream.upstream == [(), (0,), (1,)]


def test_a_link_ties_streams_of_two_processes_into_one() -> None:
    """Stages with different stream ids are one streamed answer where a link leads from one to the other."""
    model = segment("socket_write", chunk_events(TEXTS, 0), stream="m", service="model", of="model")
    provider = segment("provider", chunk_events(TEXTS, 1), stream="g", links=upstream("model"))
    stream = one(provider, model)
    assert stream.ids == ("m", "g")
    assert stream.upstream == [(), (0,)]


def test_streams_without_a_link_stay_apart() -> None:
    """Two answers of one trace are two streams, in the order of their starts."""
    trace = trace_of(
        [segment("emit", chunk_events(TEXTS, at), stream=name, of=name) for name, at in (("b", 9), ("a", 1))]
    )
    assert trace is not None
    assert [stream.ids for stream in trace.streams] == [("a",), ("b",)]


def test_groups_that_a_later_span_ties_together_are_one() -> None:
    """Two streams are one as soon as one stage is linked to both."""
    one(
        segment("provider", chunk_events(TEXTS, 0), stream="a", of="one", source="x"),
        segment("provider", chunk_events(TEXTS, 1), stream="b", of="two", source="y"),
        segment("emit", chunk_events(TEXTS, 2), stream="c", links=upstream("one", "two")),
    )


def test_a_stage_without_a_link_stands_behind_the_stage_it_names() -> None:
    """Where no link is there, `sse.stage.upstream` says which stage comes before."""
    stream = one(
        segment("provider", chunk_events(TEXTS, 0)),
        segment("audit", chunk_events(TEXTS, 1), stage_upstream="provider"),
        segment("emit", chunk_events(TEXTS, 2), stage_upstream="provider"),
    )
    assert labels(stream) == ["provider", "audit", "emit"]
    assert stream.upstream == [(), (0,), (0,)]


def test_a_stage_of_which_its_process_says_nothing_is_a_beginning() -> None:
    """Other stages there say what they come after, so that time need not be asked, which would turn a policy around."""
    stream = one(
        segment("policy.note", chunk_events(["Note: ", *TEXTS], 0), direction="out", links=upstream("in"), of="out"),
        segment("emit", chunk_events(["Note: ", *TEXTS], 1), links=upstream("out"), of="emit"),
        segment("policy.note", chunk_events(TEXTS, 5), direction="in", of="in"),
    )
    assert [stage.label for stage in stream.stages] == ["policy.note.in", "policy.note.out", "emit"]
    assert stream.upstream == [(), (0,), (1,)]


def test_a_stage_of_another_process_that_says_nothing_stands_by_time() -> None:
    """What a process of which nothing else is known did comes after what was there before."""
    stream = one(
        segment("provider", chunk_events(TEXTS, 0)),
        segment("emit", chunk_events(TEXTS, 1), links=upstream("provider")),
        segment("client", chunk_events(TEXTS, 2), service="reader"),
    )
    assert stream.upstream == [(), (0,), (1,)]


def test_a_carried_stream_may_be_fed_by_another_process_of_the_same_name() -> None:
    """A handle leaves no link, so that time tells; and what follows a stage does not feed it."""
    stream = one(
        segment("provider", chunk_events(TEXTS, 0), of="provider", stream_carried=True),
        segment("policy.note", chunk_events(["Note: ", *TEXTS], 1), direction="out", links=upstream("in"), of="out"),
        segment("emit", chunk_events(["Note: ", *TEXTS], 2), links=upstream("out"), of="emit", stream_carried=True),
        segment("policy.note", chunk_events(TEXTS, 5), direction="in", of="in", stream_carried=True),
    )
    assert [stage.label for stage in stream.stages] == ["provider", "policy.note.in", "policy.note.out", "emit"]
    assert stream.upstream == [(), (0,), (1,), (2,)]


def test_a_named_stage_may_have_a_direction() -> None:
    """`policy.judge.out` names the policy's way out and not its way in."""
    stream = one(
        segment("policy.judge", chunk_events(TEXTS, 0), direction="in"),
        segment("policy.judge", chunk_events(TEXTS, 1), direction="out"),
        segment("audit", chunk_events(TEXTS, 2)),
        segment("emit", chunk_events(TEXTS, 3), stage_upstream="policy.judge.out"),
    )
    assert stream.upstream[3] == (1,)


def test_without_links_and_names_time_orders_the_stages() -> None:
    """Stages that say nothing stand in the order of their first chunks, each behind the one before."""
    stream = one(
        segment("third", chunk_events(TEXTS, 2)),
        segment("first", chunk_events(TEXTS, 0)),
        segment("second", chunk_events(TEXTS, 1)),
    )
    assert labels(stream) == ["first", "second", "third"]
    assert stream.upstream == [(), (0,), (1,)]


def test_time_alone_puts_nothing_before_a_provider() -> None:
    """A second provider that begins late still has no stage of the process before it."""
    stream = one(
        segment("provider", chunk_events(TEXTS, 0), source="one", of="one"),
        segment("emit", chunk_events(TEXTS, 1), links=upstream("one")),
        segment("provider", chunk_events(TEXTS, 2), source="two", of="two"),
    )
    assert stream.upstream[labels(stream).index("provider", 1)] == ()


def test_a_stage_that_saw_no_chunk_counts_from_its_own_start() -> None:
    """A stage whose stream ended before its first chunk has its place by its start."""
    stream = one(segment("emit", (), at_ms=5), segment("provider", chunk_events(TEXTS, 0)))
    assert labels(stream) == ["provider", "emit"]


def test_a_stage_that_gave_no_content_is_no_neighbour() -> None:
    """An end mark that equals one of another source ties two stages together, and is no second source."""
    end = chunk_event(4, "[DONE]", 3, 40, 4, kind="complete", source="two")
    stream = one(
        segment("provider", (*chunk_events(TEXTS, 0), chunk_event(4, "[DONE]", 3, 35, kind="complete")), source="two"),
        segment("ws.receive", chunk_events(TEXTS, 5)),
        segment("emit", (*chunk_events(TEXTS, 9, [1, 2, 3]), end), links=upstream("ws.receive", "provider")),
    )
    assert labels(stream) == ["provider", "ws.receive", "emit"]
    assert stream.upstream[2] == (1,)


def test_a_stage_that_is_not_in_the_trace_is_bridged() -> None:
    """Where a link leads to a span that is missing, the stage before in time stands before it, and digests tell."""
    received = segment(
        "ws.receive", chunk_events(TEXTS, 5, [2, 3, 4]), links=upstream("lost"), stage_upstream="ws.send"
    )
    stream = one(segment("ws.send", chunk_events(TEXTS, 0)), segment("audit", chunk_events(TEXTS, 1)), received)
    assert stream.upstream[2] == (1,)
    assert stream.orphans == {2}
    assert not stream.descents[1, 2].recorded
    assert stream.made_from(2) == {1: (1, 1, 1), 2: (1, 2, 2), 3: (1, 3, 3)}


def test_stages_that_feed_one_stand_in_the_order_of_its_links() -> None:
    """The stage that fed it first is the first of them, whichever began first; without content it is the only one."""
    spans = [
        segment("provider", chunk_events(TEXTS, at), of=name, source=name) for name, at in (("one", 0), ("two", 1))
    ]
    links = upstream("two", "one")
    both = [chunk_event(1, "a", 1, 9, 1, source="one"), chunk_event(2, "a", 2, 9, 1, source="two")]
    assert one(*spans, segment("emit", both, links=links)).upstream[2] == (1, 0)
    assert one(*spans, segment("emit", (), links=links)).upstream[2] == (1,)


def test_links_in_a_circle_do_not_hang() -> None:
    """Damaged links that lead in a circle are followed once only."""
    stream = one(
        segment("one", chunk_events(TEXTS, 0), links=upstream("two")),
        segment("two", chunk_events(TEXTS, 1), links=upstream("one")),
    )
    assert sorted(labels(stream)) == ["one", "two"]
    assert stream.upstream == [(), (0,)]


def test_a_stage_linked_to_itself_is_its_own_first() -> None:
    """A link of a stage to itself ties it to nothing."""
    assert one(segment("one", chunk_events(TEXTS, 0), links=upstream("one"))).upstream == [()]


def test_where_no_stage_had_a_chunk_the_socket_is_the_last() -> None:
    """The response begins before its iterator is asked, and no chunk shows what came from where."""
    stream = one(segment("socket_write", (), at_ms=0), segment("emit", (), at_ms=1))
    assert ([stage.name for stage in stream.stages], stream.upstream) == (["emit", "socket_write"], [(), (0,)])


def test_an_end_that_could_not_be_read_keeps_its_place() -> None:
    """A socket whose bytes are compressed has no chunk that says where it came from: it stands behind all others."""
    spans = [*chain()[:2], segment("socket_write", (), at_ms=-5, stream_bytes=419)]
    stream = one(*spans)
    assert labels(stream) == ["provider", "emit", "socket_write"]
    assert stream.upstream == [(), (0,), (1,)]
