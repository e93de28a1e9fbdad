"""A text that begins again is told from one that only seems to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sse import limits
from otel_sse.guards.openings import DROP, HOLD, PASS, Opening, Verdict


class Announced(Opening):
    """An opening whose stream says that an answer begins there, so that so many characters are enough."""

    def take(self, text: str, *, proven: bool = False, announced: bool = True) -> Verdict:
        """Take the next chunk."""
        return super().take(text, proven=proven, announced=announced)


def said(*texts: str, min_chars: int = 6, announced: bool = True) -> Opening:
    """An opening of which these have been said."""
    opening = Announced(min_chars) if announced else Opening(min_chars)
    for text in texts:
        assert opening.take(text) == Verdict(PASS)
    return opening


def test_repetition_is_held_until_it_is_long_enough_then_dropped() -> None:
    """The chunk with which enough characters match confirms it, and what is new ends it."""
    opening = said("ab", "cd", "ef", "gh")
    assert opening.take("ab") == Verdict(HOLD)
    assert opening.take("cd") == Verdict(HOLD)
    assert opening.take("ef") == Verdict(DROP, confirmed=True)
    assert opening.take("gh") == Verdict(DROP)
    assert opening.take("ij") == Verdict(PASS)


def test_match_that_breaks_releases_what_was_held() -> None:
    """As many as were held are to go before the chunk that broke the match."""
    opening = said("ab", "cd", "ef", "gh")
    opening.take("ab")
    opening.take("cd")
    assert opening.take("xx") == Verdict(PASS, released=2)


def test_match_that_breaks_may_begin_anew_within_what_was_held() -> None:
    """`aab` against `ab…`: the first `a` goes, and the second still begins it."""
    opening = said("a", "b", "c", "d", min_chars=4)
    assert opening.take("a") == Verdict(HOLD)
    assert opening.take("a") == Verdict(HOLD, released=1)
    assert [opening.take(text).action for text in "bcd"] == [HOLD, HOLD, DROP]


def test_other_cuts_of_the_same_text_match() -> None:
    """A second attempt may come in chunks of other lengths."""
    opening = said("ab", "cd", "ef", "gh")
    assert opening.take("abcde") == Verdict(HOLD)
    assert opening.take("fg") == Verdict(DROP, confirmed=True)
    assert opening.take("hij") == Verdict(PASS, repeated=1)


def test_whole_text_in_one_chunk_is_dropped() -> None:
    """A last chunk that says all of it again is a repetition at once."""
    opening = said("ab", "cd", "ef")
    assert opening.take("abcdef") == Verdict(DROP, confirmed=True)
    assert opening.take("new") == Verdict(PASS)


def test_whole_text_and_more_in_one_chunk_passes_from_what_is_new() -> None:
    """Only what was said before is repeated."""
    opening = said("ab", "cd", "ef")
    assert opening.take("abcdefgh") == Verdict(PASS, confirmed=True, repeated=6)


@pytest.mark.parametrize(("before", "action"), [("abcde", PASS), ("abcdef", HOLD)])
def test_nothing_is_held_before_enough_was_said(before: str, action: str) -> None:
    """One character too few, and the first chunk of a repetition passes."""
    assert said(before).take("ab").action == action


@pytest.mark.parametrize(("text", "action"), [("abcde", HOLD), ("abcdef", DROP)])
def test_threshold_counts_characters(text: str, action: str) -> None:
    """At `min_chars` it is a repetition, one below it may be."""
    assert said("abcdefgh").take(text).action == action


def test_proof_by_the_protocol_makes_the_match_short() -> None:
    """Where the protocol says that the same answer begins again, one equal chunk is enough."""
    opening = said("ab", "cd")
    assert opening.take("ab", proven=True) == Verdict(DROP, confirmed=True)
    assert opening.take("xx") == Verdict(PASS)


def test_third_beginning_is_compared_with_what_the_reader_has() -> None:
    """After one repetition was withheld, another is too."""
    opening = said("ab", "cd", "ef", "gh")
    for _ in range(2):
        assert [opening.take(text).action for text in ("ab", "cd", "ef", "gh")] == [HOLD, HOLD, DROP, DROP]


def test_stop_counts_what_was_held_as_said() -> None:
    """What was let go by others stands in the text, and the next chunk may begin anew."""
    opening = said("abcd", "ef")
    opening.take("abcd")
    opening.stop()
    assert opening.take("ab") == Verdict(HOLD)
    assert opening.take("xx") == Verdict(PASS, released=1)


def test_opening_is_kept_up_to_the_cap() -> None:
    """What is repeated up to the cap is dropped, the character behind it passes."""
    cap = limits.MAX_OPENING_CHARS
    text = "".join(chr(97 + n * 7 % 23) + chr(97 + n % 26) for n in range(cap // 2))
    opening = said(text, "beyond")
    assert opening.take(text) == Verdict(DROP, confirmed=True)
    assert opening.take("beyond") == Verdict(PASS)


LETTERS = [chr(97 + n) for n in range(limits.OPENING_CHUNKS)]


def test_opening_comes_again_in_as_many_chunks_as_the_detectors_ask_for() -> None:
    """One chunk less than that waits, the last one confirms it; and before as many were said none waits."""
    opening = said(*LETTERS, announced=False)
    assert [opening.take(text).action for text in LETTERS] == [HOLD] * (limits.OPENING_CHUNKS - 1) + [DROP]
    assert said(*LETTERS[:-1], announced=False).take("a") == Verdict(PASS)


@pytest.mark.parametrize(("contents", "action"), [(limits.OPENING_CONTENTS - 1, PASS), (limits.OPENING_CONTENTS, HOLD)])
def test_opening_has_as_many_contents_as_the_detectors_ask_for(contents: int, action: str) -> None:
    """With one content less it is a rule or laughter, and nothing waits."""
    texts = [LETTERS[n % contents] for n in range(limits.OPENING_CHUNKS - 1)]
    opening = said(*texts, LETTERS[0], announced=False)
    assert opening.take(LETTERS[0]).action == action


@pytest.mark.parametrize(("before", "action"), [(["abc", "def"], PASS), (["abc", "de", "f"], DROP)])
def test_chunk_that_says_all_of_it_follows_several(before: list[str], action: str) -> None:
    """One line that comes twice is no answer given again; behind three chunks it is, as for the detectors."""
    assert said(*before, announced=False).take("abcdef").action == action


@given(st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=40))
def test_released_and_passed_are_what_came_but_for_what_was_confirmed(texts: list[str]) -> None:
    """Without a confirmed repetition every chunk comes out, in order."""
    opening = Opening(12)
    out: list[str] = []
    held: list[str] = []
    for text in texts:
        verdict = opening.take(text)
        out, held = [*out, *held[: verdict.released]], held[verdict.released :]
        if verdict.confirmed:
            return
        if verdict.action == HOLD:
            held.append(text)
        else:
            assert not held
            out.append(text)
    assert [*out, *held] == texts
