"""From pieces of text to facts."""

from __future__ import annotations

from otel_sse.dialects.deltas import gather
from otel_sse.stream.facts import Facts


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
