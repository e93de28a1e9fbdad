"""Finds which stages of a stream come before one of them: by the order of first chunks, by tasks and by content."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.trace import SpanContext, format_span_id

from otel_sse import limits
from otel_sse.lineage import Crossings
from otel_sse.lineage.edge import Edge
from otel_sse.recording.stage_record import StageRecord
from otel_sse.stream.chunk import CONTENT, Chunk

# A worked example. Stage `emit` is opened in task 7 at 100 ms and pulls. Three stages have had a chunk that waits:
#
#   stage        opened in   outbound   waits: content, crossed at
#   ws.send      task 7      yes        "Hel", 90 ms
#   provider a   task 7      no         "Hel", 120 ms
#   provider b   task 9      no         "lo", 125 ms
#
# Emit's first chunk is "Hel", at 130 ms      → provider a: task 7 as well, and its chunk crossed after 100 ms.
# The same, but a was opened in task 9        → provider a: emit has pulled from no stage, so equal content tells.
# The same again, but emit's chunk is "Hi"    → none is known; asked again once one more stage has had a chunk.
# ws.send is it in no case: what left by a socket feeds no iterator, though its "Hel" equals the chunk.


class StageOrder:
    """The stages of one stream that have had a chunk, in the order of their first ones."""

    __slots__ = ("count", "remote", "stages")

    def __init__(self) -> None:
        self.stages: list[StageRecord] = []
        """The latest `limits.MAX_UPSTREAMS` of them."""
        self.count = 0
        """How many there have been, those forgotten included."""
        self.remote: SpanContext | None = None
        """Span of another process that the first of them is to link to, where that is known."""

    def add(self, record: StageRecord) -> None:
        """Add a stage, at its first chunk."""
        # Not a deque with a bound, whose 600 bytes every request would pay; another thread may append as well.
        self.stages.append(record)
        for forgotten in self.stages[: -limits.MAX_UPSTREAMS]:
            if forgotten.ended:
                # No search goes further back. Else each turn of a long conversation would hold all turns before it.
                forgotten.upstreams.clear()
        del self.stages[: -limits.MAX_UPSTREAMS]
        self.count += 1


def tie(record: StageRecord, order: StageOrder, sample: int) -> None:
    """Give a stage the edge by which its chunks find those of the stage before it.

    Args:
        record: The stage, before its first chunk.
        order: The stages of its stream.
        sample: Every how many chunks one latency is kept for the metrics.
    """
    spec = record.info.spec
    record.monitor.edge = Edge(
        Upstreams(order, record),
        None if spec.last else Crossings(spec.source),
        record.monitor.totals,
        sample,
        rewrites=spec.rewrites,
        stage=spec.name,
        known=record.monitor.leave_to_lineage,
    )


class Upstreams:
    """The stages of a stream as one of them sees them; what `otel_sse.lineage.edge.FindsUpstream` asks for.

    A stage comes after another one where the chunks prove it. Either a chunk that waits at the other equals its own. Or
    it has pulled from the other: both were opened in the same task or thread, and a chunk crossed at the other since
    this one was opened. A stage that nobody pulls through (a call for each chunk, a message that is sent, the socket)
    comes after the stage that had its first chunk last and has chunks that nobody has claimed. That something was sent
    before proves nothing: what left by a socket comes back, if at all, by the stage that receives it.

    Where several sources feed one stream, or a source begins after a stage further down has had a chunk of its own, the
    chunks themselves tell: the edge asks for the others.

    A stage that does not relay (`StageSpec.relays`) may or may not come after the one before: an application's own mark
    on a provider's stream, which a watched client may have seen already. There the first piece of content tells: it
    waits at the stage that it came from.

    Args:
        order: The stages of the stream.
        record: The stage that looks.
    """

    __slots__ = ("_chosen", "_looked_at", "_order", "_others", "_record", "unknown")

    def __init__(self, order: StageOrder, record: StageRecord) -> None:
        self._order = order
        self._record = record
        self.unknown = not record.info.spec.origin
        """Whether it is still worth asking."""
        self._looked_at = 0
        self._chosen: Crossings | None = None
        self._others: list[Crossings] = []

    def begin(self) -> None:
        """Add the stage to the order, at its first chunk."""
        order = self._order
        order.add(self._record)
        if order.remote is not None and order.count == 1 and self.unknown:
            self._record.link_upstream(order.remote)

    def find(self, chunk: Chunk) -> Crossings | None:
        """Return the pending chunks of the stage that a chunk came from, or None if no stage is known to be it."""
        if not self.unknown or self._looked_at == self._order.count:
            return None
        if self._record.info.spec.relays:
            return self._find_relayed(chunk)
        if chunk.kind != CONTENT:
            return None
        self.unknown = False
        # Stages of the same name alone: where an answer comes twice, a stage further down may hold an equal chunk.
        name = self._record.info.name
        same = [(stage, found) for stage, found in self._candidates() if stage.info.name == name]
        return next((found for stage, found in same if self._equals(stage, found, chunk)), None)

    def _find_relayed(self, chunk: Chunk) -> Crossings | None:
        # Only a stage with chunks that nobody has claimed can be it. One that waits for this stage has none, though it
        # may have had a chunk before: an application may greet its reader before it asks its model.
        waiting = [(stage, found) for stage, found in self._candidates() if found.waits]
        if chunk.kind == CONTENT or not self._record.info.spec.pulls:
            # The search is over until another stage begins. A stage that pulls may begin with a chunk without content,
            # which says nothing of its origin; then the next chunk is tried as well.
            self._looked_at = self._order.count
        pulled = [found for stage, found in waiting if self._pulls(stage, found)]
        return self._likeliest(pulled, chunk) or next(
            (found for stage, found in waiting if self._equals(stage, found, chunk)), None
        )

    def _likeliest(self, pulled: Sequence[Crossings], chunk: Chunk) -> Crossings | None:
        """Return the one of several stages pulled from whose content the chunk equals, or is the sum of.

        An application may have asked another model about the answer before it hands on its first sentence.
        """
        if len(pulled) > 1 and chunk.kind == CONTENT and not self._record.info.spec.rewrites:
            equal = (found for found in pulled if found.holds(chunk))
            sums = (found for found in pulled if found.sums_up_to(chunk, chunk.acc_len))
            if found := next(equal, None) or next(sums, None):
                return found
        return pulled[0] if pulled else None

    def _pulls(self, stage: StageRecord, crossings: Crossings) -> bool:
        record = self._record
        if stage.info.spec.outbound:
            return False
        if not record.info.spec.pulls:
            return True
        return stage.opened_in == record.opened_in and crossings.waits_since(record.opened_ns)

    def _equals(self, stage: StageRecord, crossings: Crossings, chunk: Chunk) -> bool:
        # A stage of the same name that ended before this one began is an earlier round, and no upstream.
        record = self._record
        over = stage.ended and stage.monitor.totals.ended_ns <= record.opened_ns
        if chunk.kind != CONTENT or (over and stage.info.label == record.info.label):
            return False
        # A socket's way out feeds no iterator. The response, which is sent beside it, may look as if it came from it.
        return not (stage.info.spec.outbound and record.info.spec.pulls) and crossings.holds(chunk)

    def others(self) -> list[Crossings]:
        """Return the pending chunks of the stages that neither feed this one's upstream nor follow this one."""
        if self._looked_at != self._order.count:
            self._looked_at = self._order.count
            self._others = self._unrelated()
        return self._others

    def chosen(self, upstream: Crossings) -> str:
        """Link the stage's span to the stage that its chunks come from, once for each such stage.

        Args:
            upstream: The pending chunks of that stage.

        Returns:
            The span id of that stage; "" if it is the first one that chunks came from.
        """
        self._chosen = upstream
        self._looked_at = 0
        record = self._record
        stage = next((stage for stage, crossings in self._candidates() if crossings is upstream), None)
        if stage is None:
            return ""
        record.comes_after(stage)
        if record.info.spec.rewrites_but_after not in ("", stage.info.name):
            record.may_rewrite()
        return "" if stage is record.upstreams[0] else format_span_id(stage.span_context.span_id)

    def _unrelated(self) -> list[Crossings]:
        direct = self._record.upstreams
        further = {id(each) for upstream in direct for each in _ancestors(upstream)} - {id(each) for each in direct}
        candidates = [(each, found) for each, found in self._candidates() if not each.info.spec.outbound]
        return [found for each, found in candidates if id(each) not in further and found is not self._chosen]

    def _candidates(self) -> list[tuple[StageRecord, Crossings]]:
        """The stages that do not follow this one, with their pending chunks. Those that began last come first."""
        found: list[tuple[StageRecord, Crossings]] = []
        for stage in reversed(list(self._order.stages)):
            crossings = stage.monitor.edge.crossings if stage.monitor.edge is not None else None
            if crossings is not None and stage is not self._record and not _follows(stage, self._record):
                found.append((stage, crossings))
        return found


def _follows(stage: StageRecord, record: StageRecord) -> bool:
    return any(each is record for each in _ancestors(stage))


def _ancestors(record: StageRecord) -> list[StageRecord]:
    found = {id(record): record}
    waiting = [record]
    while waiting:
        for each in waiting.pop().upstreams:
            if id(each) not in found:
                found[id(each)] = each
                waiting.append(each)
    del found[id(record)]
    return list(found.values())
