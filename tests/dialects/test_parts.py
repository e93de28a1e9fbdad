"""The parts of an answer: numbers for ids, choices that finish each by itself, pieces of text."""

from __future__ import annotations

from otel_sse.dialects.parts import Channels, Choices, gather
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
    choices.begin()
    assert choices.go_on([{"index": MAX_CHANNELS}], "finish_reason")
    assert choices.latest == 0


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
