"""What a stage does wrong is counted exactly while it runs, however tokens repeat."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lineage.made_edges import AHEAD, PLAIN, TEXTS, Sent, Words, as_it_is, counted, judged

AT = st.integers(0, 10_000)


@pytest.mark.parametrize("times", [2, 3, 4])
@given(answer=PLAIN)
def test_each_chunk_several_times(times: int, answer: Words) -> None:
    """All copies count, two of them where a chunk goes on three times."""
    sent = [each for each in as_it_is(answer) for _ in range(times)]
    said = counted(judged(answer, sent))
    several = len({text for text, _ in answer}) >= 2
    assert said == {"duplicate/doubled": (times - 1) * len(answer)} or not several


@given(answer=PLAIN, lag=st.integers(1, 3))
def test_second_path_that_lags(answer: Words, lag: int) -> None:
    """A B A C B D C: every chunk of the second path is a copy."""
    sent: list[Sent] = []
    for at, each in enumerate(as_it_is(answer)):
        sent.append(each)
        if at >= lag:
            sent.append(Sent(answer[at - lag][0], each.pulled))
    different = len({text for text, _ in answer}) > len(answer) * 0.8
    assert counted(judged(answer, sent)) == {"duplicate/doubled": len(answer) - lag} or not different


@given(answer=PLAIN, at=AT, ahead=AHEAD)
def test_one_chunk_twice(answer: Words, at: int, ahead: int) -> None:
    """One copy beside its original is certain at the stage's end, if the stage adds nothing."""
    sent = as_it_is(answer)
    at %= len(sent)
    said = counted(judged(answer, [*sent[: at + 1], *sent[at:]], ahead=ahead))
    assert said == {"duplicate/doubled": 1}


@given(answer=PLAIN, at=AT, size=st.integers(1, 4), ahead=AHEAD)
def test_chunks_that_are_lost(answer: Words, at: int, size: int, ahead: int) -> None:
    """Neighbours that do not go on are lost, as many as they are."""
    sent = as_it_is([*answer, (" the end", "0")])
    at %= len(answer) - size + 1
    del sent[at : at + size]
    assert counted(judged([*answer, (" the end", "0")], sent, ahead=ahead)) == {"gap/lost": size}


@given(answer=PLAIN, back=st.integers(1, 4))
def test_filter_that_takes_repeated_words_for_copies(answer: Words, back: int) -> None:
    """A filter drops what equals one of the last few: each is counted, though equal ones stand behind a gap."""
    every = [*answer, (" the end", "0")]
    sent: list[Sent] = []
    latest: list[str] = []
    for each in as_it_is(every):
        if each.text not in latest[-back:]:
            sent.append(each)
        latest.append(each.text)
    lost = len(every) - len(sent)
    said = counted(judged(every, sent))
    assert said == ({"gap/lost": lost} if lost else {}) or lost > len(sent)


@given(answer=PLAIN, at=AT)
def test_two_neighbours_that_change_places(answer: Words, at: int) -> None:
    """One of the two has moved, and none is lost."""
    sent = as_it_is([("The", "0"), *answer, (" the end", "0")])
    places = [n for n in range(len(sent) - 1) if sent[n].text != sent[n + 1].text]
    n = places[at % len(places)]
    one, other = sent[n], sent[n + 1]
    sent[n : n + 2] = [Sent(other.text, other.pulled), Sent(one.text, other.pulled)]
    assert counted(judged([("The", "0"), *answer, (" the end", "0")], sent)) == {"reorder/moved": 1}


@given(texts=st.lists(TEXTS, min_size=1, max_size=1), size=st.integers(4, 8), at=AT)
def test_run_that_is_handed_on_again(texts: list[list[str]], size: int, at: int) -> None:
    """A run of different chunks that is handed on once more is a run of copies."""
    words = [f" {n}{text}" for n, text in enumerate([*texts[0], *"abcd"])]
    answer = [(word, "0") for word in words]
    sent = as_it_is(answer)
    at = size + at % (len(sent) - size)
    again = [Sent(each.text, at) for each in sent[at - size : at]]
    assert counted(judged(answer, [*sent[:at], *again, *sent[at:]])) == {"duplicate/doubled": size}


@pytest.mark.parametrize("own", ["0", ""])
@pytest.mark.parametrize("seed", range(8))
def test_loss_in_an_answer_with_several_channels(seed: int, own: str) -> None:
    """One lost piece of the text is found beside reasoning that is left out."""
    chance = random.Random(seed)
    thinking = [(chance.choice([" so", ",", f" t{n}"]), "0/reasoning") for n in range(chance.randrange(1, 40))]
    answer = [(chance.choice([" the", ",", f" w{n}"]), "0") for n in range(30)]
    every = [*thinking, *answer, (" the end", "0")]
    sent = [each._replace(channel=own) for each in as_it_is(every, "0")]
    del sent[chance.randrange(1, 29)]
    assert counted(judged(every, sent)) == {"gap/lost": 1}
