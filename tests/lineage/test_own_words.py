"""What a stage adds of its own is no fault: nothing certain is said of it, however it equals the answer's words."""

from __future__ import annotations

import random

import pytest
from hypothesis import given

from tests.lineage.made_edges import AHEAD, CHANCE, PLAIN, Sent, Words, as_it_is, counted, judged, said


def _text(chance: random.Random, channel: str = "0") -> list[tuple[str, str]]:
    return [(text, channel) for text in said(chance)]


def _put_in(sent: list[Sent], at: int, texts: list[str]) -> list[Sent]:
    pulled = sent[at - 1].pulled if at else 0
    return [*sent[:at], *(Sent(text, pulled) for text in texts), *sent[at:]]


@given(answer=PLAIN, ahead=AHEAD)
def test_answer_that_is_handed_on_is_in_order(answer: Words, ahead: int) -> None:
    """A model's own repeats came in as often as they go on."""
    assert judged(answer, as_it_is(answer), ahead=ahead) == []


@given(chance=CHANCE, ahead=AHEAD)
def test_words_of_the_answer_said_elsewhere_too(chance: random.Random, ahead: int) -> None:
    """A word that equals one of the answer, and does not stand near it, is no copy, and makes no gap.

    Near it, it may as well have moved or come twice: nobody can tell.
    """
    answer = _text(chance)
    sent = as_it_is(answer)
    # Three words could by chance be a run of the answer's, which is what a second path makes.
    for _ in range(chance.randrange(1, 3)):
        at, (word, _) = chance.randrange(len(sent) + 1), chance.choice(answer)
        if word not in [each.text for each in sent[max(at - 8, 0) : at + 8]]:
            sent = _put_in(sent, at, [word])
    assert counted(judged(answer, sent, ahead=ahead)) == {}


@given(chance=CHANCE, ahead=AHEAD)
def test_preface_note_or_sources(chance: random.Random, ahead: int) -> None:
    """A text of the stage's own stands before the answer, in it or behind it."""
    answer = _text(chance)
    at = chance.choice([0, len(answer), chance.randrange(len(answer))])
    sent = _put_in(as_it_is(answer), at, ["Note:", *said(chance, 1, 30), "(end)"])
    assert counted(judged(answer, sent, ahead=ahead)) == {}


@given(chance=CHANCE, ahead=AHEAD)
def test_another_answer_between(chance: random.Random, ahead: int) -> None:
    """The words of another model, or of another request, stand between those of the answer."""
    answer = _text(chance)
    mine, theirs, sent = as_it_is(answer), ["Another:", *said(chance)], list[Sent]()
    while mine or theirs:
        if theirs and (not mine or chance.random() < 0.5):
            sent.append(Sent(theirs.pop(0), sent[-1].pulled if sent else 0))
        else:
            sent.append(mine.pop(0))
    assert counted(judged(answer, sent, ahead=ahead)) == {}


@given(chance=CHANCE, ahead=AHEAD)
def test_tokens_of_another_request_through_one_queue(chance: random.Random, ahead: int) -> None:
    """Two requests steal each other's tokens: both what is missing and what is strange is not sure."""
    sent: list[Sent] = []
    answer = _text(chance)
    for each, strange in zip(as_it_is(answer), said(chance, 70, 80), strict=False):
        sent.append(each if chance.random() < 0.5 else Sent(f"{strange} it", each.pulled))
    assert counted(judged(answer, sent, ahead=ahead)) == {}


@pytest.mark.parametrize("apart", ["0/reasoning", "1", "0/tool:0"])
@given(chance=CHANCE, ahead=AHEAD)
def test_channel_that_is_left_out(apart: str, chance: random.Random, ahead: int) -> None:
    """A model's reasoning, another choice or a tool's call comes first or in between, and nothing of it goes on."""
    answer, beside = _text(chance), _text(chance, apart)
    between = list(answer)
    for n, each in enumerate(beside):
        between.insert(min(2 * n, len(between)), each)
    for every in ([*beside, *answer], between):
        for sent in (as_it_is(every, "0"), [each for each in as_it_is(every) if each.channel == "0"]):
            assert counted(judged(every, sent, ahead=ahead)) == {}


@given(chance=CHANCE, ahead=AHEAD)
def test_channel_that_is_left_out_while_the_rest_is_merged(chance: random.Random, ahead: int) -> None:
    """An application that merges the answer's pieces, and leaves reasoning out, changes nothing."""
    every = [*_text(chance, "0/reasoning"), *_text(chance)]
    own, size = as_it_is(every, "0"), chance.randrange(2, 6)
    parts = [own[at : at + size] for at in range(0, len(own), size)]
    sent = [Sent("".join(each.text for each in part), part[-1].pulled) for part in parts]
    assert counted(judged(every, sent, ahead=ahead)) == {}
