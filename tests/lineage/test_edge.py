"""The edge between two stages of one process."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from otel_sse import limits
from otel_sse.lineage import Crossings
from otel_sse.lineage.edge import Edge
from otel_sse.stage import StageMonitor, StageSettings
from otel_sse.stream.chunk import CERTAIN, Chunk, Finding
from otel_sse.stream.totals import Totals
from tests.stage.made import INFO, MS, OPENED, Entry, chat_chunk, seen


def chunk(seq: int, digest: str, at_ms: int, kind: str = "content") -> Chunk:
    """A chunk that crossed at that time."""
    return Chunk(seq, OPENED + at_ms * MS, kind, digest, 0, 9, False)


class Around:
    """The stages around one: what it is said to take its chunks from, and what is asked about it."""

    def __init__(self, upstream: Crossings | None = None, others: Sequence[Crossings] = ()) -> None:
        self.upstream = upstream
        self.unknown = True
        self.asked: list[int] = []
        self.taken: list[Crossings] = []
        self._others = others

    def begin(self) -> None:
        self.asked.append(0)

    def find(self, chunk: Chunk) -> Crossings | None:
        self.asked.append(chunk.seq)
        return self.upstream

    def others(self) -> Sequence[Crossings]:
        return self._others

    def chosen(self, upstream: Crossings) -> str:
        self.taken.append(upstream)
        return ""


def edges(sample: int = 1) -> tuple[Edge, Edge, Totals]:
    """Two stages, one behind the other, and the sums of the second."""
    upstream = Crossings()
    totals = Totals()
    return Edge(Around(), upstream, Totals(), sample), Edge(Around(upstream), None, totals, sample), totals


def test_chunk_knows_what_it_was_made_from_and_how_long_that_took() -> None:
    """A chunk that equals one upstream names it, and its latency is the time between the two."""
    before, after, totals = edges()
    for seq, digest in ((1, "a"), (2, "b")):
        before.cross(chunk(seq, digest, seq))
    found = [chunk(1, "a", 4), chunk(2, "b", 10)]
    for each in found:
        after.cross(each)
    assert [(one.upstream_first, one.upstream_last) for one in found] == [(1, 1), (2, 2)]
    assert (totals.latencies, totals.latency_ns, totals.max_latency_ns) == (2, 11 * MS, 8 * MS)
    assert after.latencies == [3 * MS, 8 * MS]


def test_chunk_that_came_from_nothing_says_nothing() -> None:
    """A keep-alive that a stage made itself has no upstream and no latency."""
    before, after, totals = edges()
    before.cross(chunk(1, "a", 1))
    own = chunk(1, "beat", 2, "comment")
    after.cross(own)
    assert (own.upstream_first, own.upstream_last, totals.latencies) == (0, 0, 0)


def test_upstream_is_asked_for_until_it_is_known() -> None:
    """A stage whose first chunk came from nowhere may still learn where the next ones come from."""
    around = Around()
    edge = Edge(around, None, Totals(), 1)
    assert around.asked == []
    edge.cross(chunk(1, "greeting", 1))
    around.upstream = Crossings()
    around.upstream.add(chunk(1, "a", 2))
    found = [chunk(2, "a", 3), chunk(3, "b", 4)]
    for each in found:
        edge.cross(each)
    assert around.asked == [0, 1, 2]
    assert found[0].upstream_first == 1
    assert around.taken == [around.upstream]


def test_upstream_is_not_asked_for_where_there_can_be_none() -> None:
    """Once it is certain that nothing comes before the stage, nobody is asked again."""
    around = Around()
    around.unknown = False
    edge = Edge(around, None, Totals(), 1)
    for seq in (1, 2, 3):
        edge.cross(chunk(seq, "a", seq))
    assert around.asked == [0, 1]


def test_chunks_of_two_sources_name_theirs() -> None:
    """From the first chunk of a second source on, each chunk says which source it came from."""
    a, b = Crossings("a"), Crossings("b")
    around = Around(a, (a, b))
    edge = Edge(around, None, Totals(), 1)
    for seq, text in enumerate(("x", "y", "z"), 1):
        a.add(chunk(seq, f"a{text}", seq))
        b.add(chunk(seq, f"b{text}", seq))
    found = [chunk(seq, text, 9) for seq, text in enumerate(("ax", "bx", "by", "ay"), 1)]
    for each in found:
        edge.cross(each)
    assert [(one.source, one.upstream_first) for one in found] == [("", 1), ("b", 1), ("b", 2), ("a", 2)]
    assert around.taken == [a, b, a]


def test_stages_of_one_source_need_no_name() -> None:
    """A second call of one provider is another stage of the same source, and its chunks stay plain."""
    one, two = Crossings("openai"), Crossings("openai")
    edge = Edge(Around(one, (two,)), None, Totals(), 1)
    two.add(chunk(1, "a", 1))
    found = chunk(1, "a", 2)
    edge.cross(found)
    assert (found.source, found.upstream_first) == ("", 1)


@pytest.mark.parametrize(("rewrites", "upstream"), [(True, 2), (False, 1)])
def test_stage_that_rewrites_says_so(rewrites: bool, upstream: int) -> None:
    """What a chunk was made of is told by whether its stage may change content."""
    crossings = Crossings()
    edge = Edge(Around(crossings), None, Totals(), 1, rewrites=rewrites)
    for seq, text in enumerate(("the", "The"), 1):
        crossings.add(chunk(seq, text, seq))
    found = [chunk(seq, "the", 9) for seq in (1, 2)]
    for each in found:
        edge.cross(each)
    assert found[1].upstream_first == upstream


@pytest.mark.parametrize("extra", [0, 1])
def test_latencies_wait_up_to_the_cap(extra: int) -> None:
    """MAX_INTERVALS latencies wait for the metrics; one more is summed up and not kept."""
    before, after, totals = edges()
    for seq in range(1, limits.MAX_INTERVALS + 1 + extra):
        before.cross(chunk(seq, f"{seq}", seq))
        after.cross(chunk(seq, f"{seq}", seq + 1))
    assert len(after.latencies) == limits.MAX_INTERVALS
    assert totals.latencies == limits.MAX_INTERVALS + extra


def test_one_latency_in_so_many_is_kept_and_the_first() -> None:
    """`sample` picks chunks by their number; the first is kept in any case, so that a short stream has one."""
    before, after, _ = edges(sample=16)
    for seq in range(1, 33):
        before.cross(chunk(seq, f"{seq}", seq))
        after.cross(chunk(seq, f"{seq}", seq + seq))
    assert after.latencies == [MS, 16 * MS, 32 * MS]


def test_monitors_chunks_cross_its_edge() -> None:
    """Every chunk of a stage that has an edge gets its lineage before it is handed on."""
    upstream = StageMonitor(INFO, StageSettings(), OPENED)
    crossings = Crossings()
    upstream.edge = Edge(Around(), crossings, upstream.totals, 16)
    journal: list[Entry] = []
    monitor = StageMonitor(INFO, StageSettings(), OPENED, journal)
    monitor.edge = Edge(Around(crossings), None, monitor.totals, 16)
    for number, word in enumerate(("The", " cat"), 1):
        upstream.feed(chat_chunk(word), OPENED + number * MS)
        monitor.feed(chat_chunk(word), OPENED + number * MS)
    assert [one.upstream_first for one in seen(journal, monitor.totals).chunks] == [1, 2]


def handed_on(*texts: str, came: Sequence[str] = "abcdefghijklmnopqrstuvwxyz", rewrites: bool = False) -> list[Finding]:
    """What an edge says of a stage that hands on these texts, one after the other, pulling as it needs."""
    crossings = Crossings()
    edge = Edge(Around(crossings), None, Totals(), 16, rewrites=rewrites, stage="emit")
    waiting = [chunk(seq, text, seq) for seq, text in enumerate(came, 1)]
    found: list[Finding] = []
    for seq, text in enumerate(texts, 1):
        if not any(text == one.digest for one in crossings._waiting):
            while waiting and text in [one.digest for one in waiting]:
                one = waiting.pop(0)
                crossings.add(one)
                if one.digest == text:
                    break
        found += edge.cross(chunk(seq, text, 100 + seq))
    return [*found, *edge.close()]


def told(findings: Sequence[Finding]) -> list[tuple[str, str, int, int]]:
    """Kind, certainty, chunk and earlier chunk of findings."""
    return [(one.kind, one.certainty, one.seq, one.of) for one in findings]


def test_worked_example_of_an_edge() -> None:
    """What the comment in the class says of six chunks is so."""
    crossings = Crossings()
    edge = Edge(Around(crossings), None, Totals(), 16, stage="emit")
    for seq, text in enumerate("abcdef", 1):
        crossings.add(chunk(seq, text, seq))
    crossed = [chunk(seq, text, 10 + seq) for seq, text in enumerate("aacbdf", 1)]
    found = [finding for one in crossed for finding in edge.cross(one)]
    assert [one.upstream_first for one in crossed] == [1, 1, 3, 2, 4, 6]
    assert told([*found, *edge.close()]) == [
        ("duplicate/doubled", CERTAIN, 2, 1),
        ("reorder/moved", CERTAIN, 4, 3),
        ("gap/lost", CERTAIN, 6, 0),
    ]


def test_what_is_handed_on_as_it_came_is_clean() -> None:
    """A model's own repeats came in as often as they go on."""
    assert handed_on(*"haha\n\n\nha", came="haha\n\n\nha") == []


def test_chunk_handed_on_twice_is_a_certain_duplicate() -> None:
    """A A B B at a stage that got A B: the second of each is the stage's own."""
    assert told(handed_on(*"aabb")) == [
        ("duplicate/doubled", CERTAIN, 2, 1),
        ("duplicate/doubled", CERTAIN, 4, 3),
    ]


def test_models_own_repeat_that_is_doubled_is_counted_once_each() -> None:
    """Where the model says it twice, four times leave two duplicates."""
    crossings = Crossings()
    edge = Edge(Around(crossings), None, Totals(), 16, stage="emit")
    found: list[Finding] = []
    for seq in (1, 2):
        crossings.add(chunk(seq, "ha", seq))
        found += [one for again in (0, 1) for one in edge.cross(chunk(2 * seq - 1 + again, "ha", 9))]
    found += edge.close()
    assert told(found) == [("duplicate/doubled", CERTAIN, 2, 1), ("duplicate/doubled", CERTAIN, 4, 3)]


def test_chunk_that_does_not_go_on_is_a_certain_gap() -> None:
    """It is told once it will not come late, at the chunk before which it is missing."""
    (gap,) = handed_on(*"abdefghijklmnopqrstuvwxyz")
    assert (gap.kind, gap.certainty, gap.seq, gap.amount) == ("gap/lost", CERTAIN, 3, 1)


def test_gap_near_the_end_is_told_at_the_end() -> None:
    """Where too few chunks follow, the end says that it will not come late."""
    assert told(handed_on(*"abd")) == [("gap/lost", CERTAIN, 3, 0)]


def test_chunk_that_comes_late_is_reordered_and_not_lost() -> None:
    """Two tasks that write to one stream swap neighbours."""
    assert told(handed_on(*"acbdefghijklmnopqrstuvwxyz")) == [("reorder/moved", CERTAIN, 3, 2)]


def test_stage_that_rewrites_is_not_judged() -> None:
    """What it does to chunks is its right."""
    assert handed_on(*"aabbdXY", rewrites=True) == []


def test_stage_that_merges_is_not_called_certain() -> None:
    """An application that joins two chunks into one has not lost them."""
    crossings = Crossings()
    edge = Edge(Around(crossings), None, Totals(), 16, stage="emit")
    found: list[Finding] = []
    for seq in range(1, 11):
        crossings.add(chunk(2 * seq - 1, f"a{seq}", seq))
        crossings.add(chunk(2 * seq, f"b{seq}", seq))
        found += edge.cross(chunk(seq, f"a{seq}b{seq}", 20))
    assert [*found, *edge.close()] == []


def test_stage_that_holds_back_and_sends_at_once_is_told() -> None:
    """Chunks that came in over half a second and went on together are a buffer's work."""
    crossings = Crossings()
    edge = Edge(Around(crossings), None, Totals(), 16, stage="emit")
    for seq in range(1, 33):
        crossings.add(chunk(seq, f"{seq}", seq * 100))
    found = [one for seq in range(1, 33) for one in edge.cross(chunk(seq, f"{seq}", 9_000))]
    assert {(one.kind, one.certainty) for one in found} == {("coalescing/burst", CERTAIN)}


def test_chunk_handed_on_twice_is_certain_behind_an_opening_of_the_stages_own() -> None:
    """A gateway that writes its own opening event in the place of the model's has left no content out."""
    crossings = Crossings()
    edge = Edge(Around(crossings), None, Totals(), 16, stage="emit")
    crossings.add(chunk(1, "opening", 1, "control"))
    found = list(edge.cross(chunk(1, "own opening", 2, "control")))
    for seq in range(2, 6):
        crossings.add(chunk(seq, f"t{seq}", 10 * seq))
        found += [one for again in (0, 1) for one in edge.cross(chunk(2 * seq - 2 + again, f"t{seq}", 10 * seq + 1))]
    found += edge.close()
    assert told(found) == [("duplicate/doubled", CERTAIN, 2 * seq - 1, 2 * seq - 2) for seq in range(2, 6)]


@pytest.mark.parametrize("extra", [0, 1])
def test_chunks_that_equal_their_neighbour_are_bounded(extra: int) -> None:
    """MAX_TWINS copies beside their originals wait for the end; of one more the oldest is forgotten."""
    crossings = Crossings()
    edge = Edge(Around(crossings), None, Totals(), 16, stage="emit")
    found: list[Finding] = []
    sent = 0
    for seq in range(1, 5 * (limits.MAX_TWINS + extra) + 1):
        crossings.add(chunk(seq, f"{seq}", seq))
        for _ in range(1 if seq % 5 else 2):
            sent += 1
            found += edge.cross(chunk(sent, f"{seq}", seq))
    assert found == []
    twins = edge.close()
    assert (len(twins), twins[0].seq) == (limits.MAX_TWINS, 6 * (1 + extra))


def test_copy_beside_its_original_is_not_sure_where_the_stage_adds_words() -> None:
    """Another model's answer between the chunks may begin with the same word."""
    assert handed_on("a", "a", "own", *"bcdefgh") == []


def test_a_stage_may_turn_out_to_rewrite_once_its_upstream_is_known() -> None:
    """What it leaves out and changes is no finding then."""
    before, after, _ = edges()
    after.may_rewrite()
    for seq, digest in ((1, "a"), (2, "b"), (3, "c"), (4, "d")):
        before.cross(chunk(seq, digest, seq))
    found = [
        finding for seq, digest in ((1, "a"), (2, "d"), (3, "d")) for finding in after.cross(chunk(seq, digest, 9))
    ]
    assert [*found, *after.close()] == []
    assert not after.hands_on
