"""Which channels may have been handed on, and in which order that is tried."""

from __future__ import annotations

import pytest

from otel_sse.diagnosis.alignment.channels import choices
from otel_sse.diagnosis.alignment.choose import flow
from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.alignment.flow import Piece
from otel_sse.stream.channels import is_beside


def pieces(*texts: tuple[str, str]) -> list[Piece]:
    return [Piece(seq, text, len(text), channel) for seq, (channel, text) in enumerate(texts, 1)]


THOUGHT = [("0/reasoning", text) for text in ("Say", " Yes", " politely", ".")]
SAID = [("0", text) for text in (" Yes", ", sure", "!")]


def test_all_channels_come_first_then_the_likeliest() -> None:
    """Where a choice's bytes are all that came out, it is the likeliest; no choice is without the text."""
    down = pieces(*(("", text) for _, text in SAID))
    assert choices(pieces(*THOUGHT, *SAID), down) == [frozenset({"0/reasoning", "0"}), frozenset({"0"})]


def test_one_channel_is_no_choice() -> None:
    """Nor is there one where nothing came out."""
    assert choices(pieces(*SAID), pieces(*SAID)) == [frozenset({"0"})]
    assert choices(pieces(*THOUGHT, *SAID), []) == [frozenset({"0/reasoning", "0"})]


def test_many_channels_are_tried_one_by_one_and_without_one() -> None:
    """So many choices among seven channels would take too long."""
    up = pieces(*((str(n), f"text {n}") for n in range(7)))
    found = choices(up, pieces(("", "text 3")))
    assert found[1] == frozenset({"3"})
    assert {len(kept) for kept in found} == {1, 6, 7}


@pytest.mark.parametrize(
    ("said", "down", "fates"),
    [
        pytest.param(SAID, [" Yes", ", sure", "!"], [Fate.SAME] * 3, id="chunk by chunk"),
        pytest.param(SAID, [" Yes, sure", "!"], [Fate.REFRAMED, Fate.SAME], id="merged"),
        pytest.param(SAID, ["Well: ", " Yes, ", "sure!"], [Fate.ADDED] + [Fate.REFRAMED] * 2, id="cut, with a preface"),
    ],
)
def test_a_channel_that_is_left_out_explains_nothing_of_the_others(
    said: list[tuple[str, str]], down: list[str], fates: list[Fate]
) -> None:
    """No token of the reasoning is taken for one of the answer, however equal they are."""
    found = flow(pieces(*THOUGHT, *said), pieces(*(("", text) for text in down)), {})
    assert [passage.fate for passage in found.passages] == fates
    assert (found.lost, found.left_out) == ([1, 2, 3, 4], frozenset({1, 2, 3, 4}))


@pytest.mark.parametrize(
    ("channel", "beside"),
    [
        ("", False),
        ("0", False),
        ("0/1", False),
        ("0/reasoning", True),
        ("0/tool:1", True),
        ("tool:0", True),
        ("reasoning", True),
    ],
)
def test_a_channel_beside_the_text_has_a_word_for_its_last_part(channel: str, beside: bool) -> None:
    """An answer's text has a number, also as the part of a message; reasoning and the call of a tool have a word."""
    assert is_beside(channel) is beside
