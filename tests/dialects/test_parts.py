"""The parts of an answer: numbers for ids, choices that finish each by itself, pieces of text."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.parts import Channels, Choices, ToolCalls, finishes, gather
from otel_sse.limits import MAX_CHANNELS
from otel_sse.stream.facts import Facts


def test_ids_are_numbered_in_the_order_they_come() -> None:
    """The same id keeps its number."""
    channels = Channels()
    assert [channels.number(part) for part in ("step-b", "step-a", "step-b")] == [0, 1, 0]


def test_parts_without_an_id_share_one_number() -> None:
    """No id, an empty one and one that is no string are the same part."""
    channels = Channels()
    assert [channels.number(part) for part in (None, "", 5, ["a"])] == [0, 0, 0, 0]


def test_memory_is_capped() -> None:
    """At the cap each id has its number; all ids past it share the next one, and nothing more is remembered."""
    channels = Channels()
    numbers = [channels.number(f"part-{number}") for number in range(MAX_CHANNELS + 3)]
    assert numbers == [*range(MAX_CHANNELS), MAX_CHANNELS, MAX_CHANNELS, MAX_CHANNELS]
    assert channels.number("part-0") == 0
    assert channels.number(f"part-{MAX_CHANNELS}") == MAX_CHANNELS


def test_an_answer_goes_on_until_each_choice_has_finished() -> None:
    """Choices that were seen have each to say a finish reason, in whatever order."""
    choices = Choices()
    assert choices.go_on([{"index": 0}, {"index": 1}], "finish_reason")
    assert choices.go_on([{"index": 1, "finish_reason": "stop"}], "finish_reason")
    assert not choices.go_on([{"index": 0, "finish_reason": "length"}], "finish_reason")
    assert choices.latest == 1


def test_choices_without_a_number_are_numbered_by_their_place() -> None:
    """What is no number, or no choice at all, stands where it stands in the event."""
    choices = Choices()
    assert choices.go_on([{"finish_reason": "stop"}, "odd"], "finish_reason")
    assert choices.latest == 1


def test_a_choice_beyond_the_cap_is_not_remembered() -> None:
    """At the cap a choice is one of the others; one below it counts."""
    choices = Choices()
    assert choices.go_on([{"index": MAX_CHANNELS - 1}], "finish_reason")
    assert choices.latest == MAX_CHANNELS - 1
    others = Choices()
    assert others.go_on([{"index": MAX_CHANNELS, "finish_reason": "stop"}], "finish_reason")
    assert others.latest == 0


def test_an_answer_that_begins_anew_has_no_choices_yet() -> None:
    """`begin` forgets which have finished."""
    choices = Choices()
    assert not choices.go_on([{"index": 0, "finish_reason": "stop"}], "finish_reason")
    choices.begin()
    assert choices.go_on([{"index": 0}], "finish_reason")


def test_no_delta_is_no_content() -> None:
    """An event without text is control."""
    assert gather([]) == Facts("control")


def test_one_delta_needs_no_list() -> None:
    """A single delta is the content, and `deltas` stays empty."""
    assert gather([("0", "moss")]) == Facts("content", "moss", "0")


def test_neighbours_on_one_channel_are_joined() -> None:
    """Two parts of one channel are one delta."""
    assert gather([("0", "mo"), ("0", "ss")]) == Facts("content", "moss", "0")


def test_several_channels_are_listed_in_order() -> None:
    """Deltas of several channels are kept apart, and `content` is all of them in order."""
    assert gather([("0/reasoning", "hm"), ("0", "mo"), ("0", "ss"), ("1", "fern")]) == Facts(
        "content", "hmmossfern", "0/reasoning", (("0/reasoning", "hm"), ("0", "moss"), ("1", "fern"))
    )


def called(*pieces: tuple[int, str | None, str | None, str]) -> list[int]:
    """The numbers that a choice's calls get, by index, id, name and arguments."""
    calls = ToolCalls()
    numbers: list[int] = []
    for at, ident, name, arguments in pieces:
        call: dict[str, Any] = {"index": at, "id": ident, "function": {"name": name, "arguments": arguments}}
        calls.renumber([{"index": 0, "delta": {"tool_calls": [call]}}])
        numbers.append(call["index"])
    return numbers


def test_calls_that_share_an_index_are_told_apart_by_id_and_name() -> None:
    """Each gets the next free number; what comes without an id belongs to the latest."""
    a, b, c = (0, "call_a", "look", ""), (0, "call_b", "count", ""), (0, "call_c", "look", "")
    more = (0, None, None, "{}")
    assert called(a, more, b, more, more, c, more) == [0, 0, 1, 1, 1, 2, 2]
    assert called(a, (1, "call_1", "look", ""), b, more, (1, None, None, "{}")) == [0, 1, 2, 2, 1]
    assert called(a, b, (1, "call_1", "look", "")) == [0, 1, 2]


def test_call_whose_id_comes_back_keeps_its_number() -> None:
    """Pieces of two calls may take turns, each with its id."""
    pieces = [(0, f"call_{'ab'[at % 2]}", "look", "x") for at in range(6)]
    assert called(*pieces) == [0, 1, 0, 1, 0, 1]


def test_id_of_each_piece_and_name_in_pieces_are_one_call() -> None:
    """A service may give each piece an id of its own, or cut the name; a name behind arguments is another call's."""
    assert called((0, "x1", "look", ""), (0, "x2", None, "{"), (0, "x3", None, "}")) == [0, 0, 0]
    assert called((0, None, "lo", ""), (0, None, "ok", ""), (0, None, None, "{}"), (0, None, "count", "")) == [
        0,
        0,
        0,
        1,
    ]
    assert called((0, None, "look", "{"), (0, None, "look", "}")) == [0, 0]


def test_another_answer_numbers_its_calls_anew() -> None:
    """`begin` forgets the calls of the answer before."""
    calls = ToolCalls()
    for _ in range(2):
        one: list[dict[str, Any]] = [
            {"id": "a", "function": {"name": "look"}},
            {"id": "b", "function": {"name": "look"}},
        ]
        calls.renumber_calls(one)
        assert [call["index"] for call in one] == [0, 1]
        calls.begin()


@pytest.mark.parametrize(("number", "expected"), [(MAX_CHANNELS - 1, MAX_CHANNELS - 1), (MAX_CHANNELS, 0)])
def test_calls_are_told_apart_up_to_the_cap(number: int, expected: int) -> None:
    """MAX_CHANNELS calls get numbers; one more keeps its index."""
    pieces = [(0, f"call_{at}", f"tool_{at}", "{}") for at in range(MAX_CHANNELS + 1)]
    assert called(*pieces)[number] == expected


def test_finishes_name_choice_and_reason() -> None:
    """A choice is numbered by its index or its place; words for "not yet" are no reason."""
    choices = [{"finish_reason": "stop"}, {"index": 7, "finish_reason": "length"}, {"finish_reason": "null"}, "odd"]
    assert finishes(choices, "finish_reason") == (("0", "stop"), ("7", "length"))


def test_new_id_begins_no_answer_while_a_choice_goes_on() -> None:
    """Where each event has an id of its own, what has finished is not forgotten."""
    choices = Choices()
    choices.go_on([{"index": 0}, {"index": 1}], "finish_reason")
    choices.go_on([{"index": 0, "finish_reason": "stop"}], "finish_reason")
    assert not choices.begin()
    assert choices.has_finished("0")
    assert not choices.go_on([{"index": 1, "finish_reason": "stop"}], "finish_reason")
    assert choices.begin()
    assert not choices.has_finished("0")
