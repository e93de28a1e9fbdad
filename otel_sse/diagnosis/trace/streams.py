"""A trace as streams: which stages a streamed answer crossed, in the order of the data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

import msgspec

from otel_sse import semconv
from otel_sse.diagnosis.trace.edge import Descent
from otel_sse.diagnosis.trace.spans import Span, flag, text
from otel_sse.diagnosis.trace.stages import TraceStage, stages_of
from otel_sse.stream.stages import LAST, ORIGINS


class TraceStream(msgspec.Struct, dict=True):
    """One streamed answer: its stages in the order of the data.

    Args:
        stages: The stages; each stands behind its upstream stages.
        upstream: For each stage, by position, the positions of its upstream stages, in the order in which they began
            to feed it: most often one, none for the first.
    """

    stages: list[TraceStage]
    upstream: list[tuple[int, ...]]

    @property
    def ids(self) -> tuple[str, ...]:
        """`sse.stream.id` of its stages, in order. A process that was not told the id made one of its own."""
        return tuple(dict.fromkeys(stage.stream_id for stage in self.stages))

    @property
    def route(self) -> str:
        """The template of the route at the last stage that has one, where the reader's request arrived; or ""."""
        routes = (text(stage.attributes, semconv.HTTP_ROUTE) for stage in reversed(self.stages))
        return next((route for route in routes if route), "")

    @cached_property
    def orphans(self) -> frozenset[int]:
        """Positions of the stages that link to an upstream stage which is not in the trace.

        The stage before it in time takes that place, and whatever happened between the two is one step.
        """
        here = {span_id for stage in self.stages for span_id in stage.span_ids}
        ups = [stage.upstream_ids for stage in self.stages]
        return frozenset(n for n, span_ids in enumerate(ups) if span_ids and not here & set(span_ids))

    @cached_property
    def descents(self) -> dict[tuple[int, int], Descent]:
        """The chunks of two neighbours beside each other, by the positions of both stages."""
        stages = self.stages
        return {
            (up, n): Descent(
                stages[up],
                stages[n],
                [stages[each] for each in ups],
                believed=n not in self.orphans,
                rounds=self._rounds(up, n),
            )
            for n, ups in enumerate(self.upstream)
            for up in ups
        }

    def _rounds(self, up: int, position: int) -> list[TraceStage]:
        """Return the other stages of the same name that the same stage feeds: further rounds of this one."""
        named = self.stages[position].label
        fed = (n for n, ups in enumerate(self.upstream) if up in ups and n != position)
        return [self.stages[n] for n in fed if self.stages[n].label == named]

    def made_from(self, position: int) -> dict[int, tuple[int, int, int]]:
        """Return for each chunk of a stage the upstream stage and the chunks there that it was made from.

        Args:
            position: The stage's.

        Returns:
            By number: position of the upstream stage, first and last number there. Chunks that were made from nothing
            are left out.
        """
        edges = [(up, self.descents[up, position]) for up in self.upstream[position]]
        return {seq: (up, first, last) for up, edge in edges for seq, (first, last) in edge.ranges.items()}

    @property
    def findings(self) -> int:
        """Findings of all its stages."""
        return sum(stage.findings_total for stage in self.stages)


class Trace(msgspec.Struct):
    """All streams of one trace.

    Args:
        id: 32 hex digits.
        start_ns: When its first stage began, in nanoseconds since the epoch.
        streams: Its streams, in order of their starts.
    """

    id: str
    start_ns: int
    streams: list[TraceStream]


def trace_of(spans: Iterable[Span]) -> Trace | None:
    """Return the streams of one trace, or None where none of its spans is a stage.

    A link of `sse.link="upstream"` makes two stages neighbours. Where a stage has none, `sse.stage.upstream` names a
    stage of the same stream. If no stage of a process has either, because a backend has cut them off, its stages are
    put in order of their first chunks.

    Args:
        spans: Spans of one trace, in any order.
    """
    spans = list(spans)
    stages = stages_of(spans)
    if not stages:
        return None
    streams = [_stream(group) for group in _components(stages)]
    return Trace(spans[0].trace_id, min(stage.start_ns for stage in stages), streams)


def _components(stages: Sequence[TraceStage]) -> list[list[TraceStage]]:
    """Group the stages of each answer: those with one stream id, and those that links tie together."""
    groups: dict[str, list[TraceStage]] = {}
    for stage in stages:
        keys = (f"stream {stage.stream_id}", *stage.span_ids, *stage.upstream_ids)
        merged = [stage]
        for group in {id(groups[key]): groups[key] for key in keys if key in groups}.values():
            merged += group
        groups.update(dict.fromkeys((key for each in merged for key in _keys(each)), merged))
    unique = {id(group): group for group in groups.values()}.values()
    return sorted((sorted(group, key=_start) for group in unique), key=lambda group: _start(group[0]))


def _keys(stage: TraceStage) -> tuple[str, ...]:
    return f"stream {stage.stream_id}", *stage.span_ids, *stage.upstream_ids


def _start(stage: TraceStage) -> tuple[int, int]:
    return stage.first_ns, stage.start_ns


def _stream(stages: Sequence[TraceStage]) -> TraceStream:
    upstream = {id(stage): _upstream(stage, stages) for stage in stages}
    ordered = list(_in_order(stages, upstream))
    position = {id(stage): n for n, stage in enumerate(ordered)}
    # An upstream stage that stands behind closes a circle. Such a link is not followed.
    places = [
        tuple(position[id(up)] for up in upstream[id(stage)] if position[id(up)] < n) for n, stage in enumerate(ordered)
    ]
    return TraceStream(ordered, places)


def _upstream(stage: TraceStage, stages: Sequence[TraceStage]) -> list[TraceStage]:
    by_span = {span_id: each for each in stages for span_id in each.span_ids if each is not stage}
    linked = {id(by_span[span_id]): by_span[span_id] for span_id in stage.upstream_ids if span_id in by_span}
    if linked:
        return _with_content(stage, list(linked.values()))
    others = [each for each in stages if each.stream_id == stage.stream_id and each is not stage]
    before = [each for each in others if _start(each) < _start(stage)]
    # A stage whose link leads out of the trace names a stage that isn't here either.
    named = [each for each in before if not stage.upstream_ids and stage.upstream_name in (each.label, each.name)]
    if named:
        return named[-1:]
    # A process that names upstream stages names them for all of its stages but the first. So a stage without one is a
    # beginning, even if stages that follow it came earlier.
    here = [each for each in others if each.service == stage.service]
    if stage.name in LAST and not stage.chunks and stage.attributes.get(semconv.STREAM_BYTES):
        # Its bytes could not be read, so that it has no chunk which says where it came from.
        return _leaf(here)
    if stage.name in LAST and not any(each.chunks for each in (stage, *here)):
        return here[-1:]
    known = any(each.upstream_ids or each.upstream_name for each in here)
    begins = known and not stage.upstream_ids
    if begins and flag(stage.attributes, semconv.STREAM_CARRIED):
        # A handle carries the stream, so another process of the same name may feed it, which nothing here links to.
        begins, before = False, [each for each in before if not _follows(each, stage, by_span)]
    before = [each for each in before if each.chunks or each.name not in LAST]
    return [] if begins or stage.name in ORIGINS else before[-1:]


def _follows(stage: TraceStage, other: TraceStage, by_span: dict[str, TraceStage]) -> bool:
    """Whether links lead from a stage to another one before it."""
    seen, waiting = set[int](), [stage]
    while waiting:
        each = waiting.pop()
        if each is other or any(span_id in other.span_ids for span_id in each.upstream_ids):
            return True
        if id(each) not in seen:
            seen.add(id(each))
            waiting += [by_span[span_id] for span_id in each.upstream_ids if span_id in by_span]
    return False


def _leaf(stages: Sequence[TraceStage]) -> list[TraceStage]:
    """The latest of these stages that feeds no other one of them."""
    feeding = {span_id for stage in stages for span_id in stage.upstream_ids}
    leaves = [stage for stage in stages if not feeding & set(stage.span_ids)]
    return sorted(leaves or stages, key=_start)[-1:]


def _with_content(stage: TraceStage, linked: list[TraceStage]) -> list[TraceStage]:
    """Of several stages that feed one, keep those that content came from. An end mark alone equals any other."""
    if len(linked) == 1:
        return linked
    # An application may read another call, a judge's or a title's, before it hands a merged chunk on. A stage that
    # explains all of the content is the only one that it came from.
    whole = [each for each in linked if Descent(each, stage).explains_all]
    if whole:
        return whole[:1]
    found = [each for each in linked if any(map(Descent(each, stage, linked).takes, stage.chunks))]
    return found or linked[:1]


def _in_order(stages: Sequence[TraceStage], upstream: dict[int, list[TraceStage]]) -> Iterator[TraceStage]:
    """Yield each stage behind its upstream stages; else in order of time."""
    waiting, done = list(stages), set[int]()
    while waiting:
        ready = (stage for stage in waiting if all(id(up) in done for up in upstream[id(stage)]))
        following = next(ready, waiting[0])
        waiting.remove(following)
        done.add(id(following))
        yield following
