"""String literals of the package's own code: where a word is written that has its one place elsewhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import otel_sse

PACKAGE = Path(otel_sse.__file__).parent


class Literal(NamedTuple):
    """A string, or the part of one between two placeholders, and where it stands."""

    text: str
    path: str
    line: int

    def __str__(self) -> str:
        return f"otel_sse/{self.path}:{self.line} {self.text!r}"


def literals(*rooms: str) -> list[Literal]:
    """All string literals of the package, docstrings and the texts below constants not counted.

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
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield Literal(node.value, path, node.lineno)


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
