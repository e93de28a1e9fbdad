"""Segments: no chunk is lost, whatever the provider's limit."""

from __future__ import annotations

from itertools import pairwise

import pytest
from opentelemetry.sdk.trace import SpanLimits
from opentelemetry.trace import StatusCode

from otel_sse import limits
from otel_sse.telemetry.clock import now_ns
from otel_sse.telemetry.segments import event_limit
from tests.recording.made import END, Benches, attributes, frame


def test_five_thousand_chunks_pass_the_default_limit_of_128_whole_in_order_and_once(make_bench: Benches) -> None:
    """Every chunk of a long stream is exported once, in order, under OpenTelemetry's default event limit."""
    bench = make_bench()
    bench.stream(4_999)
    events = bench.events()
    assert [event["sse.chunk.seq"] for event in events] == list(range(1, 5_001))
    assert all(span.dropped_events == 0 for span in bench.spans())
    assert max(len(span.events) for span in bench.spans()) == limits.DEFAULT_SPAN_EVENT_LIMIT


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_a_small_limit_only_makes_more_segments(make_bench: Benches, limit: int) -> None:
    """The provider's own limit is respected, findings included, and nothing is lost to it."""
    bench = make_bench(max_events=limit)
    record = bench.open()
    for body in (frame(1), END, END, frame(2)):
        record.feed(body, now_ns(), 0)
    record.close("completed")
    assert [event["sse.chunk.seq"] for event in bench.events()] == [1, 2, 3, 4]
    assert len(bench.events("sse.finding")) == 2
    assert all(len(span.events) <= limit and span.dropped_events == 0 for span in bench.spans())


def test_a_provider_without_a_limit_gets_segments_of_our_own_size(make_bench: Benches) -> None:
    """Where the provider keeps any number of events, a span still ends at MAX_SEGMENT_EVENTS."""
    bench = make_bench(max_events=SpanLimits.UNSET)
    bench.stream(limits.MAX_SEGMENT_EVENTS)
    assert [len(span.events) for span in bench.spans()] == [limits.MAX_SEGMENT_EVENTS, 1]


def test_a_provider_that_keeps_no_events_still_gets_totals(make_bench: Benches) -> None:
    """With an event limit of 0 a stream is one span with its totals."""
    bench = make_bench(max_events=0)
    bench.stream(3)
    (span,) = bench.spans()
    assert attributes(span)["sse.stream.chunks"] == 4
    assert attributes(span)["sse.stream.detail"] == "off"


def test_segments_say_which_they_are_and_link_to_the_one_before(make_bench: Benches) -> None:
    """Each continuation has the next index and a link `segment` to its predecessor; only the last has the outcome."""
    bench = make_bench(max_events=2)
    bench.stream(5)
    spans = bench.spans()
    assert [attributes(span)["sse.segment.index"] for span in spans] == [0, 1, 2]
    for before, after in pairwise(spans):
        (link,) = after.links
        assert link.context.span_id == before.context.span_id
        assert dict(link.attributes or {}) == {"sse.link": "segment"}
    assert ["sse.stream.outcome" in attributes(span) for span in spans] == [False, False, True]


def test_segments_of_one_stage_are_children_of_the_same_request(make_bench: Benches) -> None:
    """All segments have the span that was current when the stream began as their parent."""
    bench = make_bench(max_events=2)
    with bench.provider.get_tracer("test").start_as_current_span("request") as request:
        record = bench.open()
    for number in range(5):
        record.feed(frame(number), now_ns(), 0)
    record.close("completed")
    parents = {span.parent.span_id for span in bench.spans() if span.parent}
    assert parents == {request.get_span_context().span_id}
    assert len(bench.spans()) == 3


def test_segments_outside_of_any_span_are_one_trace(make_bench: Benches) -> None:
    """The first one is the parent of the others, so that one look finds all of the stage."""
    bench = make_bench(max_events=2)
    record = bench.open()
    for number in range(7):
        record.feed(frame(number), now_ns(), 0)
    record.close("completed")
    first, *others = sorted(bench.spans(), key=lambda span: span.start_time or 0)
    assert len(others) == 3
    assert first.parent is None
    assert {span.parent.span_id for span in others if span.parent} == {first.context.span_id}
    assert {span.context.trace_id for span in others} == {first.context.trace_id}


def test_a_segment_covers_its_events(make_bench: Benches) -> None:
    """No event of a segment lies before its start or after its end."""
    bench = make_bench(max_events=3)
    bench.stream(20)
    for span in bench.spans():
        times = [event.timestamp for event in span.events]
        assert times == sorted(times)
        assert (span.start_time or 0) <= times[0]
        assert times[-1] <= (span.end_time or 0)


def test_a_stream_shows_up_while_it_runs(make_bench: Benches) -> None:
    """A segment older than `segment_seconds` ends though the stream goes on: an hour at 1 chunk a second is seen."""
    bench = make_bench(segment_seconds=5.0)
    record = bench.open()
    writer = record.segments
    start = now_ns()
    monitor = record.monitor
    seen_while_open = []
    for second in range(3_600):
        at = start + second * 1_000_000_000
        monitor.feed(frame(second), at, 0)
        for entry in record.journal.take() if record.journal else ():
            writer.write(entry)
        writer.roll_if_due(at)
        seen_while_open.append(len(bench.exporter.get_finished_spans()))
    assert seen_while_open[10] >= 1
    assert 700 <= seen_while_open[-1] <= 720
    record.close("completed")
    assert [event["sse.chunk.seq"] for event in bench.events()] == list(range(1, 3_601))


def test_a_silent_stream_makes_no_empty_segments(make_bench: Benches) -> None:
    """A segment without events is never rolled over, however old it is."""
    bench = make_bench(segment_seconds=0.001)
    bench.open()
    for _ in range(5):
        bench.recorder.flush()
    assert bench.spans() == []


def test_flush_shows_an_open_stream(make_bench: Benches) -> None:
    """After a flush all that has crossed is exported, though the stream is still open."""
    bench = make_bench()
    record = bench.open()
    record.feed(frame(1), now_ns(), 0)
    assert [event["sse.chunk.seq"] for event in bench.events()] == [1]
    record.feed(frame(2), now_ns(), 0)
    assert [event["sse.chunk.seq"] for event in bench.events()] == [1, 2]


def test_packed_detail_holds_32_chunks_an_event_and_keeps_special_ones_apart(make_bench: Benches) -> None:
    """Plain chunks are packed by 32 in order; the terminal chunk is an event of its own, in its place."""
    bench = make_bench(chunk_events="packed")
    bench.stream(70)
    packs = bench.events("sse.chunks")
    assert [pack["sse.chunks.count"] for pack in packs] == [limits.MAX_PACK_CHUNKS, 32, 6]
    assert [pack["sse.chunks.first_seq"] for pack in packs] == [1, 33, 65]
    assert [len(pack["sse.chunks.digest"].split()) for pack in packs] == [32, 32, 6]
    assert [event["sse.chunk.seq"] for event in bench.events()] == [71]
    assert attributes(bench.spans()[-1])["sse.stream.detail"] == "packed"


def test_packed_and_all_say_the_same(make_bench: Benches) -> None:
    """Digest and lengths of each chunk are the same at both details."""
    single, packed = make_bench(), make_bench(chunk_events="packed")
    for bench in (single, packed):
        bench.stream(40)
    (first, second) = packed.events("sse.chunks")
    for name in ("digest", "acc_len", "raw_len"):
        unpacked = [*first[f"sse.chunks.{name}"].split(), *second[f"sse.chunks.{name}"].split()]
        assert unpacked == [str(event[f"sse.chunk.{name}"]) for event in single.events()[:-1]]


def test_findings_detail_keeps_first_last_and_what_is_wrong(make_bench: Benches) -> None:
    """Only the first chunk, the last, and those with findings become events."""
    done = b"data: [DONE]\n\n"
    bench = make_bench(chunk_events="findings")
    record = bench.open()
    for body in (frame(1), frame(2), done, done, frame(3), frame(4), done):
        record.feed(body, now_ns(), 0)
    record.close("completed")
    assert [event["sse.chunk.seq"] for event in bench.events()] == [1, 4, 5, 6, 7]
    assert len(bench.events("sse.finding")) == 4


def test_detail_off_leaves_the_span_and_its_totals(make_bench: Benches) -> None:
    """With detail `off` there are no events, and the sums are the same."""
    bench = make_bench(chunk_events="off")
    bench.stream(10)
    (span,) = bench.spans()
    assert span.events == ()
    assert attributes(span)["sse.stream.chunks"] == 11


@pytest.mark.parametrize(("budget", "singles"), [(0, 1), (10, 11), (64, 65)])
def test_past_the_trace_budget_a_stream_goes_on_in_packs(make_bench: Benches, budget: int, singles: int) -> None:
    """After `max_chunk_events_per_trace` events the rest is packed, the segment says so, and no chunk is lost."""
    bench = make_bench(max_chunk_events_per_trace=budget)
    bench.stream(100)
    events, packs = bench.events(), bench.events("sse.chunks")
    assert len(events) == singles
    assert len(events) + sum(pack["sse.chunks.count"] for pack in packs) == 101
    assert attributes(bench.spans()[-1])["sse.stream.detail"] == "packed"


def test_finding_events_are_capped_and_the_rest_is_counted(make_bench: Benches) -> None:
    """At the cap every finding is an event; one past it is only counted, and its chunk still says what is wrong."""
    bench = make_bench(max_findings=3)
    record = bench.open()
    for _ in range(5):
        record.feed(END, now_ns(), 0)
    record.close("completed")
    assert len(bench.events("sse.finding")) == 3
    assert [event.get("sse.chunk.duplicate") for event in bench.events()] == [None, True, True, True, True]
    assert attributes(bench.spans()[-1])["sse.stream.findings"] == 4


def test_only_a_failed_stream_is_an_error(make_bench: Benches) -> None:
    """The span's status is ERROR, with `error.type`, where the application failed; a client that left is no error."""
    bench = make_bench()
    bench.open().close("failed", "ValueError")
    bench.open().close("disconnected")
    failed, left = bench.spans()
    assert (failed.status.status_code, attributes(failed)["error.type"]) == (StatusCode.ERROR, "ValueError")
    assert (left.status.status_code, "error.type" in attributes(left)) == (StatusCode.UNSET, False)


def test_a_span_that_shows_no_limits_is_taken_to_have_the_specified_default() -> None:
    """For another SDK's span the specification's 128 events hold."""
    from opentelemetry.trace import INVALID_SPAN

    assert event_limit(INVALID_SPAN) == limits.DEFAULT_SPAN_EVENT_LIMIT


def test_finish_reasons_stand_on_the_stage_and_for_the_model_in_its_conventions(make_bench: Benches) -> None:
    """Each stage says why the choices finished; the stage that reads the model says it under the standard name too."""
    bench = make_bench()
    finish = b'data: {"id": "a", "choices": [{"index": %d, "delta": {}, "finish_reason": "%s"}]}\n\n'
    for stage in ("provider", "emit"):
        record = bench.open(stage)
        record.feed(finish % (0, b"stop") + finish % (1, b"length"), now_ns(), 0)
        record.close("completed")
    bench.open("client").close("completed")
    (provider,), (emit,) = bench.spans("stream provider"), bench.spans("stream emit")
    assert attributes(provider)["sse.stream.finish_reasons"] == ("stop", "length")
    assert attributes(provider)["gen_ai.response.finish_reasons"] == ("stop", "length")
    assert attributes(emit)["sse.stream.finish_reasons"] == ("stop", "length")
    assert "gen_ai.response.finish_reasons" not in attributes(emit)
    assert "sse.stream.finish_reasons" not in attributes(bench.spans("stream client")[0])
