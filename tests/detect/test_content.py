"""Content looked at many chunks at a time."""

from __future__ import annotations

from collections.abc import Sequence

from otel_sse import limits
from otel_sse.detect.content import ContentDetector
from otel_sse.stream.chunk import Chunk, Finding
from otel_sse.stream.digest import sha1_digest


def chunks(texts: Sequence[str], channel: str = "0") -> list[Chunk]:
    """Chunks of content with these texts."""
    made: list[Chunk] = []
    acc_len = 0
    for seq, text in enumerate(texts, 1):
        acc_len += len(text)
        made.append(Chunk(seq, 0, "content", sha1_digest(text.encode()), acc_len, 9, False, channel=channel))
    return made


def fed(detector: ContentDetector, made: Sequence[Chunk]) -> tuple[list[Finding], list[int]]:
    """Lead chunks through as a monitor does; return what was said, and at which chunks there was a look."""
    found: list[Finding] = []
    looks: list[int] = []
    for chunk in made:
        detector.chunks.append(chunk)
        if chunk.seq >= detector.due:
            looks.append(chunk.seq)
            found += detector.look(False)
    return [*found, *detector.close(False)], looks


def test_looks_are_due_soon_at_first_and_seldom_later() -> None:
    """After FIRST_LOOK_CHUNKS, after as many again, and from then on every LOOK_CHUNKS."""
    first, usual = limits.FIRST_LOOK_CHUNKS, limits.LOOK_CHUNKS
    _, looks = fed(ContentDetector("emit"), chunks([f"word {n}" for n in range(6 * usual)]))
    assert looks[:4] == [first, 2 * first, 4 * first, 8 * first]
    assert {later - earlier for later, earlier in zip(looks[3:], looks[2:], strict=False)} == {usual}


def test_each_chunk_is_due_while_something_is_repeated() -> None:
    """What repeats is told at its own chunk, so that the chunk can be flagged."""
    made = chunks([f"word {n}" for n in range(100) for _ in range(2)])
    found, looks = fed(ContentDetector("emit"), made)
    assert looks[-50:] == [*range(151, 201)]
    assert sum(one.amount for one in found) == 100


def test_channels_are_told_apart() -> None:
    """The same text in two channels in turn is nobody's repeat; twice in one channel it is."""
    one, other = (chunks([f"word {n}" for n in range(60)], channel) for channel in ("0", "1"))
    mixed = [chunk for pair in zip(one, other, strict=True) for chunk in pair]
    for seq, chunk in enumerate(mixed, 1):
        chunk.seq = seq
    assert fed(ContentDetector("emit"), mixed)[0] == []
    for chunk in mixed:
        chunk.channel = "0"
    assert {finding.kind for finding in fed(ContentDetector("emit"), mixed)[0]} == {"duplicate/doubled"}


def test_known_duplicates_are_remembered_up_to_the_cap() -> None:
    """The last MAX_TOLD chunks that something better has told are left out; one before that is forgotten."""
    detector = ContentDetector("emit")
    for seq in range(limits.MAX_TOLD + 1):
        detector.told.keep(seq)
    assert (len(detector.told), 0 in detector.told, 1 in detector.told) == (limits.MAX_TOLD, False, True)


def test_one_doubled_channel_of_two_that_take_turns_is_found() -> None:
    """Each channel is a row of its own: others' chunks between the twins hide nothing, and what is told names twins."""
    made: list[Chunk] = []
    for n in range(60):
        made += chunks([f"word {n}", f"word {n}"], "0")
        made.insert(-1, chunks([f"other {n}"], "1")[0])
    for seq, chunk in enumerate(made, 1):
        chunk.seq, chunk.acc_len = seq, 7 * seq
    found = fed(ContentDetector("emit"), made)[0]
    assert {(one.kind, one.certainty, one.seq - one.of) for one in found} == {("duplicate/doubled", "suspected", 2)}
    assert sum(one.amount for one in found) > 50


def test_both_channels_doubled_are_proof_once_each_is_long_enough() -> None:
    """Where all channels are paired from the first chunk on, pairs are what they are in one channel."""
    made: list[Chunk] = []
    for n in range(60):
        made += [*chunks([f"word {n}"] * 2, "0"), *chunks([f"other {n}"] * 2, "1")]
    for seq, chunk in enumerate(made, 1):
        chunk.seq, chunk.acc_len = seq, 7 * seq
    assert "certain" in {one.certainty for one in fed(ContentDetector("emit"), made)[0]}


def test_the_same_text_under_two_names_is_no_repeat() -> None:
    """An event's name is part of what it is: what a tool was given and what it gave back may be one text."""
    made = chunks([f"text {n}" for n in range(60) for _ in range(2)])
    for chunk in made:
        chunk.event = "tool_start" if chunk.seq % 2 else "tool_end"
    assert fed(ContentDetector("emit"), made)[0] == []
    for chunk in made:
        chunk.event = "token"
    assert fed(ContentDetector("emit"), made)[0] != []
