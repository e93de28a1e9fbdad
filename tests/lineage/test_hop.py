"""Numbers of the messages that a sender hands on."""

from __future__ import annotations

import json

import pytest

from otel_sse import limits
from otel_sse.lineage.hop import Outbox


def fresh(text: str) -> str:
    """A text that is an object of its own."""
    return str(json.loads(json.dumps(text)))


def test_messages_are_numbered_from_one() -> None:
    """Equal messages on one connection are different ones, and so is the same object."""
    outbox = Outbox()
    again = fresh("the ")
    assert [outbox.number(1, each) for each in (again, again, fresh("the "), b"x", None)] == [1, 2, 3, 4, 5]


def test_the_same_object_on_a_later_connection_is_the_same_message() -> None:
    """It has its number again; what follows goes on behind the last one."""
    outbox = Outbox()
    kept: list[str | bytes] = [fresh("a a a"), fresh("b b b"), b"cccc"]
    assert [outbox.number(1, each) for each in kept] == [1, 2, 3]
    assert [outbox.number(2, each) for each in [*kept[1:], fresh("d d d")]] == [2, 3, 4]
    assert [outbox.number(3, each) for each in kept[2:]] == [3]


def test_an_equal_text_on_a_later_connection_is_another_message() -> None:
    """A model repeats its tokens, so the same text alone proves nothing."""
    outbox = Outbox()
    assert outbox.number(1, fresh("the cat")) == 1
    assert outbox.number(2, fresh("the cat")) == 2


def test_an_equal_text_with_a_number_of_its_own_is_the_same_message() -> None:
    """Two messages of one stream are never equal by chance where each has a number."""
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
        outbox.number(1, message)
    assert outbox.number(2, sent[0]) == (1 if not more else len(sent) + 1)


@pytest.mark.parametrize("chars", [limits.MAX_HELD_CHARS, limits.MAX_HELD_CHARS + 1])
def test_long_messages_are_not_held(chars: int) -> None:
    """A message of 4,096 characters is known again, a longer one is not."""
    outbox = Outbox()
    message = "x" * chars
    assert outbox.number(1, message) == 1
    assert outbox.number(2, message) == (1 if chars <= limits.MAX_HELD_CHARS else 2)
