"""The blocks of the pages, found by Sybil, and what a comment says of them.

A comment stands on the lines right above its block, in one of these forms:

- `<!-- not run: REASON -->`: the block is not run, or the output not compared, and why.
- `<!-- output of: COMMAND -->`: the block below is a part of what this command prints.
- `<!-- numbers vary: REASON -->`: numbers in the output below are others in each run, and why; its words are compared.
- `<!-- file: NAME -->`: the block below is saved under this name in the page's folder, before it is run.
- `<!-- invisible-code-block: LANGUAGE`, then lines, then `-->`: a block that readers do not see. The form is Sybil's.
"""

from __future__ import annotations

import doctest
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml
from sybil import Document, Example, Lexeme, Region
from sybil.parsers.markdown.lexers import DirectiveInHTMLCommentLexer, RawFencedCodeBlockLexer

from tests.docs import outputs

ROOT: Final = Path(__file__).resolve().parents[2]

FOLDERS: Final = ("docs", "deploy", "examples", "grafana")
MADE_FROM_CODE: Final = "docs/reference.md"
"""tests/test_reference.py holds its two outputs against the code that prints them."""

SHELL: Final = "sh"
PYTHON: Final = "python"
OUTPUT: Final = "text"
SESSION: Final = "pycon"
"""Python as an interpreter shows it: the examples of docstrings."""

PARSED: Final = ("json", "toml", "yaml")
"""Languages that are read, not run: configuration."""

OTHERS: Final = {
    "promql": "tests/grafana/test_pages.py",
    "traceql": "tests/grafana/test_pages.py",
    "jaeger": "tests/grafana/test_pages.py",
    "sql": "tests/grafana/test_clickhouse.py",
    "pyi": "tests/test_api.py",
}
"""Languages that this room leaves alone, and the tests that do not."""

SIGNATURES: Final = "docs/api.md"
"""The one page that has blocks of `pyi`: how things are called, made from the code by `make docs`."""

FORMS: Final = ("not run", "output of", "numbers vary", "file")
HIDDEN: Final = "invisible-code-block"

_FENCES: Final = RawFencedCodeBlockLexer(re.compile(r"(?P<language>[^\n`]*)$\n", re.MULTILINE))
_COMMENTS: Final = DirectiveInHTMLCommentLexer("|".join((*FORMS, HIDDEN)))
_LOOKS_LIKE_ONE: Final = re.compile(
    r"^[ \t]*<!--[ \t]*(?:not[ _-]?run|no\b|skip|numbers|output|file|invisible)\b.*$", re.M | re.I
)


@dataclass(frozen=True)
class Block:
    """One block of a page.

    Args:
        page: The page, relative to the project's root.
        line: Line of its fence, from 1.
        language: What stands behind the fence, or the hidden block's language.
        source: Its lines.
        says: What the comment above it says, by the comment's form.
        hidden: Whether readers do not see it.
    """

    page: str
    line: int
    language: str
    source: str
    says: dict[str, str]
    hidden: bool = False

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def reason(self) -> str | None:
        """Why it is not run; None where it is."""
        return self.says.get("not run")

    def problem(self) -> str | None:
        """What is wrong with the comment, or with the language; None where nothing is."""
        if self.language not in ("", SHELL, PYTHON, SESSION, OUTPUT, *PARSED, *OTHERS):
            return f"a block must be of a language that is run, parsed or left alone, got {self.language!r}"
        if not self.language and self.reason is None:
            return "a block must have a language, or say `not run` with the reason above it, got neither"
        if self.language == "pyi" and self.page != SIGNATURES:
            return (
                f"a block of pyi must stand on {SIGNATURES}, got {self.page}; call an example python, so that it is run"
            )
        for form in ("not run", "numbers vary"):
            if len(self.says.get(form, "in words").split()) < 2:
                return f"`{form}` must say why in words, got {self.says[form]!r}"
        for form in ("output of", "numbers vary"):
            if form in self.says and self.language != OUTPUT:
                return f"`{form}` must stand above a block of {OUTPUT}, got {self.language!r}"
        return None

    def difference(self, printed: str) -> str | None:
        """Return how this output differs from what was printed; None where it does not."""
        return outputs.difference(self.source, printed, numbers_vary="numbers vary" in self.says)


class Blocks:
    """A parser of Sybil's: every block is a region.

    Args:
        evaluate: Runs one; what it returns is what is wrong.
    """

    def __init__(self, evaluate: Callable[[Example], str | None]) -> None:
        self.evaluate = evaluate

    def __call__(self, document: Document) -> Iterator[Region]:
        comments = list(_COMMENTS(document))
        hidden = [each for each in comments if each.lexemes["directive"] == HIDDEN]
        told = [each for each in comments if each.lexemes["directive"] != HIDDEN]
        for region in (*_FENCES(document), *hidden):
            region.parsed = _block(document, region, told)
            region.evaluator = self.evaluate
            yield region


def _block(document: Document, region: Region, comments: list[Region]) -> Block:
    page = str(Path(document.path).relative_to(ROOT))
    line = document.text.count("\n", 0, region.start) + 1
    lexemes = region.lexemes
    source = lexemes["source"]
    assert isinstance(source, Lexeme)
    is_hidden = lexemes.get("directive") == HIDDEN
    language = str(lexemes["arguments"] if is_hidden else lexemes["language"]).strip()
    return Block(page, line, language, str(source), _says(document.text, region.start, comments), is_hidden)


def _says(text: str, start: int, comments: list[Region]) -> dict[str, str]:
    """What the comments above a place say, by their forms."""
    above = _above(text, start, comments)
    return {str(each.lexemes["directive"]): str(each.lexemes["arguments"]).strip() for each in above}


def _above(text: str, start: int, comments: list[Region]) -> Iterator[Region]:
    """The comments that stand above a place, with nothing but space between."""
    for each in sorted(comments, key=lambda comment: comment.end, reverse=True):
        # A region of Sybil's ends before the comment's own end.
        if each.end <= start and text[each.end : start].strip() == "-->":
            start = each.start
            yield each


def parse(page: str, evaluate: Callable[[Example], str | None]) -> Document:
    """Return a page's document; its examples are the blocks, in order, each as `example.parsed`."""
    return Document.parse(str(ROOT / page), Blocks(evaluate))


def blocks(page: str) -> list[Block]:
    """Return the blocks of a page, in order."""
    return [example.parsed for example in parse(page, lambda example: None)]


def pages() -> list[str]:
    """Return the pages that show commands or code of this project."""
    found = [path.relative_to(ROOT).as_posix() for name in FOLDERS for path in sorted((ROOT / name).rglob("*.md"))]
    return [page for page in ("README.md", "CONTRIBUTING.md", *found) if page != MADE_FROM_CODE]


def stray_comments(page: str) -> list[str]:
    """Return the comments that look like one of the forms and are none, or that stand above no block."""
    document = parse(page, lambda example: None)
    comments = list(_COMMENTS(document))
    told = [each for each in comments if each.lexemes["directive"] != HIDDEN]
    heard = {each.start for each in comments if each not in told}
    heard |= {each.start for _, region in document.regions for each in _above(document.text, region.start, told)}
    return [
        f"{page}:{document.text.count(chr(10), 0, each.start()) + 1}: {each[0].strip()}"
        for each in _LOOKS_LIKE_ONE.finditer(document.text)
        if each.start() not in heard
    ]


def replace(block: Block, text: str) -> str | None:
    """Put a text in the place of a block's lines in its page; where it cannot be told apart, say so."""
    path = ROOT / block.page
    page = path.read_text("utf-8")
    if page.count(block.source) != 1:
        return f"the block must stand once on {block.page} to be rewritten, got {page.count(block.source)} times"
    path.write_text(page.replace(block.source, text), "utf-8")
    return None


def unreadable(block: Block) -> str | None:
    """Return why a block of a language that is parsed can't be; None where it can."""
    reads: dict[str, Callable[[str], object]] = {
        "yaml": yaml.safe_load,
        "json": json.loads,
        "toml": tomllib.loads,
    }
    try:
        value = reads[block.language](block.source)
    except (SyntaxError, ValueError, yaml.YAMLError) as error:
        return str(error)
    return None if value else "a block must say something, got nothing"


def code_of_session(source: str) -> str:
    """Return what was typed in a session, on the lines where it stands; outputs are no part of it."""
    lines = [""] * source.count("\n")
    for example in doctest.DocTestParser().get_examples(source):
        typed = example.source.splitlines()
        lines[example.lineno : example.lineno + len(typed)] = typed
    return "\n".join(lines) + "\n"
