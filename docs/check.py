"""Check the project's Markdown: links, anchors, Python examples, `make` targets and names of the package.

Prints one `file:line: message` per problem and exits with 1 where there is one. Run by `make check`;
`python -m docs.check FOLDER` checks another project's pages.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from pkgutil import resolve_name
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

from docs import public
from otel_sse.errors import must

MAIN_PAGES: Final = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
FOLDERS: Final = ("docs", "deploy", "examples", "grafana")
LOGGERS: Final = frozenset({"otel_sse.chunk", "otel_sse.guard"})
"""Dotted names that are loggers, not Python."""

SHELL: Final = frozenset({"", "bash", "console", "sh", "shell"})
PRIVATE: Final = {
    "hold no path of one machine": re.compile(r"(?<![\w.~-])/(?:home|Users|root|work|workspace)/[\w.-]*"),
    "hold no package registry": re.compile(
        r"\b(?:[\w-]+\.)*(?:artifactory|devpi|nexus|npmjs|pypi|pythonhosted)\.[a-z][\w.-]+|--(?:extra-)?index-url\b"
    ),
}
MAKE: Final = re.compile(r"(?:^|[;&|$(])\s*make\s+(?:[A-Za-z_]+=\S*\s+)*([a-z][\w-]*)", re.MULTILINE)
TARGET: Final = re.compile(r"^([a-z][\w-]*):", re.MULTILINE)
NAME: Final = re.compile(r"(?<![\w./-])otel_sse(?:\.[A-Za-z_]\w*)+(?!\.?/)")
HTML_ANCHOR: Final = re.compile(r"<a\s+(?:id|name)=[\"']([^\"']+)[\"']")


class Problem(NamedTuple):
    """One thing wrong in one line."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class Page:
    """One Markdown file.

    Args:
        root: The project's root.
        path: The file, relative to `root`.
    """

    def __init__(self, root: Path, path: Path) -> None:
        self.root = root
        self.path = path
        self.text = (root / path).read_text(encoding="utf-8")
        self.tokens = MarkdownIt("commonmark").enable("table").parse(self.text)

    def problem(self, line: int, subject: str, rule: str, value: object, advice: str) -> Problem:
        return Problem(self.path, line, must(subject, rule, value, advice))

    def inline(self) -> Iterator[tuple[int, Token]]:
        """Every inline token with its line, counted from 1."""
        line = 1
        for block in self.tokens:
            line = block.map[0] + 1 if block.map else line
            at = line
            for token in block.children or ():
                yield at, token
                at += token.type in ("softbreak", "hardbreak")

    def fences(self) -> Iterator[tuple[int, str, str]]:
        """Every fenced block: the line of its first content, its language, its content."""
        for token in self.tokens:
            if token.type == "fence" and token.map:
                yield token.map[0] + 2, token.info.partition(" ")[0].strip(), token.content

    def links(self) -> Iterator[tuple[int, str]]:
        """Every link and image with its line."""
        for line, token in self.inline():
            for attribute in ("href", "src"):
                if token.type in ("link_open", "image") and attribute in token.attrs:
                    yield line, str(token.attrs[attribute])

    def anchors(self) -> set[str]:
        """What `#...` may name here: headings in GitHub's spelling, and anchors in HTML."""
        titles = [inline.content for opening, inline in pairwise(self.tokens) if opening.type == "heading_open"]
        return {*_slugs(titles), *HTML_ANCHOR.findall(self.text)}


def _slugs(titles: list[str]) -> Iterator[str]:
    seen: Counter[str] = Counter()
    for title in titles:
        slug = re.sub(r"[^\w\- ]", "", _plain(title).lower()).replace(" ", "-")
        yield f"{slug}-{seen[slug]}" if seen[slug] else slug
        seen[slug] += 1


def _plain(title: str) -> str:
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)


@cache
def _anchors_of(root: Path, path: Path) -> frozenset[str]:
    return frozenset(Page(root, path).anchors())


def check_links(page: Page) -> Iterator[Problem]:
    """Relative links name a file of the project, and anchors a heading of it."""
    for line, href in page.links():
        parts = urlsplit(href)
        if parts.scheme or parts.netloc:
            continue
        target = _target(page, unquote(parts.path))
        if target is None:
            yield page.problem(line, "link", "name a file of this project", href, "Mend the path.")
        elif target.suffix == ".md" and parts.fragment and parts.fragment not in _anchors_of(page.root, target):
            yield page.problem(line, "anchor", f"name a heading of {target}", href, "Mend the part after #.")


def _target(page: Page, path: str) -> Path | None:
    """The linked file relative to the root, or None where it is missing or outside."""
    if not path:
        return page.path
    base = page.root if path.startswith("/") else (page.root / page.path).parent
    found = (base / path.lstrip("/")).resolve()
    if found.exists() and found.is_relative_to(page.root):
        return found.relative_to(page.root)
    return None


def check_private(page: Page) -> Iterator[Problem]:
    """No path of one machine, no package registry."""
    for line, text in enumerate(page.text.splitlines(), 1):
        for rule, pattern in PRIVATE.items():
            for match in pattern.finditer(text):
                yield page.problem(line, "page", rule, match[0], "Say it without.")


def check_python(page: Page) -> Iterator[Problem]:
    """Fences marked `python` compile; `await` may stand at the top."""
    for line, language, source in page.fences():
        if language != "python":
            continue
        try:
            compile(source, str(page.path), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        except SyntaxError as error:
            at = line + (error.lineno or 1) - 1
            yield page.problem(at, "example", "compile", error.msg, "Mend it, or mark it as text.")


def check_make(page: Page) -> Iterator[Problem]:
    """Every `make X` in code names a target of the Makefile."""
    targets = _targets(page.root)
    for line, code in _commands(page):
        for match in MAKE.finditer(code):
            if match[1] not in targets:
                at = line + code.count("\n", 0, match.start(1))
                yield page.problem(at, "make", f"be given one of {', '.join(targets)}", match[1], "Mend the name.")


def _targets(root: Path) -> list[str]:
    return TARGET.findall((root / "Makefile").read_text(encoding="utf-8"))


def _commands(page: Page) -> Iterator[tuple[int, str]]:
    yield from ((line, token.content) for line, token in page.inline() if token.type == "code_inline")
    yield from ((line, code) for line, language, code in page.fences() if language in SHELL)


def check_names(page: Page) -> Iterator[Problem]:
    """Every `otel_sse.X` on a page for users can be had from the package."""
    if page.path.parts[0] not in ("README.md", "docs"):
        return
    for line, text in enumerate(page.text.splitlines(), 1):
        for name in NAME.findall(text):
            if name not in LOGGERS and not resolves(name):
                yield page.problem(line, "name", "exist in the package", name, "Mend its spelling.")


@cache
def resolves(name: str) -> bool:
    """Whether a dotted name stands for something that can be imported, or is public and needs a package for that."""
    try:
        resolve_name(name)
    except (AttributeError, ImportError):
        return public.is_listed(name) or _is_module(name)
    return True


def _is_module(name: str) -> bool:
    """Whether it is a module all the same: one that can't be imported without a package that is not here."""
    try:
        return find_spec(name) is not None
    except (ImportError, AttributeError):
        return False


CHECKS: Final = (check_links, check_private, check_python, check_make, check_names)


def pages(root: Path) -> list[Path]:
    """The Markdown files that are checked, relative to `root`; the main ones first, whether they exist or not."""
    found = [path.relative_to(root) for folder in FOLDERS for path in sorted((root / folder).rglob("*.md"))]
    return [*map(Path, MAIN_PAGES), *found]


def check(root: Path) -> list[Problem]:
    """Return every problem of the pages under `root`.

    Args:
        root: Folder that holds the Makefile and the main pages.
    """
    root = root.resolve()
    return [problem for path in pages(root) for problem in _check_page(root, path)]


def _check_page(root: Path, path: Path) -> Iterator[Problem]:
    if not (root / path).is_file():
        yield Problem(path, 1, must("page", "exist", "nothing", "Write it."))
        return
    page = Page(root, path)
    for rule in CHECKS:
        yield from rule(page)


if __name__ == "__main__":
    problems = check(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parents[1])
    for each in problems:
        print(each)
    sys.exit(bool(problems))
