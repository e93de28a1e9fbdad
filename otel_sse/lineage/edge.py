"""The edge between a stage and the one before it: lineage and latency of each chunk, as it crosses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from otel_sse import limits
from otel_sse.lineage.handover import HandoverDetector
from otel_sse.lineage.pending import ANEW, FAR, LATE, NEAR, PASSED, Crossings, claim, is_repeat
from otel_sse.stream.chunk import CONTENT, CONTROL, Chunk, Finding
from otel_sse.stream.totals import Totals

_HALF_BURST: Final = limits.BURST_CHUNKS // 2
_SURE_AFTER: Final = 3
"""Chunks that have to follow in their order before it is sure that those before them were left out."""

_NOTHING: Final = Chunk(0, 0, CONTROL, "", 0, 0, False)
_END: Final = 2**63
"""A number behind that of any chunk."""


class FindsUpstream(Protocol):
    """Finds the stages that one stage of a stream takes its chunks from."""

    unknown: bool
    """Whether the stage's upstream is not known yet and may still be found by asking."""

    def begin(self) -> None:
        """The stage's first chunk has come."""

    def find(self, chunk: Chunk) -> Crossings | None:
        """Return the source that the chunk was taken from; None while that is not known."""

    def others(self) -> Sequence[Crossings]:
        """Return the other sources of the stage: stages that neither feed its upstream nor follow it."""

    def chosen(self, upstream: Crossings) -> str:
        """The stage takes its chunks from there. Return the span id of that stage; "" where it is the first source."""


class Edge:
    """Ties the chunks of one stage to those of the stage before it, in one process.

    The usual chunk claims the next pending one and costs two comparisons. Only a chunk that does not match is searched
    for (`claim`), and how it is found says what may be wrong with it:

    - `NEAR`: chunks before it were skipped. They are reported as lost once they can't come late any more.
    - `LATE`: it was skipped a moment ago, so it has moved.
    - `PASSED`: it was claimed before, so it came twice.
    - `ANEW`: it equals no pending chunk, so its content was changed, merged or cut.

    Identical chunks can be mistaken for one another. So an edge that has skipped chunks is unsure until three chunks in
    a row match again. If instead a chunk matches nothing nearby, the search was wrong, and nothing more is certain.

    Args:
        upstreams: The stages that may come before this one.
        crossings: Where this stage's own chunks wait for the stage after it; None for the last stage of a process.
        totals: The stage's sums, of which the latency is kept here.
        sample: Every how many chunks one latency is kept for the metrics.
        rewrites: Whether the stage may change content. Its changes are then no findings.
        stage: The stage's name, for findings.
    """

    # A worked example. The upstream stage hands on a b c d e f, its chunks 1 to 6; this stage sends six chunks:
    #
    #   1  a           made from 1
    #   2  a  PASSED   made from 1 again     → duplicate/doubled at 2, certain
    #   3  c  NEAR     made from 3; 2 is skipped
    #   4  b  LATE     made from 2           → reorder/moved at 4, certain
    #   5  d           made from 4
    #   6  f  NEAR     made from 6; 5 is skipped
    #   end                                  → gap/lost at 6, certain: 5 is missing

    __slots__ = (
        "_add",
        "_altered",
        "_asks",
        "_begun",
        "_handover",
        "_rewrites",
        "_sample",
        "_several",
        "_source",
        "_span",
        "_totals",
        "_unsure",
        "_upstream",
        "_upstreams",
        "crossings",
        "latencies",
    )

    def __init__(
        self,
        upstreams: FindsUpstream,
        crossings: Crossings | None,
        totals: Totals,
        sample: int,
        *,
        rewrites: bool = False,
        stage: str = "",
    ) -> None:
        self._upstreams = upstreams
        self._upstream: Crossings | None = None
        self._begun = False
        self._asks = True
        self._several = False
        self._unsure = 0
        self._altered = False
        self._source = ""
        self._span = ""
        self._totals = totals
        self._sample = sample
        self._rewrites = rewrites
        self._handover = None if rewrites else HandoverDetector(stage)
        self._add = None if crossings is None else crossings.add
        self.crossings = crossings
        self.latencies: list[int] = []

    @property
    def hands_on(self) -> bool:
        """Whether the stage takes its chunks from another one in this process, and has made none of them anew."""
        return self._upstream is not None and self._handover is not None and self._handover.is_exact

    def cross(self, chunk: Chunk) -> Sequence[Finding]:
        """Write on `chunk` which upstream chunks it was made from, and make it pending for the next stage.

        Returns:
            Findings about the chunk, or about chunks before it, that its lineage proves.
        """
        found: Sequence[Finding] = ()
        upstream = self._upstream
        if upstream is None and self._asks:
            upstream = self._find(chunk)
        if upstream is not None:
            made_ns = upstream.claim_alike(chunk) if chunk.findings else upstream.claim_next(chunk)
            if not made_ns:
                made_ns, found = self._search(chunk, upstream)
            else:
                if self._unsure:
                    self._unsure -= 1
                if self._altered:
                    found = self._told()
            if made_ns:
                self._count(chunk.time_ns - made_ns, chunk.seq)
                if not chunk.seq % _HALF_BURST:
                    found = [*found, *self._at_once(chunk, made_ns)]
            if upstream.left:
                found = [*found, *self._overdue(upstream, chunk.seq)]
            if chunk.upstream_first:
                if self._several:
                    chunk.source = self._source
                if self._span:
                    chunk.upstream_span = self._span
        if self._add is not None:
            self._add(chunk)
        return found

    def skip(self) -> int:
        """The stage took a chunk and made nothing of it.

        Returns:
            The chunk's number at the upstream stage; 0 where that is not known.
        """
        upstream = self._upstream
        if upstream is None and self._asks:
            upstream = self._find(_NOTHING)
        return 0 if upstream is None else upstream.skip()

    def close(self) -> Sequence[Finding]:
        """Return the findings that were held back, and the losses that are certain at the end."""
        return () if self._upstream is None else [*self._told(), *self._overdue(self._upstream, _END)]

    def may_rewrite(self) -> None:
        """The stage turns out to be one that may change content. For before its first chunk finds its upstream."""
        self._rewrites = True
        self._handover = None

    def keep_content(self) -> None:
        """The stage has promised to keep content: a chunk that comes out with other content is a finding."""
        if self._handover is not None:
            self._handover.keeps_content = True

    def _find(self, chunk: Chunk) -> Crossings | None:
        if not self._begun:
            self._begun = True
            self._upstreams.begin()
        found = self._upstreams.find(chunk)
        self._asks = self._upstreams.unknown
        if found is not None:
            self._take_from(found)
        return found

    def _take_from(self, upstream: Crossings) -> None:
        self._upstream = upstream
        self._source = upstream.source
        self._span = self._upstreams.chosen(upstream)

    def _search(self, chunk: Chunk, upstream: Crossings) -> tuple[int, Sequence[Finding]]:
        repeats = is_repeat(chunk)
        waited = upstream.waits
        others = self._upstreams.others()
        found, made_ns, how = claim(chunk, upstream, others, self._rewrites, repeats=repeats)
        if found is not upstream:
            self._several = self._several or found.source != upstream.source
            self._take_from(found)
        if self._handover is None or not made_ns:
            return made_ns, ()
        neighbour = how == PASSED and found.again == chunk.seq - 1
        if how in (PASSED, FAR, ANEW) and self._unsure and not (repeats or neighbour):
            # The skipped chunks were not skipped: identical chunks had been taken for one another.
            self._handover.made_anew()
        left_out = how == NEAR and bool(found.left) and found.left[-1][1] == chunk.seq
        self._unsure = _SURE_AFTER if left_out else 0
        if how == ANEW and chunk.kind == CONTENT:
            return made_ns, self._made_anew(chunk, found, waited and chunk.upstream_first == chunk.upstream_last)
        finding = None
        if how == PASSED and not repeats:
            finding = self._handover.again(chunk, found.again)
        elif how == LATE:
            finding = self._handover.late(chunk)
        elif how == FAR and chunk.kind == CONTENT:
            self._handover.made_anew()
        return made_ns, [*self._told(), *(() if finding is None else (finding,))]

    def _made_anew(self, chunk: Chunk, upstream: Crossings, of_one: bool) -> Sequence[Finding]:
        handover, before = self._handover, upstream.latest
        if handover is None or before is None:  # pragma: no cover - it was made anew of something
            return ()
        handover.made_anew()
        if not handover.keeps_content:
            return ()
        finding = handover.altered(chunk, before, of_one=of_one)
        self._altered = of_one
        return () if finding is None else (finding,)

    def _told(self) -> Sequence[Finding]:
        self._altered = False
        finding = None if self._handover is None else self._handover.told()
        return () if finding is None else (finding,)

    def _at_once(self, chunk: Chunk, made_ns: int) -> Sequence[Finding]:
        finding = None if self._handover is None else self._handover.handed_on(chunk.seq, chunk.time_ns, made_ns)
        return () if finding is None else (finding,)

    def _overdue(self, upstream: Crossings, seq: int) -> Sequence[Finding]:
        left = upstream.overdue(seq)
        return () if self._handover is None or not left else self._handover.lost(left, upstream.recent_channels)

    def _count(self, latency_ns: int, seq: int) -> None:
        totals = self._totals
        totals.latencies += 1
        totals.latency_ns += latency_ns
        if latency_ns > totals.max_latency_ns:
            totals.max_latency_ns = latency_ns
        if (not seq % self._sample or seq == 1) and len(self.latencies) < limits.MAX_INTERVALS:
            self.latencies.append(latency_ns)
