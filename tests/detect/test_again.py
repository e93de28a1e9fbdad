"""A passage that comes again."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sse import limits
from otel_sse.detect.again import AgainDetector, _borders
from otel_sse.stream.chunk import SUSPECTED, Finding

REPLAYED, RESTARTED, REASSERTED = "duplicate/replayed", "duplicate/restarted", "repeat/reasserted"


def look(detector: AgainDetector, keys: Sequence[int], at: int, ended: bool = False) -> list[Finding]:
    """Let a detector look at contents that stand behind so many others."""
    joined = "".join(f"{key:012x}0000" for key in keys)
    return detector.look(array("Q", keys), range(at + 1, at + 1 + len(keys)), ended, joined)


def judge(
    keys: Iterable[int], *, turns: Sequence[int] = (), ended_at: int = 10**9, told: Sequence[int] = (), batch: int = 16
) -> list[Finding]:
    """Everything said of a run of contents; the channel changes behind so many of them."""
    detector = AgainDetector("emit", told)
    keys = list(keys)
    found: list[Finding] = []
    at = 0
    while at < len(keys):
        size = 1 if detector.active else batch
        for turn in turns:
            if at <= turn < at + size:
                detector.turned(turn - at)
        part = keys[at : at + size]
        found += look(detector, part, at, at >= ended_at)
        at += size
    return [*found, *detector.close()]


def contents(count: int, seed: int = 1) -> list[int]:
    """So many contents, all different, a share of them anchors as digests are."""
    chance = random.Random(seed)
    return [chance.randrange(2**48) for _ in range(count)]


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 300])
def test_answer_that_says_nothing_again_is_clean(count: int) -> None:
    """Different contents give no finding."""
    assert judge(contents(count)) == []


@pytest.mark.parametrize("at", [16, 20, 21, 31, 32, 33, 100])
def test_opening_that_comes_again_is_a_restart(at: int) -> None:
    """The finding names where the answer began again, and every further chunk names the one that it equals."""
    answer = contents(120)
    found = judge([*answer[:at], *answer])
    assert {(one.kind, one.certainty) for one in found} == {(RESTARTED, SUSPECTED)}
    assert (found[0].seq, found[0].of, found[0].amount) == (at + 1, 1, limits.OPENING_CHUNKS)
    assert found[0].evidence == f"16 chunks from chunk {at + 1} on equal those from chunk 1 on"
    assert sum(one.amount for one in found) == at
    assert [(one.seq, one.of) for one in found[1:]] == [(at + n, n) for n in range(17, at + 1)]


def test_whole_answer_once_more_is_a_replay() -> None:
    """Where the answer had ended before its opening came again, it was not begun again but replayed."""
    answer = contents(48)
    found = judge([*answer, *answer], ended_at=48)
    assert {one.kind for one in found} == {REPLAYED}
    assert sum(one.amount for one in found) == 48


@pytest.mark.parametrize(
    ("repeated", "kinds"), [(limits.OPENING_CHUNKS - 1, set()), (limits.OPENING_CHUNKS, {RESTARTED})]
)
def test_opening_is_told_at_its_length(repeated: int, kinds: set[str]) -> None:
    """So many chunks of the opening have to come again, and one fewer is what a model does by itself."""
    answer = contents(60)
    assert {one.kind for one in judge([*answer, *answer[:repeated], *contents(30, 2)])} == kinds


@pytest.mark.parametrize(
    ("different", "kinds"), [(limits.OPENING_CONTENTS - 1, set()), (limits.OPENING_CONTENTS, {RESTARTED})]
)
def test_opening_of_few_contents_says_nothing(different: int, kinds: set[str]) -> None:
    """A table's rule or a run of blanks at the beginning may come again."""
    few = contents(different)
    opening = [few[n % different] for n in range(limits.OPENING_CHUNKS)]
    rest = contents(40, 2)
    assert {one.kind for one in judge([*opening, *rest[:20], *opening, *rest[20:]])} == kinds


def test_long_passage_of_the_middle_is_a_replay() -> None:
    """A reader that gets the last part again after a reconnect, without ids."""
    answer = contents(200)
    found = judge([*answer[:150], *answer[80:]])
    assert {(one.kind, one.certainty) for one in found} == {(REPLAYED, SUSPECTED)}
    assert found[0].seq - found[0].of == 70
    assert found[-1].seq == 220


def test_sentence_of_the_middle_is_not() -> None:
    """A model may copy a sentence."""
    answer = contents(200)
    at = slice(80, 80 + limits.REPLAYED_CHUNKS - 1)
    assert judge([*answer[:150], *answer[at], *answer[150:]]) == []


def test_sentence_behind_a_tools_step_is_the_models_own() -> None:
    """Text, a tool's arguments, the same text again: told as what it is, once, and as no duplicate."""
    text, tool, rest = contents(20), contents(6, 2), contents(40, 3)
    (found,) = judge([*text, *tool, *text, *rest], turns=[20, 26])
    assert (found.kind, found.certainty, found.seq, found.of, found.amount) == (REASSERTED, SUSPECTED, 27, 1, 20)


@pytest.mark.parametrize(
    ("length", "different", "told"),
    [
        (limits.REASSERTED_CHUNKS, limits.REASSERTED_CHUNKS, True),
        (limits.REASSERTED_CHUNKS - 1, limits.REASSERTED_CHUNKS - 1, False),
        (limits.REASSERTED_CHUNKS, limits.PASSAGE_CONTENTS, True),
        (limits.REASSERTED_CHUNKS, limits.PASSAGE_CONTENTS - 1, False),
    ],
)
def test_sentence_is_told_at_its_length_and_with_its_contents(length: int, different: int, told: bool) -> None:
    """Below REASSERTED_CHUNKS chunks or PASSAGE_CONTENTS different ones behind a tool's step it says nothing."""
    few = contents(different, 5)
    # The last content is an anchor, at which a passage is looked up.
    few[-1] &= ~0xF
    text = [*(few[n % (different - 1)] for n in range(length - 1)), few[-1]]
    before, tool, rest = contents(30, 4), contents(6, 2), contents(40, 3)
    found = judge([*before, *text, *tool, *text, *rest], turns=[30 + length, 36 + length], batch=200)
    assert bool(found) == told


def test_sentence_that_ends_the_answer_is_told_at_its_end() -> None:
    """What is held back until it is clear what it is, is told when nothing more comes."""
    text, tool = contents(20), contents(6, 2)
    assert [one.kind for one in judge([*text, *tool, *text], turns=[20, 26])] == [REASSERTED]


def test_answer_that_goes_on_to_the_tools_step_was_begun_again() -> None:
    """Where the tool's step comes again too, no model has done that."""
    answer = [*contents(20), *contents(6, 2), *contents(40, 3)]
    found = judge([*answer[:40], *answer], turns=[20, 26, 40, 60, 66])
    assert {one.kind for one in found} == {RESTARTED}
    assert (found[0].seq, found[0].of) == (41, 1)
    assert sum(one.amount for one in found) == 40


def test_what_is_known_to_be_a_duplicate_is_not_told_again() -> None:
    """Chunks that their numbers have told are left out."""
    answer = contents(60)
    assert judge([*answer[:30], *answer], told=range(31, 91)) == []


def test_answer_begun_a_third_time_is_told_again() -> None:
    """Each beginning has a finding of its own."""
    answer = contents(80)
    found = judge([*answer[:30], *answer[:40], *answer])
    assert [one.seq for one in found if one.amount > 1] == [31, 71]
    assert len({one.seq for one in found}) == len(found)
    assert sum(one.amount for one in found) == 30 + 30


@pytest.mark.parametrize(("between", "known"), [(-300, True), (0, False)])
def test_history_reaches_back_so_far(between: int, known: bool) -> None:
    """A passage within MAX_HISTORY_CHUNKS is known again; one that has been overwritten is not, and nothing breaks."""
    passage, others = contents(100, 2), contents(limits.MAX_HISTORY_CHUNKS + between, 3)
    found = judge([*contents(30, 4), *passage, *others, *passage])
    assert bool(found) == known


@given(st.integers(20, 150), st.integers(1, 16), st.integers(0, 2**32))
def test_batches_of_any_size_find_the_same_restart(at: int, batch: int, seed: int) -> None:
    """Where an answer began again does not depend on how many chunks are looked at once."""
    answer = contents(150, seed)
    found = judge([*answer[:at], *answer], batch=batch)
    assert (found[0].seq, found[0].of) == (at + 1, 1)
    assert sum(one.amount for one in found) == at


def test_worked_example_of_the_detector() -> None:
    """What the comment in the class says of an answer of 40 chunks whose first 18 come again is so."""
    answer = contents(40)
    found = [(one.kind, one.seq, one.of, one.amount) for one in judge([*answer, *answer[:18]])]
    assert found == [(RESTARTED, 41, 1, 16), (RESTARTED, 57, 17, 1), (RESTARTED, 58, 18, 1)]
    assert _borders([1, 2, 1, 3, 1, 2]) == [0, 0, 1, 0, 1, 2]


def test_chunks_are_named_past_those_without_content() -> None:
    """Where pings and tool steps stand between, a chunk is still called by its own number."""
    answer = contents(60)
    detector = AgainDetector("emit")
    seqs = [seq for seq in range(1, 200) if seq % 7]
    joined = "".join(f"{key:012x}0000" for key in [*answer[:30], *answer])
    found = detector.look(array("Q", [*answer[:30], *answer]), seqs[:90], False, joined)
    assert (found[0].seq, found[0].of) == (seqs[30], 1)
    assert [(one.seq, one.of) for one in found[1:3]] == [(seqs[46], seqs[16]), (seqs[47], seqs[17])]


def test_memory_is_bounded() -> None:
    """A long answer keeps MAX_HISTORY_CHUNKS contents and no more passages than there can be anchors among them."""
    detector = AgainDetector("emit")
    chance = random.Random(1)
    for at in range(0, 40_000, 16):
        detector.turned(3)
        # A ping stands between each look and the next.
        look(detector, [chance.randrange(2**48) for _ in range(16)], at + at // 16)
    assert len(detector._keys) == limits.MAX_HISTORY_CHUNKS
    assert len(detector._shifts) == limits.MAX_SHIFTS
    assert len(detector._grams) <= limits.MAX_HISTORY_CHUNKS // 4
    assert len(detector._turns) == limits.MAX_TURNS
