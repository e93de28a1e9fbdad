"""The user's own rules on content."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sse import limits
from otel_sse.detect.rules import RuleDetector
from otel_sse.stream.chunk import CERTAIN, Chunk, Finding

RULES = (("markdown_leak", re.compile(r"\*\*|^#+ ", re.MULTILINE)), ("secret", re.compile(r"sk-[a-z0-9]{8,}")))


def judge(*texts: str, channel: str = "0", detector: RuleDetector | None = None) -> list[Finding]:
    """Everything said of texts, one chunk each."""
    detector = detector or RuleDetector("emit", RULES)
    chunks = [Chunk(seq, 0, "content", "", 0, 0, False) for seq in range(1, len(texts) + 1)]
    return detector.look(channel, chunks, texts)


def told(*texts: str) -> list[tuple[str, int]]:
    """Rule and chunk of everything said."""
    return [(one.kind, one.seq) for one in judge(*texts)]


def test_rule_that_is_met_is_a_finding_without_the_text() -> None:
    """The finding has the rule's name and the chunk, and nothing of what was found."""
    (found,) = judge("The key", " is sk-abcdefgh12.")
    assert found == Finding("check/secret", CERTAIN, "emit", 2, evidence="the rule secret is met")


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["plain", " text"], []),
        (["so *", "*bold"], [("check/markdown_leak", 2)]),
        (["**a", " and ", "b**"], [("check/markdown_leak", 1), ("check/markdown_leak", 3)]),
        (["# Title"], [("check/markdown_leak", 1)]),
        (["a\n", "##", " b"], [("check/markdown_leak", 3)]),
        (["sk-", "abcd", "efgh", "ijkl", " sk-", "zzzzzzzz"], [("check/secret", 3), ("check/secret", 6)]),
        (["**sk-abcdefgh"], [("check/markdown_leak", 1), ("check/secret", 1)]),
    ],
)
def test_what_is_cut_in_two_is_found_once(texts: list[str], expected: list[tuple[str, int]]) -> None:
    """A match is told at the chunk that completes it, and one that grows from chunk to chunk is one."""
    assert told(*texts) == expected


def test_channels_are_read_apart() -> None:
    """What two choices say in turn is not one text."""
    detector = RuleDetector("emit", RULES)
    assert judge("*", channel="0", detector=detector) == []
    assert judge("*", channel="1", detector=detector) == []


def test_match_of_nothing_is_none() -> None:
    """A pattern that matches the empty string is met where it matches something."""
    detector = RuleDetector("emit", (("maybe", re.compile(r"x*")),))
    assert [one.seq for one in judge("ab", "cx", "d", detector=detector)] == [2]


@pytest.mark.parametrize(("between", "count"), [(limits.MAX_CHECKED_CHARS - 1, 1), (limits.MAX_CHECKED_CHARS, 0)])
def test_what_lies_too_far_apart_is_not_seen_together(between: int, count: int) -> None:
    """The last MAX_CHECKED_CHARS characters are seen with a chunk, and no more is kept."""
    detector = RuleDetector("emit", (("far", re.compile(r"a-*b")),))
    assert len(judge("a", "-" * (between - 1), "-", "b", detector=detector)) == count


@given(st.text("ab*# \n", max_size=60), st.integers(1, 7))
def test_any_cut_finds_as_much(text: str, size: int) -> None:
    """However a text is cut, a rule of fixed length is met as often as in the whole text."""
    detector = RuleDetector("emit", (("bold", re.compile(r"\*\*(?=[ab])")), ("hash", re.compile("#a"))))
    whole = len(re.findall("#a", text))
    cut = judge(*[text[at : at + size] for at in range(0, len(text), size)], detector=detector)
    met = sum(one.kind == "check/hash" for one in cut)
    assert (met > 0) == (whole > 0)
    assert met <= whole
