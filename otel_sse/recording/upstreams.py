"""Which stages of a stream come before one of them: learnt from the order of their first chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import format_span_id

from otel_sse.lineage import Crossings
from otel_sse.stream.chunk import CONTENT, Chunk

if TYPE_CHECKING:
    from otel_sse.recording.live_stream import Stream
    from otel_sse.recording.recorder import StageRecord


class Upstreams:
    """The stages of a stream as one of them sees them; see `otel_sse.lineage.edge.Upstreams`.

    A stage comes after another one where the chunks say so: one that waits there equals its own; or where it has pulled
    from it: the other began in the same task or thread, and a chunk crossed there since this one began to pull. A stage
    that nobody pulls through (a call for each chunk, a message that is sent, the socket) comes after the stage that
    began last and has chunks that nobody has claimed. That something was sent before proves nothing: what left by a
    socket comes back, if at all, by the stage that receives it.

    Where several sources feed one stream, or a source begins after a stage further down has had a chunk of its own, the
    chunks themselves tell: the edge asks for the others.

    Args:
        stream: The stream.
        record: The stage that looks.
        origin: Whether its chunks come from outside the process, so that no stage here comes before it.
        relays: Whether it comes after the stage that began before it. Where it does not have to (an application's own
            mark on a provider's stream, which a watched client may have seen already, or not), its first piece of
            content tells: it waits at the stage that it came from.
    """

    __slots__ = ("_chosen", "_looked_at", "_others", "_record", "_relays", "_stream", "unknown")

    def __init__(self, stream: Stream, record: StageRecord, origin: bool, relays: bool) -> None:
        self._stream = stream
        self._record = record
        self._relays = relays
        self.unknown = not origin
        """Whether it is still worth asking."""
        self._looked_at = 0
        self._chosen: Crossings | None = None
        self._others: list[Crossings] = []

    def begin(self) -> None:
        """Take note of the stage's first chunk."""
        stream = self._stream
        stream.begun(self._record)
        if stream.upstream is not None and stream.stages_begun == 1 and self.unknown:
            self._record.link_upstream(stream.upstream)

    def find(self, chunk: Chunk) -> Crossings | None:
        """Return the crossings of the stage that the chunk came from, or None where that is not known."""
        if not self.unknown or self._looked_at == self._stream.stages_begun:
            return None
        if self._relays:
            return self._find_relayed(chunk)
        if chunk.kind != CONTENT:
            return None
        self.unknown = False
        # What a stage further down still holds equals it too, where an answer comes a second time.
        name = self._record.info.name
        same = [(stage, found) for stage, found in self._candidates() if stage.info.name == name]
        return next((found for stage, found in same if self._equals(stage, found, chunk)), None)

    def _find_relayed(self, chunk: Chunk) -> Crossings | None:
        # Only a stage with chunks that nobody has claimed can be it. One that waits for this stage has none: an
        # application may have greeted its reader before it asked its model.
        waiting = [(stage, found) for stage, found in self._candidates() if found.waits]
        if chunk.kind == CONTENT or not self._record.pulls:
            # A stage that pulls may begin with what says nothing of where it came from.
            self._looked_at = self._stream.stages_begun
        pulled = (found for stage, found in waiting if self._pulls(stage, found))
        return next(pulled, None) or next(
            (found for stage, found in waiting if self._equals(stage, found, chunk)), None
        )

    def _pulls(self, stage: StageRecord, crossings: Crossings) -> bool:
        record = self._record
        if stage.leaves:
            return False
        if not record.pulls:
            return True
        return stage.opener == record.opener and crossings.waits_since(record.opened_ns)

    def _equals(self, stage: StageRecord, crossings: Crossings, chunk: Chunk) -> bool:
        # A stage that was over before this one began under the same name is an earlier round of the same.
        record = self._record
        over = stage.ended and stage.monitor.totals.ended_ns <= record.opened_ns
        if chunk.kind != CONTENT or (over and stage.info.label == record.info.label):
            return False
        # An iterator can't be fed by a socket's way out; what is handed on beside it (the response) may look so.
        return not (stage.leaves and record.pulls) and crossings.holds(chunk)

    def others(self) -> list[Crossings]:
        """Return the crossings of the stages that neither feed this one's upstream nor follow this one."""
        if self._looked_at != self._stream.stages_begun:
            self._looked_at = self._stream.stages_begun
            self._others = self._unrelated()
        return self._others

    def chosen(self, upstream: Crossings) -> str:
        """Write on the stage's span where its chunks come from, once for each stage that they come from.

        Returns:
            The span id of that stage; "" where it is the first one.
        """
        self._chosen = upstream
        self._looked_at = 0
        record = self._record
        stage = next((stage for stage, crossings in self._candidates() if crossings is upstream), None)
        if stage is None:
            return ""
        record.comes_after(stage)
        return "" if stage is record.upstreams[0] else format_span_id(stage.span_context.span_id)

    def _unrelated(self) -> list[Crossings]:
        direct = self._record.upstreams
        further = {id(each) for upstream in direct for each in _ancestors(upstream)} - {id(each) for each in direct}
        candidates = [(each, found) for each, found in self._candidates() if not each.leaves]
        return [found for each, found in candidates if id(each) not in further and found is not self._chosen]

    def _candidates(self) -> list[tuple[StageRecord, Crossings]]:
        """The stages that do not follow this one, the one that began last first."""
        found: list[tuple[StageRecord, Crossings]] = []
        for stage in reversed(list(self._stream.stages)):
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
