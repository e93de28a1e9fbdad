"""The words for what became of a chunk stand in one place."""

from __future__ import annotations

import ast

import pytest

from otel_sse.diagnosis.alignment.fates import DAMAGE, GONE, HANDED_ON, Fate
from tests.stream.literals import PACKAGE, Literal, literals, literals_of, stale

HOMES = ("diagnosis/alignment/fates.py", "stream/kinds.py")
"""The second has the words as details of kinds; `tests/stream/test_kinds.py` holds those."""

WORDS = tuple(fate.value for fate in Fate)

ELSEWHERE = {
    ("doubled", "demo/faults.py"): "the name of a fault that the demo makes",
    ("split", "demo/pipeline_policies.py"): "the name of a policy of the demo",
    ("late", "lineage/claims.py"): "how a chunk was claimed",
    ("late", "diagnosis/faults/delays.py"): "a part of a sentence",
    ("left out", "diagnosis/faults/omissions.py"): "a part of a sentence",
    ("lost", "demo/pipeline_gateway.py"): "a part of a sentence",
    ("lost", "hops/inbox.py"): "a part of a sentence",
    ("unknown", "recording/upstreams.py"): "the name of a slot",
}
"""Words of other meanings, by word and module."""


def elsewhere() -> list[tuple[str, Literal]]:
    """Each word of a fate that a short text of the package has outside of the home of fates."""
    return [(word, each) for each in literals() if each.path not in HOMES for word in each.words(WORDS)]


def test_no_word_of_a_fate_is_typed_elsewhere() -> None:
    """Outside of its home no module of the package has the word in a short text, but for those that are named."""
    assert [str(literal) for word, literal in elsewhere() if (word, literal.path) not in ELSEWHERE] == []


def test_words_of_other_meanings_are_still_there() -> None:
    """Each exception is one: the word stands in that module."""
    assert stale(ELSEWHERE, ((word, literal.path) for word, literal in elsewhere())) == []


@pytest.mark.parametrize(
    "source", ['"lost %s"', '"doubled: "', 'f"left out by {x}"', 'b"moved"', """y: 'L["moved"]'"""]
)
def test_a_word_is_seen_wherever_it_stands(source: str) -> None:
    """It is seen among other words, in bytes and in annotations."""
    assert any(
        literal.words(WORDS) for literal in literals_of(f"x = {source}" if source[0] != "y" else source, "made.py")
    )


def test_each_fate_is_explained() -> None:
    """A text stands below each member of the enumeration."""
    tree = ast.parse((PACKAGE / HOMES[0]).read_text("utf-8"))
    (fates,) = (node for node in tree.body if isinstance(node, ast.ClassDef))
    members = [n for n, node in enumerate(fates.body) if isinstance(node, ast.Assign)]
    assert len(members) == len(Fate)
    for n in members:
        assert isinstance(fates.body[n + 1], ast.Expr)


def test_lists_name_each_fate_once() -> None:
    """What an edge counts is told in one order; what is gone and what is damage is part of the whole."""
    assert len(set(HANDED_ON)) == len(HANDED_ON)
    assert set(Fate) - set(HANDED_ON) == {Fate.REFRAMED, Fate.REWRITTEN, Fate.LATE, Fate.ABSENT}
    assert set(GONE) < set(HANDED_ON)
    assert DAMAGE - set(HANDED_ON) == {Fate.LATE}
