"""The queries that the pages tell people to use."""

from __future__ import annotations

from dataclasses import dataclass
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

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def examples(language: str) -> list[Example]:
    """Every block of a language, in the order of the pages."""
    return [
        Example(page, token.map[0] + 1, token.info, token.content.strip())
        for page in PAGES
        if (ROOT / page).is_file()
        for token in MarkdownIt().parse((ROOT / page).read_text())
        if token.type == "fence" and token.info == language and token.map
    ]
