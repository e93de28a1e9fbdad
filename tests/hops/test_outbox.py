"""Numbers of the messages that a sender hands on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otel_sse import limits
from otel_sse.hops.outbox import Outbox


def fresh(text: str) -> str:
    """A text that is an object of its own."""
    return str(json.loads(json.dumps(text)))


def test_messages_are_numbered_from_one() -> None:
    """Equal messages on one connection are different ones, and so is the same object."""
    outbox = Outbox()
    again = fresh("the ")
    assert [outbox.number(1, each) for each in (again, again, fresh("the "), b"x", None)] == [1, 2, 3, 4, 5]


def broken(*sent: str | bytes) -> Outbox:
    """An outbox whose connection 1 broke off behind these messages."""
    outbox = Outbox()
    for message in sent:
        outbox.number(1, message)
    outbox.broke()
    return outbox


def frames(*words: str) -> list[str | bytes]:
    """Messages that are objects of their own."""
    return [fresh(json.dumps({"type": "CHUNK", "content": word})) for word in words]


def test_a_run_of_the_same_objects_behind_a_break_is_sent_again() -> None:
    """From the third on each has its number again: the first two may be chance. What follows goes on as new."""
    kept = frames("the ", "the ", "the ", "the ")
    outbox = broken(*kept)
    assert [outbox.number(2, each) for each in [*kept, *frames("the ")]] == [5, 6, 3, 4, 7]


@pytest.mark.parametrize("less", [0, 1])
def test_a_run_is_as_long_as_the_cap(less: int) -> None:
    """Its first message that has its number again is the third."""
    kept = frames("a", "b", "c")[: limits.MIN_RUN - less]
    outbox = broken(*kept)
    numbers = [outbox.number(2, each) for each in kept]
    assert numbers[-1] == (2 * len(kept) if less else limits.MIN_RUN)


@pytest.mark.parametrize("less", [0, 1])
def test_messages_of_a_run_are_as_long_as_the_cap(less: int) -> None:
    """A message of 16 characters counts for a run, one of 15 does not."""
    kept: list[str | bytes] = [word * (limits.MIN_RUN_CHARS - less) for word in "abc"]
    outbox = broken(*kept)
    assert [outbox.number(2, each) for each in kept] == [4, 5, 6 if less else 3]


def test_a_start_does_not_hide_a_run() -> None:
    """A client that is connected again may say so first."""
    kept = [*frames("a", "b", "c"), fresh('{"type": "START"}')]
    outbox = broken(*kept)
    assert outbox.number(2, kept[-1], starts=True) == 5
    assert [outbox.number(2, each) for each in kept[:3]] == [6, 7, 3]


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(lambda kept: [kept[0], kept[2], kept[1], kept[3]], id="another order"),
        pytest.param(lambda kept: [kept[0], kept[1], *frames("x"), *kept[2:]], id="something else between"),
        pytest.param(lambda kept: [*frames("x"), *kept], id="not at the beginning"),
        pytest.param(lambda kept: [fresh(each) for each in kept], id="equal texts"),
    ],
)
def test_what_is_no_such_run_is_new(again: Any) -> None:
    """Constants and equal texts prove nothing."""
    kept = frames("a", "b", "c", "d")
    outbox = broken(*kept)
    following = again(kept)
    assert [outbox.number(2, each) for each in following] == list(range(5, 5 + len(following)))


def test_short_texts_are_no_run() -> None:
    """Python shares them between whoever makes them: a token is the same object in every answer."""
    outbox = broken(*"abcdef")
    assert [outbox.number(2, each) for each in "abcdef"] == [7, 8, 9, 10, 11, 12]


def test_a_connection_that_was_closed_in_order_proves_nothing() -> None:
    """An application may open a connection for each of its calls, and send constants on all."""
    outbox = Outbox()
    kept = frames("a", "b", "c", "d")
    assert [outbox.number(1, each) for each in kept] == [1, 2, 3, 4]
    assert [outbox.number(2, each) for each in kept] == [5, 6, 7, 8]


@pytest.mark.parametrize("broke", [False, True])
def test_what_follows_an_end_is_another_answer(broke: bool) -> None:
    """Also with equal numbers and objects, and however the connection ended."""
    outbox = Outbox()
    kept = frames("a", "b", "c", "d")
    begin, end = (fresh(json.dumps({"type": word})) for word in ("START", "END"))
    for connection in (1, 2):
        numbers = [
            outbox.number(connection, begin, starts=True),
            *[outbox.number(connection, each, True) for each in kept],
            outbox.number(connection, end, ends=True),
        ]
        assert numbers == list(range(6 * connection - 5, 6 * connection + 1))
        if broke:
            outbox.broke()


def test_a_start_on_the_same_connection_is_another_answer() -> None:
    """Its messages may have the numbers of the one before."""
    outbox = Outbox()
    kept = frames("a", "b")
    for expected in ([1, 2, 3], [4, 5, 6]):
        assert [outbox.number(1, "start", starts=True), *[outbox.number(1, each, True) for each in kept]] == expected


@pytest.mark.parametrize(("broke", "numbers"), [(True, [3, 1, 2]), (False, [3, 4, 5])])
def test_a_start_on_a_later_connection_goes_on_where_the_one_before_broke(broke: bool, numbers: list[int]) -> None:
    """Named messages behind it are sent again; after an orderly close they are another answer's."""
    outbox = Outbox()
    kept = [fresh(f"seq {n}") for n in (1, 2)]
    for each in kept:
        outbox.number(1, each, True)
    if broke:
        outbox.broke()
    assert [outbox.number(2, "start", starts=True), *[outbox.number(2, each, True) for each in kept]] == numbers


def test_an_equal_text_on_a_later_connection_is_another_message() -> None:
    """A model repeats its tokens, so the same text alone proves nothing."""
    outbox = Outbox()
    assert outbox.number(1, fresh("the cat")) == 1
    assert outbox.number(2, fresh("the cat")) == 2


def test_an_equal_text_with_a_number_of_its_own_is_the_same_message() -> None:
    """Two messages of one stream are never equal by chance where each has its key and a number."""
    outbox = Outbox()
    assert [outbox.number(1, fresh(f"seq {n}"), True) for n in (1, 2, 3)] == [1, 2, 3]
    assert [outbox.number(2, fresh(f"seq {n}"), True) for n in (2, 3, 4)] == [2, 3, 4]


def test_a_send_that_failed_gives_its_number_back() -> None:
    """The message was not handed on, so the next one has its number, be it the same or another."""
    outbox = Outbox()
    message = fresh("the cat")
    assert outbox.number(1, message) == 1
    outbox.failed(1)
    assert outbox.number(2, message) == 1
    assert outbox.number(2, fresh("other")) == 2


def test_an_earlier_send_that_failed_keeps_its_number() -> None:
    """A later message has been handed on meanwhile; the number that is then missing is a real loss."""
    outbox = Outbox()
    assert [outbox.number(1, fresh("a")), outbox.number(1, fresh("b"))] == [1, 2]
    outbox.failed(1)
    assert outbox.number(1, fresh("c")) == 3


@pytest.mark.parametrize("more", [0, 1])
def test_messages_are_held_up_to_a_cap(more: int) -> None:
    """The last 32 are known again; the one before them is not."""
    outbox = Outbox()
    sent = [fresh(f"message {n}") for n in range(limits.MAX_HELD_MESSAGES + more)]
    for message in sent:
        outbox.number(1, message, True)
    assert outbox.number(2, sent[0], True) == (1 if not more else len(sent) + 1)


@pytest.mark.parametrize("chars", [limits.MAX_HELD_CHARS, limits.MAX_HELD_CHARS + 1])
def test_long_messages_are_not_held(chars: int) -> None:
    """A message of 4,096 characters is known again, a longer one is not."""
    outbox = Outbox()
    message = "x" * chars
    assert outbox.number(1, message, True) == 1
    assert outbox.number(2, message, True) == (1 if chars <= limits.MAX_HELD_CHARS else 2)


@pytest.mark.parametrize(("letter", "size"), [("x", 1), ("ü", 4)])
@pytest.mark.parametrize("more", [0, 1])
def test_held_messages_are_capped_in_bytes(letter: str, size: int, more: int) -> None:
    """Four messages of a quarter of MAX_HELD_BYTES are known again; with a little more the first one is forgotten."""
    outbox = Outbox()
    quarter = letter * (limits.MAX_HELD_BYTES // 4 // size)
    sent = [fresh(f"{n}{quarter[1:]}") for n in range(3)]
    for message in (*sent, fresh(quarter[1:]), fresh("y" * (more + (size if letter == "x" else 4)))):
        outbox.number(1, message, True)
    assert outbox.number(2, sent[0], True) == (6 if more else 1)
