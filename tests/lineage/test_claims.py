"""How a chunk that is not simply the next one claims its upstream chunks."""

from __future__ import annotations

import pytest

from otel_sse.lineage.claims import BACK, LATE, NEAR, NEXT, RESUMED, SUM, claim
from otel_sse.lineage.pending import Crossings
from tests.lineage.made_edges import Side

THINKING = ["Say", " Yes", " politely", "."]
ANSWER = [" Yes", ", sure", "!"]


def _crossed(*words: tuple[str, str], source: str = "") -> Crossings:
    crossings, side = Crossings(source), Side()
    for text, channel in words:
        crossings.add(side.chunk(text, channel))
    return crossings


def _thinking_and_answer() -> Crossings:
    return _crossed(*((text, "0/reasoning") for text in THINKING), *((text, "0") for text in ANSWER))


@pytest.mark.parametrize("channel", ["0", ""])
def test_chunk_is_matched_in_its_own_channel_first(channel: str) -> None:
    """A word of the answer claims the answer's, though the model's reasoning has an equal one before it."""
    upstream, chunk = _thinking_and_answer(), Side().chunk(" Yes", channel)
    assert claim(chunk, upstream, (), False)[2] == NEAR
    assert (chunk.upstream_first, [each.seq for each in upstream.taken]) == (5, [1, 2, 3, 4, 5])


def test_oldest_chunk_of_another_channel_is_not_simply_the_next() -> None:
    """Where reasoning begins with the word that the answer begins with, the answer's word is claimed."""
    upstream = _crossed((" Yes", "0/reasoning"), (" Yes", "0"))
    chunk = Side().chunk(" Yes", "0")
    assert upstream.claim_next(chunk) == 0
    claim(chunk, upstream, (), False)
    assert chunk.upstream_first == 2


def test_merged_chunk_claims_the_neighbours_of_one_channel_that_are_as_long() -> None:
    """The sum of sizes names the chunks that were merged, past those of a channel that is left out."""
    upstream, side = _thinking_and_answer(), Side()
    chunk = side.chunk(" Yes, sure")
    assert claim(chunk, upstream, (), False, size=10)[2] == SUM
    assert (chunk.upstream_first, chunk.upstream_last) == (5, 6)
    assert claim(side.chunk("!"), upstream, (), False, size=1)[2] == NEXT


def test_sum_is_tried_against_every_source() -> None:
    """A judge that was read last is not what a sentence of the answer was made from."""
    judge, answer = _crossed(("fine", ""), (" so", "")), _crossed(("One", ""), (" two", ""), (".", ""))
    chunk = Side().chunk("One two.")
    assert claim(chunk, judge, (answer,), False, size=8)[::2] == (answer, SUM)
    assert (chunk.upstream_first, chunk.upstream_last) == (1, 3)


def test_chunks_that_seemed_to_be_skipped_are_pending_again() -> None:
    """A word of the stage's own equals one far ahead; the answer goes on where it had stopped."""
    upstream, side = _crossed(*((text, "") for text in "abcdef")), Side()
    assert claim(side.chunk("e"), upstream, (), False)[2] == NEAR
    assert claim(side.chunk("a"), upstream, (), False)[2] == BACK
    for text in "bcdef":
        assert upstream.claim_next(side.chunk(text))
    assert claim(side.chunk("b"), upstream, (), False)[2] != LATE


@pytest.mark.parametrize("sent", range(1, 40))
def test_resume_within_a_second_source(sent: int) -> None:
    """A model's stream breaks, it is asked again, and the stage skips what it has sent; whatever the tokens."""
    words = [(" the" if n % 3 else f" w{n}", "") for n in range(40)]
    first, second, side = _crossed(*words[:sent]), _crossed(*words[: sent + 1]), Side()
    for text, _ in words[:sent]:
        first.claim_next(side.chunk(text))
    chunk = side.chunk(words[sent][0])
    assert claim(chunk, first, (second,), False)[::2] == (second, RESUMED)
    assert (chunk.upstream_first, len(second.taken)) == (sent + 1, 1)
