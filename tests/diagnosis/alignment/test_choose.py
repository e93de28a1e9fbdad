"""The flow between two stages: recorded lineage where it fits, else what contents show, whatever repeats."""

from __future__ import annotations

import random
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from otel_sse.diagnosis.alignment.choose import flow
from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.alignment.flow import Flow, Piece
from otel_sse.diagnosis.alignment.ranges import Ranges

WORDS = ["The", " cat", " sat", " on", " the", " mat", ".", " The", " cat", " sat", " on", " the", " dog", "."]


def pieces(texts: list[str], channels: dict[int, str] | None = None) -> list[Piece]:
    """Content with these texts, in one channel but for the places that are named."""
    return [Piece(seq, text, len(text), (channels or {}).get(seq, "0")) for seq, text in enumerate(texts, 1)]


def ranges(found: Flow) -> Ranges:
    return {passage.seq: (passage.first, passage.last) for passage in found.passages if passage.first}


def aligned(upstream: list[str], downstream: list[str]) -> Ranges:
    """The ranges of a flow for which nothing was recorded."""
    return ranges(flow(pieces(upstream), pieces(downstream), {}))


def fates(found: Flow) -> list[Fate]:
    return [passage.fate for passage in found.passages]


def alone(*numbers: int) -> Ranges:
    """Ranges of one chunk each, for downstream chunks 1, 2, 3 …"""
    return {seq: (number, number) for seq, number in enumerate(numbers, 1)}


def test_the_same_chunks_are_the_same() -> None:
    """Two equal sequences are aligned one to one, repeated tokens too."""
    assert aligned(WORDS, WORDS) == alone(*range(1, 15))


def test_dropped_chunks_leave_the_others_in_their_places() -> None:
    """What was left out has no counterpart, and what follows keeps its own."""
    assert aligned(WORDS, WORDS[:3] + WORDS[6:]) == alone(1, 2, 3, *range(7, 15))


def test_a_second_emission_is_of_the_same_chunk() -> None:
    """A B A B, each sent twice: every emission comes from its own chunk, and not from the next equal one."""
    assert aligned(["a", "b", "a", "b"], list("aabbaabb")) == alone(1, 1, 2, 2, 3, 3, 4, 4)


def test_merged_chunks_are_told_by_their_bytes() -> None:
    """Where bytes are kept, each chunk knows which ones it was merged from."""
    assert aligned(["ab", "c", "de", "f"], ["abc", "de", "f"]) == {1: (1, 2), 2: (3, 3), 3: (4, 4)}


def test_split_chunks_are_told_by_their_bytes() -> None:
    """Where bytes are kept, each piece knows which chunk it was cut from, also across two of them."""
    assert aligned(["abc", "def"], ["a", "bcd", "ef"]) == {1: (1, 1), 2: (1, 2), 3: (2, 2)}


def test_a_changed_chunk_stays_in_its_place() -> None:
    """One chunk with other content, of another length, was made from the one whose place it has."""
    assert aligned(WORDS, [*WORDS[:5], " [...]", *WORDS[6:]]) == alone(*range(1, 15))


def test_a_replacement_was_made_from_all_it_stands_for() -> None:
    """A replacement of another length was made from all that is missing in its place."""
    assert aligned(WORDS, [*WORDS[:5], "[blocked]"]) == {**alone(1, 2, 3, 4, 5), 6: (6, 14)}


def test_a_changed_chunk_of_the_same_length_is_found() -> None:
    """Content may be changed without a byte more or less."""
    assert aligned(["ab", "cd", "ef"], ["ab", "XX", "ef"])[2] == (2, 2)


def test_bytes_are_not_believed_where_digests_speak_against_them() -> None:
    """A dropped and an added chunk of one length shift no others."""
    upstream = [f"{n:02}" for n in range(40)]
    downstream = [*upstream[1:], "XX"]
    found = aligned(upstream, downstream)
    assert all(found[seq] == (seq + 1, seq + 1) for seq in range(1, 40))


def test_an_added_chunk_was_made_from_nothing() -> None:
    """A chunk of another text between two equal neighbours has no origin."""
    assert aligned(["a", "b"], ["a", "new", "b"]) == {1: (1, 1), 3: (2, 2)}


def test_nothing_comes_from_nothing() -> None:
    """Empty sequences have no ranges."""
    assert aligned([], []) == aligned([], ["a"]) == aligned(["a"], []) == {}


def test_a_long_stream_with_many_repeats_is_aligned_in_little_time() -> None:
    """Of 2,000 tokens that repeat, each sent twice, nearly all find their own, whatever repeats."""
    chance = random.Random(3)
    texts = [chance.choice(WORDS) if chance.random() < 0.5 else f" w{chance.randrange(300)}" for _ in range(2000)]
    found = aligned(texts, [text for text in texts for _ in range(2)])
    right = sum(found.get(seq) == ((seq + 1) // 2, (seq + 1) // 2) for seq in range(1, 4001))
    assert right >= 3800


def test_recorded_lineage_without_damage_is_believed() -> None:
    """Where each chunk is what it says it was made from, contents are not asked."""
    found = flow(pieces(["ha", "ha"]), pieces(["ha", "ha"]), {1: (1, 1), 2: (2, 2)})
    assert found.recorded
    assert (fates(found), found.lost) == ([Fate.SAME, Fate.SAME], [])


def test_lineage_that_named_the_wrong_one_of_two_identical_chunks_is_corrected() -> None:
    """One of them doubled and the other lost is more to explain than both in order."""
    found = flow(
        pieces(["a", "ha", "b", "ha"]), pieces(["a", "ha", "b", "ha"]), {1: (1, 1), 2: (2, 2), 3: (3, 3), 4: (2, 2)}
    )
    assert (fates(found), found.lost) == ([Fate.SAME] * 4, [])


def test_numbers_of_the_sender_are_believed_where_no_content_is_known() -> None:
    """Two processes with different digest keys have no digest in common; the numbers of the hop still tell."""
    lineage = {1: (1, 1), 2: (2, 2)}
    found = flow(pieces(["a", "b"]), pieces(["x", "y"]), lineage, counted=True)
    assert found.recorded
    assert ranges(found) == lineage


def test_a_repeated_and_a_missing_identical_chunk_is_one_that_moved() -> None:
    """A stage recorded the second of two twice: the first came behind the others, and stands before its equal."""
    lineage = {1: (2, 2), 2: (3, 3), 3: (4, 4), 4: (4, 4)}
    found = flow(pieces(["ha", "bbb", "c", "ha"]), pieces(["bbb", "c", "ha", "ha"]), lineage)
    assert (fates(found), found.lost) == ([Fate.SAME, Fate.SAME, Fate.MOVED, Fate.SAME], [])
    assert ranges(found) == {1: (2, 2), 2: (3, 3), 3: (1, 1), 4: (4, 4)}


def test_a_chunk_that_stands_where_one_is_missing_is_that_one_changed() -> None:
    """Recorded as made of the chunk behind it, with a preface before all: it was made of the missing one."""
    downstream = ["pre", "face", *"abc", "X", *"efgh"]
    recorded = {n + 2: (n, n) for n in range(1, 9)} | {6: (5, 5)}
    found = flow(pieces([*"abcdefgh"]), pieces(downstream), recorded)
    assert found.lost == []
    assert fates(found) == [Fate.ADDED] * 2 + [Fate.SAME] * 3 + [Fate.CHANGED] + [Fate.SAME] * 4
    assert (found.passages[5].first, found.passages[5].last) == (4, 4)


def test_identical_contents_of_two_channels_are_told_apart() -> None:
    """Where the reasoning and the text hold one word each, the one that was handed on is of its own channel."""
    up = pieces(["ha", "so", "ha"], {1: "0/reasoning", 2: "0/reasoning"})
    found = flow(up, pieces(["ha"]), {})
    assert (found.passages[0].first, found.lost) == (3, [1, 2])


@given(st.lists(st.integers(1, 4), max_size=25), st.data())
def test_pieces_of_one_text_cover_it(sizes: list[int], data: st.DataObject) -> None:
    """However a text is cut anew, each piece comes from the chunks that its bytes were in.

    No letter comes twice. Where a piece equals another chunk, the two may as well have changed places.
    """
    letters = iter(map(chr, range(ord("!"), ord("!") + sum(sizes))))
    texts = ["".join(islice(letters, size)) for size in sizes]
    whole = "".join(texts)
    cuts = sorted(data.draw(st.sets(st.integers(1, max(len(whole) - 1, 1)), max_size=20)) | {len(whole)})
    pieces = [whole[a:b] for a, b in zip([0, *cuts], cuts, strict=False) if whole[a:b]]
    owner = [seq for seq, text in enumerate(texts, 1) for _ in text]
    found = aligned(texts, pieces)
    for at, (seq, piece) in zip(_starts(pieces), enumerate(pieces, 1), strict=True):
        assert found[seq] == (owner[at], owner[at + len(piece) - 1])


def _starts(pieces: list[str]) -> list[int]:
    starts, at = [], 0
    for piece in pieces:
        starts.append(at)
        at += len(piece)
    return starts
