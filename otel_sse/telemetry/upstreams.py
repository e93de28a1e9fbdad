"""Which stages of a stream come before one of them: learnt from the order of their first chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_sse.lineage import Crossings
from otel_sse.stream.chunk import CONTENT, Chunk

if TYPE_CHECKING:
    from otel_sse.telemetry.recorder import StageRecord
    from otel_sse.telemetry.streams import Stream


class Upstreams:
    """The stages of a stream as one of them sees them; see `otel_sse.stage.edge.Upstreams`.

    A chunk that is pulled through a chain of iterators crosses the stages in their order, so a stage comes after the
    one that had its first chunk last. Where several sources feed one stream, or a source begins after a stage
    further down has had a chunk of its own, the chunks themselves tell: the edge asks for the others.

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
            # Only a stage with chunks that nobody has claimed can be it. One that waits for this stage has none: an
            # application may have greeted its reader before it asked its model.
            self._looked_at = self._stream.stages_begun
            return next((found for _, found in self._candidates() if found.waits), None)
        if chunk.kind != CONTENT:
            return None
        self.unknown = False
        return next((found for _, found in self._candidates() if found.holds(chunk)), None)

    def others(self) -> list[Crossings]:
        """Return the crossings of the stages that neither feed this one's upstream nor follow this one."""
        if self._looked_at != self._stream.stages_begun:
            self._looked_at = self._stream.stages_begun
            self._others = self._unrelated()
        return self._others

    def chosen(self, upstream: Crossings) -> None:
        """Write on the stage's span where its chunks come from, once for each stage that they come from."""
        self._chosen = upstream
        self._looked_at = 0
        record = self._record
        known = [id(each) for each in record.upstreams]
        for stage, crossings in self._candidates():
            if crossings is upstream and id(stage) not in known:
                record.upstreams.append(stage)
                record.link_upstream(stage.span_context, stage.info.label)

    def _unrelated(self) -> list[Crossings]:
        direct = self._record.upstreams
        further = {id(each) for upstream in direct for each in _ancestors(upstream)} - {id(each) for each in direct}
        candidates = self._candidates()
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
    found = [record]
    for stage in found:
        found += [each for each in stage.upstreams if not any(each is known for known in found)]
    return found[1:]
