"""The edge between a stage and the one before it: lineage and latency of each chunk, as it crosses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from otel_sse import limits
from otel_sse.lineage.claims import ANEW, BACK, FAR, NEAR, NEXT, PASSED, RESUMED, SUM, claim
from otel_sse.lineage.handover import HandoverDetector
from otel_sse.lineage.losses import Missing
from otel_sse.lineage.pending import Crossings, Passed, is_repeat
from otel_sse.lineage.stretch import Stretch, Verdict
from otel_sse.stream.chunk import CONTENT, CONTROL, Chunk, Finding
from otel_sse.stream.totals import Totals

_HALF_BURST: Final = limits.BURST_CHUNKS // 2

_END: Final = 2**63
"""A number behind that of any chunk."""

_NOTHING: Final = Chunk(0, 0, CONTROL, "", 0, 0, False)


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

    The usual chunk claims the next pending one and costs two comparisons. Any other one is searched for (`claim`). It
    may be a copy, or late, or stand behind lost ones; or it is a word of the stage's own that equals some chunk by
    chance. So a stretch begins with it (`Stretch`), which is judged once three chunks in a row follow in their order.
    Chunks that are missing then are lost once they can't come late any more.

    A stage that makes chunks anew, of pending ones that equal none of its own, is not judged: it may have a reason.

    Args:
        upstreams: The stages that may come before this one.
        crossings: Where this stage's own chunks wait for the stage after it; None for the last stage of a process.
        totals: The stage's sums, of which the latency is kept here.
        sample: Every how many chunks one latency is kept for the metrics.
        rewrites: Whether the stage may change content. Its changes are then no findings.
        stage: The stage's name, for findings.
        known: Called with the number of each chunk that may be a copy: the edge judges it, and content need not.
    """

    # A worked example. The upstream stage hands on a b c d e f, its chunks 1 to 6; this stage sends six chunks:
    #
    #   1  a           made from 1
    #   2  a  PASSED   made from 1 again: a stretch begins
    #   3  c  NEAR     made from 3; 2 is skipped
    #   4  b  LATE     made from 2
    #   5  d           made from 4
    #   6  f  NEAR     made from 6; 5 is skipped
    #   end            duplicate/doubled at 2, reorder/moved at 4 and, as 5 is missing, gap/lost at 6; all certain

    __slots__ = (
        "_add",
        "_adds",
        "_altered",
        "_asks",
        "_before",
        "_begun",
        "_handover",
        "_known",
        "_missing",
        "_rewrites",
        "_sample",
        "_several",
        "_source",
        "_span",
        "_stretch",
        "_totals",
        "_twins",
        "_unsettled",
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
        known: Callable[[int], None] | None = None,
    ) -> None:
        self._upstreams = upstreams
        self._upstream: Crossings | None = None
        self._begun = False
        self._asks = True
        self._several = False
        self._unsettled = False
        self._stretch: Stretch | None = None
        self._missing = Missing()
        self._adds = False
        self._twins: list[tuple[Chunk, Chunk]] = []
        self._altered = False
        self._before: Chunk | None = None
        self._known = known
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
            elif self._unsettled:
                found = self._settle(chunk, upstream)
            if made_ns:
                self._count(chunk.time_ns - made_ns, chunk.seq)
                if not chunk.seq % _HALF_BURST:
                    found = [*found, *self._at_once(chunk, made_ns)]
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
        found = [*self._told(), *self._judged(ends=True)]
        return [*found, *self._late(_END), *self._lost(self._missing.rest())]

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
        repeats, waited = is_repeat(chunk), upstream.waits
        before = upstream.recent
        others = self._upstreams.others()
        # What a stage that rewrites made of several chunks need not be as long as they are.
        size = 0 if self._rewrites else self._size(chunk, upstream)
        found, made_ns, how = claim(chunk, upstream, others, self._rewrites, repeats=repeats, size=size)
        if found is not upstream:
            self._several = self._several or found.source != upstream.source
            self._missing.doubt(is_unclear=how == NEXT and upstream.holds(chunk))
            self._take_from(found)
        self._before = chunk
        if self._handover is None:
            return made_ns, ()
        if how in (ANEW, SUM):
            return made_ns, self._unequal(chunk, found, waited, made_ns)
        return made_ns, [*self._told(), *self._unusual(chunk, found, how, before, repeats)] if made_ns else ()

    def _size(self, chunk: Chunk, upstream: Crossings) -> int:
        """How many bytes of content a chunk has."""
        claimed = upstream.latest_claim
        before = max((each for each in (self._before, claimed) if each), key=_number, default=_NOTHING)
        return chunk.acc_len - before.acc_len

    def _unequal(self, chunk: Chunk, upstream: Crossings, waited: bool, made_ns: int) -> Sequence[Finding]:
        """Take a chunk that equals no other: it was made of pending chunks, or is the stage's own."""
        if chunk.kind != CONTENT:
            return ()
        if any(each.kind == CONTENT for each in upstream.taken) or upstream.in_pieces:
            return self._made_anew(chunk, upstream, waited and chunk.upstream_first == chunk.upstream_last)
        self._add_own(True)
        self._begin(upstream.recent if made_ns else ()).take(chunk, (), upstream, calm=False)
        return [*self._told(), *self._step(chunk)]

    def _unusual(
        self, chunk: Chunk, upstream: Crossings, how: str, before: Sequence[Passed], repeats: bool
    ) -> Sequence[Finding]:
        taken = [made_from] if how == NEXT and (made_from := upstream.latest) else list(upstream.taken)
        if repeats and how == PASSED:
            # Its number says that it is a repeat, and lineage has nothing to add.
            return ()
        skipped = taken[:-1]
        calm = how in (NEXT, RESUMED) or (
            how in (NEAR, FAR) and all(each.kind != CONTENT or self._missing.is_left_out(each) for each in skipped)
        )
        if self._stretch is None and (calm or (chunk.kind != CONTENT and not skipped)):
            return self._step(chunk)
        stretch = self._begin(before)
        if how == BACK:
            stretch.give_back(chunk, taken, upstream)
        else:
            stretch.take(chunk, taken, upstream, calm=calm)
        found = list(self._step(chunk))
        if how == PASSED and chunk.kind == CONTENT and self._handover is not None and upstream.again is not None:
            if self._known is not None and not self._adds:
                self._known(chunk.seq)
            sure = stretch.repeat(chunk, upstream.again, upstream)
            found += [finding for pair in sure if (finding := self._handover.again(*pair, in_long_run=True))]
        return found

    def _begin(self, before: Sequence[Passed]) -> Stretch:
        if self._stretch is None:
            self._stretch = Stretch(before, self._missing.take_back(before))
        self._unsettled = True
        return self._stretch

    def _settle(self, chunk: Chunk, upstream: Crossings) -> Sequence[Finding]:
        """Take a chunk that follows in its order while something is unsettled."""
        told = self._told() if self._altered else ()
        if self._stretch is not None and (made_from := upstream.latest) is not None:
            self._stretch.take(chunk, (made_from,), upstream, calm=True)
        return [*told, *self._step(chunk)]

    def _step(self, chunk: Chunk) -> Sequence[Finding]:
        """Return the findings that are sure at this chunk."""
        found = self._judged(ends=False)
        late = self._late(chunk.seq)
        lost = self._lost(self._missing.overdue(chunk.seq))
        self._unsettled = self._stretch is not None or self._altered or bool(self._missing)
        return [*found, *late, *lost]

    def _judged(self, *, ends: bool) -> Sequence[Finding]:
        stretch, shares = self._stretch, self._missing.shares
        if self._handover is None or (stretch is None and not ends):
            return ()
        verdict = Verdict()
        if stretch is None:
            pass
        elif ends or stretch.is_over:
            self._stretch = None
            verdict = stretch.end(shares)
        elif stretch.is_full:
            verdict = stretch.half(shares)
        if shares.are_alike:
            self._handover.made_anew()
        self._missing.add(verdict.missing)
        self._add_own(verdict.adds)
        self._twins += verdict.twins
        del self._twins[: -limits.MAX_TWINS]
        copies = [*verdict.copies, *(self._twins if ends and not self._adds else ())]
        is_long = len(verdict.copies) >= limits.COPIED_RUN
        again = [self._handover.again(*pair, in_long_run=is_long) for pair in copies]
        self._missing.add_moved(verdict.moved)
        return [each for each in again if each is not None]

    def _add_own(self, adds: bool) -> None:
        self._adds |= adds
        if self._handover is not None:
            self._handover.adds_own = self._adds

    def _late(self, seq: int) -> Sequence[Finding]:
        moved = self._missing.moved(seq) if self._handover is not None else ()
        found = [self._handover.late(chunk, before) for _, chunk, before in moved] if self._handover is not None else []
        return [each for each in found if each is not None]

    def _lost(self, missing: Sequence[tuple[Chunk, int]]) -> Sequence[Finding]:
        return () if self._handover is None or not missing else self._handover.lost(missing)

    def _made_anew(self, chunk: Chunk, upstream: Crossings, of_one: bool) -> Sequence[Finding]:
        handover, before = self._handover, upstream.latest
        if handover is None or before is None:  # pragma: no cover - it was made anew of something
            return ()
        handover.made_anew()
        if not handover.keeps_content:
            return ()
        finding = handover.altered(chunk, before, of_one=of_one)
        self._altered = of_one
        self._unsettled = self._unsettled or of_one
        return () if finding is None else (finding,)

    def _told(self) -> Sequence[Finding]:
        self._altered = False
        finding = None if self._handover is None else self._handover.told()
        return () if finding is None else (finding,)

    def _at_once(self, chunk: Chunk, made_ns: int) -> Sequence[Finding]:
        finding = None if self._handover is None else self._handover.handed_on(chunk.seq, chunk.time_ns, made_ns)
        return () if finding is None else (finding,)

    def _count(self, latency_ns: int, seq: int) -> None:
        totals = self._totals
        totals.latencies += 1
        totals.latency_ns += latency_ns
        if latency_ns > totals.max_latency_ns:
            totals.max_latency_ns = latency_ns
        if (not seq % self._sample or seq == 1) and len(self.latencies) < limits.MAX_INTERVALS:
            self.latencies.append(latency_ns)


def _number(chunk: Chunk) -> int:
    return chunk.seq
