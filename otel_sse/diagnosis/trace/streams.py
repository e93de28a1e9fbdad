"""A trace as streams: which stages a streamed answer crossed, in the order of the data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Final

import msgspec

from otel_sse import semconv
from otel_sse.diagnosis.trace.edge import CHANGED, DOUBLED, DROPPED, Descent
from otel_sse.diagnosis.trace.spans import Span, text
from otel_sse.diagnosis.trace.stages import TraceStage, stages_of
from otel_sse.stream.stages import FAITHFUL, LAST, ORIGINS

_NOT_IN_ORDER: Final = frozenset({"failed", "incomplete"})


class TraceStream(msgspec.Struct, dict=True):
    """One streamed answer: its stages in the order of the data.

    Args:
        stages: The stages; each stands behind the stages that are upstream of it.
        upstream: For each stage, by position, the positions of the stages upstream of it, in the order in which they
            came to feed it: most often one, none for the first.
    """

    stages: list[TraceStage]
    upstream: list[tuple[int, ...]]

    @property
    def ids(self) -> tuple[str, ...]:
        """`sse.stream.id` of its stages, in order: each process that was not told of the stream gave it its own."""
        return tuple(dict.fromkeys(stage.stream_id for stage in self.stages))

    @property
    def route(self) -> str:
        """The route's template at the last stage that says one: that of the request which the reader sent; or ""."""
        routes = (text(stage.attributes, semconv.HTTP_ROUTE) for stage in reversed(self.stages))
        return next((route for route in routes if route), "")

    @cached_property
    def orphans(self) -> frozenset[int]:
        """Positions of the stages whose chunks came from a stage that is not in the trace, by what their links say.

        Before such a stage stands the one before it in time, and what happened in between is one step.
        """
        here = {span_id for stage in self.stages for span_id in stage.span_ids}
        ups = [stage.upstream_ids for stage in self.stages]
        return frozenset(n for n, span_ids in enumerate(ups) if span_ids and not here & set(span_ids))

    @cached_property
    def descents(self) -> dict[tuple[int, int], Descent]:
        """What happened between two neighbours, by their positions."""
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
        """The other stages with the name of one that the same stage feeds: it was begun several times."""
        named = self.stages[position].label
        fed = (n for n, ups in enumerate(self.upstream) if up in ups and n != position)
        return [self.stages[n] for n in fed if self.stages[n].label == named]

    def made_from(self, position: int) -> dict[int, tuple[int, int, int]]:
        """Return for each chunk of a stage, by number, which stage and which of its chunks it was made from.

        Args:
            position: The stage's.

        Returns:
            Position of the upstream stage, first and last number there; chunks that were made from nothing have none.
        """
        edges = [(up, self.descents[up, position]) for up in self.upstream[position]]
        return {seq: (up, first, last) for up, edge in edges for seq, (first, last) in edge.ranges.items()}

    @property
    def findings(self) -> int:
        """Findings of all its stages."""
        return sum(stage.findings_total for stage in self.stages)

    @property
    def in_order(self) -> bool:
        """Whether no stage has a finding, none failed or broke off, and none changed what it must hand on as it is."""
        ended_well = not any(stage.outcome in _NOT_IN_ORDER for stage in self.stages)
        return not self.findings and ended_well and not any(map(self._altered, self.descents))

    def _altered(self, edge: tuple[int, int]) -> bool:
        """Whether chunks became something else before a stage that must hand on all, by what the stage itself says."""
        descent = self.descents[edge]
        stage = descent.downstream
        # A policy that was declared to change nothing must hand on all as well; of other stages nobody has said so.
        if not (stage.name in FAITHFUL or stage.direction == "out") or stage.rewrites or not descent.recorded:
            return False
        if edge[1] in self.orphans or len(self.upstream[edge[1]]) > 1:
            return False
        # Two processes may have different digest keys: then nothing is equal, and nothing changed.
        here = descent.upstream.service == stage.service
        return any(descent.counts[became] for became in ((DROPPED, DOUBLED, CHANGED) if here else (DROPPED, DOUBLED)))


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

    @property
    def in_order(self) -> bool:
        """Whether all streams are."""
        return all(stream.in_order for stream in self.streams)


def trace_of(spans: Iterable[Span]) -> Trace | None:
    """Return the streams that the spans of one trace tell of, or None where none of them is a stage.

    Stages are neighbours where a link of `sse.link="upstream"` says so; where there is none, where
    `sse.stage.upstream` names a stage of the same stream. Only where no stage of a process says anything of the kind (a
    backend has cut it off) are its stages put in order of their first chunks.

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
    """Stages of one answer: those with one stream id, and those that links tie together."""
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
    # An upstream stage that stands behind is one of a circle: such links are not followed.
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
    # A stage whose link leads out of the trace names one that isn't here either.
    named = [each for each in before if not stage.upstream_ids and stage.upstream_name in (each.label, each.name)]
    if named:
        return named[-1:]
    # Its process knows which stage comes after which. So a stage of which it says nothing is a beginning there; it may
    # well have come later than stages that follow it.
    here = [each for each in others if each.service == stage.service]
    # Where none of them had a chunk, no link says that they lead to it.
    if stage.name in LAST and not any(each.chunks for each in (stage, *here)):
        return here[-1:]
    known = any(each.upstream_ids or each.upstream_name for each in here)
    begins = known and not stage.upstream_ids
    before = [each for each in before if each.chunks or each.name not in LAST]
    return [] if begins or stage.name in ORIGINS else before[-1:]


def _with_content(stage: TraceStage, linked: list[TraceStage]) -> list[TraceStage]:
    """Of several stages that feed one, those that content came from: an end mark alone equals any other."""
    if len(linked) == 1:
        return linked
    found = [each for each in linked if any(map(Descent(each, stage, linked).takes, stage.chunks))]
    return found or linked[:1]


def _in_order(stages: Sequence[TraceStage], upstream: dict[int, list[TraceStage]]) -> Iterator[TraceStage]:
    """Each stage behind those upstream of it; else in order of time."""
    waiting, done = list(stages), set[int]()
    while waiting:
        ready = (stage for stage in waiting if all(id(up) in done for up in upstream[id(stage)]))
        following = next(ready, waiting[0])
        waiting.remove(following)
        done.add(id(following))
        yield following
