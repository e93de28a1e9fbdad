"""Literals of the package's own code: where a word is written that has its one place elsewhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import otel_sse

PACKAGE = Path(otel_sse.__file__).parent

SHORT: Final = 32
"""Longest text, in characters, in which a plain word is looked for. In a longer one, a sentence, it is English."""

SENTENCES: Final = {
    "options.py": "help texts; it lies below `stream`. The page that is made of them is held against the table",
    "semconv.py": "help texts; it lies below `stream`. The page that is made of them is held against the table",
    "diagnosis/faults/causes.py": "what is known of each kind, in words, by constants",
    "demo/faults.py": "what each fault of the demo is, in words",
}
"""Files of which the texts that are more than one word are prose, and why."""


class Literal(NamedTuple):
    """A text, bytes, or the part of a text between two placeholders, and where it stands."""

    text: str
    path: str
    line: int

    def __str__(self) -> str:
        return f"otel_sse/{self.path}:{self.line} {self.text!r}"

    @property
    def is_prose(self) -> bool:
        """Whether it is a text for people, in one of the files that have such."""
        return self.path in SENTENCES and len(self.text.split()) > 1

    def words(self, wanted: Iterable[str]) -> list[str]:
        """Return those of some words that stand in it by themselves, where it is short and no prose."""
        return (
            [] if len(self.text) > SHORT or self.is_prose else [each for each in wanted if stands_in(each, self.text)]
        )


def literals(*rooms: str) -> list[Literal]:
    """All literals of text or bytes of the package, docstrings and the texts below constants not counted.

    Args:
        rooms: Files and folders, relative to the package; all of it where there is none.
    """
    paths = [path for room in rooms or ("",) for path in _files(PACKAGE / room)]
    return [literal for path in paths for literal in literals_of(path.read_text(), str(path.relative_to(PACKAGE)))]


def literals_of(source: str, path: str) -> Iterator[Literal]:
    """Yield those of one file.

    Args:
        source: Its text.
        path: What it is called in the results.
    """
    tree = ast.parse(source)
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes) and id(node) not in told:
            text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            yield Literal(text, path, node.lineno)


def stands_in(word: str, text: str) -> bool:
    """Whether a word is written in a text, and is no part of a longer name there."""
    return re.search(rf"(?<![\w.-]){re.escape(word)}(?![\w-])", text) is not None


def stale(exceptions: Iterable[tuple[str, str]], found: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the exceptions, each a word and a file, that no literal needs any more."""
    return sorted(set(exceptions) - set(found))


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def names_used(module: str, *rooms: str) -> set[str]:
    """The constants of a module of `otel_sse.stream` that the code of some rooms reads.

    Args:
        module: The module's name, e.g. `kinds`.
        rooms: Files and folders, relative to the package.
    """
    found: set[str] = set()
    for path in (path for room in rooms for path in _files(PACKAGE / room)):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == module:
                found.add(node.attr)
            elif isinstance(node, ast.ImportFrom) and node.module == f"otel_sse.stream.{module}":
                found.update(alias.name for alias in node.names)
    return found
