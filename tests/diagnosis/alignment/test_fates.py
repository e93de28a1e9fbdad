"""The words for what became of a chunk stand in one place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import otel_sse
from otel_sse.diagnosis.alignment.fates import DAMAGE, GONE, HANDED_ON, Fate

PACKAGE = Path(otel_sse.__file__).parent
HOME = "diagnosis/alignment/fates.py"

ELSEWHERE = {
    ("demo/faults.py", "doubled"): "the name of a fault that the demo makes",
    ("demo/pipeline_policies.py", "split"): "the name of a policy of the demo",
    ("lineage/claims.py", "late"): "how a chunk was claimed",
    ("recording/upstreams.py", "unknown"): "the name of a slot",
    ("semconv.py", "doubled"): "the detail of a finding's kind",
}
"""Words of other meanings, by module and word."""


def _literals(tree: ast.Module) -> Iterator[str]:
    """Every text of a module but for docstrings."""
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.value


def test_no_word_of_a_fate_is_typed_elsewhere() -> None:
    """Outside of its home no module of the package has the word as a text of its own, but for those that are named."""
    words = {fate.value for fate in Fate}
    modules = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}
    found = {
        (name, text)
        for name, path in modules.items()
        for text in _literals(ast.parse(path.read_text("utf-8")))
        if text in words
    }
    assert {name for name, _ in found} >= {HOME}
    assert {each for each in found if each[0] != HOME} <= ELSEWHERE.keys()


def test_each_fate_is_explained() -> None:
    """A text stands below each member of the enumeration."""
    tree = ast.parse((PACKAGE / HOME).read_text("utf-8"))
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
