"""Caps, and that each of them is tested."""

from __future__ import annotations

import ast
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from otel_sse import limits

TESTS = Path(__file__).parent
NAMES = [name for name in vars(limits) if name.isupper()]


@cache
def texts() -> dict[Path, str]:
    """All test files but this one."""
    return {path: path.read_text() for path in TESTS.rglob("test_*.py") if path != Path(__file__)}


@pytest.mark.parametrize("name", NAMES)
def test_each_limit_is_named_in_a_test(name: str) -> None:
    """A cap that no test names is tested neither at the cap nor one past it."""
    assert [path for path, text in texts().items() if name in text], f"no test file names limits.{name}"


@pytest.mark.parametrize("name", NAMES)
def test_each_limit_is_used_in_the_package(name: str) -> None:
    """A cap that no code reads caps nothing."""
    package = Path(limits.__file__).parent
    users = [path for path in package.rglob("*.py") if path != Path(limits.__file__) and name in path.read_text()]
    assert users


def test_each_limit_gives_its_unit_and_reason() -> None:
    """Each cap is a whole number above 0 with a text right below it."""
    body = ast.parse(Path(limits.__file__).read_text()).body
    for before, after in pairwise(body):
        if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name):
            assert isinstance(after, ast.Expr), before.target.id
            assert isinstance(after.value, ast.Constant), before.target.id
    assert all(isinstance(getattr(limits, name), int) and getattr(limits, name) > 0 for name in NAMES)
