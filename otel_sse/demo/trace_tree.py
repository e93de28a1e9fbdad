"""A trace as a tree: spans below their parents, the segments of one stage merged into one node."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan

from otel_sse import semconv


@dataclass(slots=True)
class Happening:
    """One event of a span.

    Args:
        name: `sse.chunk`, `sse.finding` …
        time_ns: When, in nanoseconds since the epoch.
        attributes: What it says.
    """

    name: str
    time_ns: int
    attributes: dict[str, Any]


@dataclass(slots=True)
class Node:
    """One span, or all segments of one stage.

    Args:
        name: The span's name.
        start_ns: When it began, in nanoseconds since the epoch.
        end_ns: When it (or its last segment) ended.
        attributes: What it (or its last segment) says.
        events: Its events, in order of time.
        segments: How many spans it is made of.
        children: What happened within it, in order of their starts.
    """

    name: str
    start_ns: int
    end_ns: int
    attributes: dict[str, Any]
    events: list[Happening]
    segments: int = 1
    children: list[Node] = field(default_factory=list)

    @property
    def is_stage(self) -> bool:
        """Whether it is a stage of a stream."""
        return semconv.STAGE in self.attributes

    @property
    def duration_s(self) -> float:
        """From its start to its end, in seconds."""
        return (self.end_ns - self.start_ns) / 1e9

    def findings(self) -> list[dict[str, Any]]:
        """Return the attributes of its findings, in order."""
        return [event.attributes for event in self.events if event.name == semconv.FINDING_EVENT]

    def stages(self) -> Iterator[Node]:
        """Yield itself and all nodes below it that are stages, in order."""
        if self.is_stage:
            yield self
        for child in self.children:
            yield from child.stages()


_STAGE_KEY: Final = (semconv.STREAM_ID, semconv.STAGE, semconv.STAGE_DIRECTION)


def grow(spans: Iterable[ReadableSpan]) -> list[Node]:
    """Return the roots of one trace's spans: those whose parent is not among them.

    Args:
        spans: Finished spans of one trace, in any order.
    """
    groups: dict[Hashable, list[ReadableSpan]] = {}
    for span in spans:
        groups.setdefault(_key(span), []).append(span)
    nodes = [(group, _node(group)) for group in groups.values()]
    by_span = {_span_id(span): node for group, node in nodes for span in group}
    roots: list[Node] = []
    for group, node in nodes:
        parent = by_span.get(group[0].parent.span_id) if group[0].parent else None
        (roots if parent is None else parent.children).append(node)
    for _, node in nodes:
        node.children.sort(key=_start)
    return sorted(roots, key=_start)


def _key(span: ReadableSpan) -> Hashable:
    attributes = span.attributes or {}
    if semconv.STAGE not in attributes:
        return _span_id(span)
    return (span.parent.span_id if span.parent else 0, span.name, *(attributes.get(name) for name in _STAGE_KEY))


def _node(group: Sequence[ReadableSpan]) -> Node:
    group = sorted(group, key=_segment)
    events = [Happening(e.name, e.timestamp, dict(e.attributes or {})) for span in group for e in span.events]
    return Node(
        name=group[0].name,
        start_ns=min(span.start_time or 0 for span in group),
        end_ns=max(span.end_time or 0 for span in group),
        attributes=dict(group[-1].attributes or {}),
        events=events,
        segments=len(group),
    )


def _segment(span: ReadableSpan) -> int:
    index = (span.attributes or {}).get(semconv.SEGMENT_INDEX, 0)
    return index if isinstance(index, int) else 0


def _span_id(span: ReadableSpan) -> int:
    return span.context.span_id if span.context else 0


def _start(node: Node) -> int:
    return node.start_ns
