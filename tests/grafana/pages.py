"""The queries that the pages tell people to use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("docs/queries.md", "docs/runbook.md")


@dataclass(frozen=True)
class Example:
    """One block of code."""

    page: str
    line: int
    language: str
    text: str
    question: str
    """The heading that it stands under."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def examples(language: str) -> list[Example]:
    """Every block of a language, in the order of the pages."""
    return [one for page in PAGES if (ROOT / page).is_file() for one in _of_page(page) if one.language == language]


def _of_page(page: str) -> Iterator[Example]:
    question = ""
    tokens = MarkdownIt().parse((ROOT / page).read_text())
    for token, after in pairwise([*tokens, tokens[-1]]):
        if token.type == "heading_open":
            question = after.content
        if token.type == "fence" and token.map:
            yield Example(page, token.map[0] + 1, token.info, token.content.strip(), question)
