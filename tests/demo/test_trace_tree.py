from __future__ import annotations

from opentelemetry.trace import SpanKind

from otel_sse.demo.trace_tree import Node, grow
from tests.demo.sdk_spans import Recording, chunk, finding


def shape(nodes: list[Node]) -> list[tuple[str, list]]:
    return [(node.name, shape(node.children)) for node in nodes]


def test_spans_stand_below_their_parents_in_order_of_start() -> None:
    """Whatever ended first, children stand in order of their starts, and stages that nobody knew of stand there too."""
    recording = Recording()
    request = recording.request(100)
    recording.stage(request, 130, 190, name="socket_write", outcome="completed")
    recording.stage(request, 120, 180, name="emit", outcome="completed")
    call = recording.span("POST", 110, request, SpanKind.CLIENT)
    recording.stage(call, 115, 170, name="provider", outcome="completed")
    call.end(175)
    request.end(200)
    assert shape(grow(recording.finished())) == [
        ("POST /chat", [("POST", [("stream provider", [])]), ("stream emit", []), ("stream socket_write", [])])
    ]
    (root,) = grow(recording.finished())
    assert [stage.name for stage in root.stages()] == ["stream provider", "stream emit", "stream socket_write"]


def test_segments_of_a_stage_are_one_node() -> None:
    """Segments are merged in the order of their index: first start, last end, last totals, all events."""
    recording = Recording()
    request = recording.request()
    recording.stage(request, 130, 150, 1, "socket_write", chunk(2, 131), chunks=3)
    recording.stage(request, 110, 130, 0, "socket_write", chunk(1, 111), chunks=1)
    recording.stage(request, 150, 170, 2, "socket_write", chunk(3, 151), chunks=3, outcome="completed")
    request.end(180)
    (root,) = grow(recording.finished())
    (stage,) = root.children
    assert (stage.segments, stage.start_ns, stage.end_ns) == (3, 110, 170)
    assert stage.duration_s == 60e-9
    assert (stage.attributes["sse.stream.chunks"], stage.attributes["sse.stream.outcome"]) == (3, "completed")
    assert [event.attributes["sse.chunk.seq"] for event in stage.events] == [1, 2, 3]


def test_stages_of_different_streams_stay_apart() -> None:
    """Two streams that cross stages of one name below one request are two nodes."""
    recording = Recording()
    request = recording.request()
    recording.stage(request, 110, 130)
    recording.stage(request, 111, 131, id="s2")
    request.end(140)
    (root,) = grow(recording.finished())
    assert len(root.children) == 2


def test_a_span_whose_parent_is_missing_is_a_root() -> None:
    """A parent that has not ended, or is another process's, leaves its children as roots."""
    recording = Recording()
    request = recording.request()
    recording.stage(request, 120, 130)
    recording.span("other", 110, request).end(111)
    assert shape(grow(recording.finished())) == [("other", []), ("stream socket_write", [])]


def test_findings_are_told_apart_from_chunks() -> None:
    """Findings are the events of that name alone."""
    recording = Recording()
    request = recording.request()
    recording.stage(request, 1, 2, 0, "socket_write", chunk(1, 1), finding("protocol/x", 1, "e"))
    (stage,) = grow(recording.finished())
    assert [each["sse.finding.kind"] for each in stage.findings()] == ["protocol/x"]


def test_no_spans_have_no_roots() -> None:
    """Of nothing grows nothing."""
    assert grow([]) == []
