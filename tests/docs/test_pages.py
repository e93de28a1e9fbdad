"""Blocks of a page, and what comments say of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import pages
from tests.docs.pages import Block, blocks, code_of_session, stray_comments

PAGE = """# Page

```sh
one
```

<!-- not run: needs a Docker engine -->
```sh
two
```

<!-- file: app.py -->
```python
three
```

<!-- invisible-code-block: python
four
-->

- in a list:

  <!-- output of: five --verbose -->
  <!-- numbers vary: by the clock -->
  ```text
  6
  ```
"""


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one page."""
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    (tmp_path / "page.md").write_text(PAGE)
    return tmp_path


def test_every_block_is_found_with_its_line_and_what_is_said_of_it() -> None:
    """A block has its line, language and lines, and what the comments right above it say."""
    assert blocks("page.md") == [
        Block("page.md", 3, "sh", "one\n", {}),
        Block("page.md", 8, "sh", "two\n", {"not run": "needs a Docker engine"}),
        Block("page.md", 13, "python", "three\n", {"file": "app.py"}),
        Block("page.md", 17, "python", "four\n", {}, hidden=True),
        Block("page.md", 25, "text", "6\n", {"numbers vary": "by the clock", "output of": "five --verbose"}),
    ]
    assert stray_comments("page.md") == []
    assert str(blocks("page.md")[1]) == "page.md:8"


@pytest.mark.parametrize(
    "comment",
    [
        "<!-- not-run: needs root -->",
        "<!-- no command: it needs root -->",
        "<!-- Skip: next -->",
        "<!-- output: of x y -->",
        "<!-- not run: a b -->\n\nText.",
    ],
)
def test_a_comment_that_is_heard_by_nobody_is_found(root: Path, comment: str) -> None:
    """A comment in another form, or one that stands above no block, is named with its line."""
    (root / "page.md").write_text(f"x\n\n{comment}\n\n```python\n1\n```\n")
    assert stray_comments("page.md") == [f"page.md:3: {comment.splitlines()[0]}"]


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        (Block("p", 1, "sh", "", {"not run": ""}), "`not run` must say why in words, got ''"),
        (Block("p", 1, "sh", "", {"not run": "Docker"}), "`not run` must say why in words, got 'Docker'"),
        (Block("p", 1, "text", "", {"numbers vary": ""}), "`numbers vary` must say why in words, got ''"),
        (Block("p", 1, "sh", "", {"output of": "x"}), "`output of` must stand above a block of text, got 'sh'"),
        (
            Block("p", 1, "", "a -> b", {}),
            "a block must have a language, or say `not run` with the reason above it, got neither",
        ),
        (
            Block("p", 1, "pyi", "x = 1", {}),
            "a block of pyi must stand on docs/api.md, got p; call an example python, so that it is run",
        ),
        (Block("p", 1, "ruby", "", {}), "a block must be of a language that is run, parsed or left alone, got 'ruby'"),
    ],
)
def test_a_comment_without_a_reason_is_a_problem(block: Block, problem: str) -> None:
    """A reason is more than one word, a comment stands above what it is about, and each language is known."""
    assert block.problem() == problem


def test_a_picture_with_a_reason_is_no_problem() -> None:
    """A block without a language that is not run, and says why, stands."""
    assert Block("p", 1, "", "a -> b", {"not run": "a picture"}).problem() is None


def test_a_session_keeps_its_lines() -> None:
    """What was typed is run, where it stands, and outputs are left out."""
    session = ">>> for n in (1, 2):\n...     print(n)\n1\n2\n>>> m = n\n"
    assert code_of_session(session).splitlines() == ["for n in (1, 2):", "    print(n)", "", "", "m = n"]


def test_other_tests_of_queries_are_there() -> None:
    """A language that this room leaves alone has tests that read its blocks."""
    tests = Path(__file__).resolve().parents[2]
    assert [name for name in pages.OTHERS.values() if name and not (tests / name).is_file()] == []
