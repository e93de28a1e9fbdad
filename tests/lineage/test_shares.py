"""How much of each channel goes on."""

from __future__ import annotations

import pytest

from otel_sse import limits
from otel_sse.lineage.shares import Shares
from otel_sse.stream.chunk import Chunk
from tests.lineage.made_edges import Side


def _side(*words: tuple[str, str]) -> list[Chunk]:
    side = Side()
    return [side.chunk(text, channel) for text, channel in words]


def test_worked_example() -> None:
    """What the comment in the class says of reasoning and text is so."""
    thinking = [(text, "0/reasoning") for text in ("Say", " Yes", " politely", ".")]
    text = [(text, "0") for text in (" Yes", " sure", "!")]
    downs = _side(*((word, "") for word, _ in text))
    shares = Shares()
    kept = shares.handed_on(_side(*thinking, *text), downs, keyed=False)
    assert [each.channel for each in kept] == ["0"] * 3
    assert (shares.is_left_out("0/reasoning"), shares.is_left_out("0")) == (True, False)


def test_only_channel_is_never_left_out() -> None:
    """Whatever is missing of it."""
    shares = Shares()
    assert len(shares.handed_on(_side(*((f"{n}", "") for n in range(9))), _side(("0", "")), keyed=False)) == 9
    assert not shares.is_left_out("")


def test_two_channels_that_say_the_same() -> None:
    """Which of two equal choices goes on is not known, where the stage has names of its own."""
    words = [f"w{n}" for n in range(6)]
    both = [(word, channel) for word in words for channel in ("0", "1")]
    shares = Shares()
    shares.handed_on(_side(*both), _side(*((word, "") for word in words)), keyed=False)
    assert shares.are_alike


@pytest.mark.parametrize("extra", [0, 1])
def test_channels_are_bounded(extra: int) -> None:
    """MAX_CHANNELS channels are counted; one more is not."""
    shares = Shares()
    for n in range(limits.MAX_CHANNELS + extra):
        shares.count(f"{n}", 0, 9)
    assert shares.is_left_out(f"{limits.MAX_CHANNELS - 1}")
    assert not shares.is_left_out(f"{limits.MAX_CHANNELS}")
