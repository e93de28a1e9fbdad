"""What modules of the package import and call, in functions and for types too: more than import-linter counts."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "otel_sse"


class Import(NamedTuple):
    """One name that a module imports.

    Args:
        path: The module's file, relative to the project.
        line: Where it does.
        module: The module that is named, in full.
        name: The name that is taken from it; "" for `import module`.
    """

    path: str
    line: int
    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.module}{self.name and f' {self.name}'}"


def imports(*modules: str) -> list[Import]:
    """Return all imports of modules and packages, each given by its full name; of the whole package where none is."""
    paths = [path for module in modules or (PACKAGE,) for path in _files(ROOT.joinpath(*module.split(".")))]
    return [each for path in paths for each in imports_of(path.read_text("utf-8"), str(path.relative_to(ROOT)))]


def imports_of(source: str, path: str) -> Iterator[Import]:
    """Yield those of one file.

    Args:
        source: Its text.
        path: Where it lies, relative to the project: relative imports start there.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (Import(path, node.lineno, alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = Path(path).parts[: -node.level] if node.level else ()
            module = ".".join([*start, *filter(None, [node.module])])
            yield from (Import(path, node.lineno, module, alias.name) for alias in node.names)


class Call(NamedTuple):
    """A call of a function by its bare name.

    Args:
        path: The module's file, relative to the project.
        line: Where it stands.
        name: The function's name.
    """

    path: str
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.name}()"


def calls(*modules: str) -> list[Call]:
    """Return the calls in modules and packages, each given by its full name."""
    paths = [path for module in modules for path in _files(ROOT.joinpath(*module.split(".")))]
    return [each for path in paths for each in calls_of(path.read_text("utf-8"), str(path.relative_to(ROOT)))]


def calls_of(source: str, path: str) -> Iterator[Call]:
    """Yield those of one file.

    Args:
        source: Its text.
        path: What it is called in the results.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield Call(path, node.lineno, node.func.id)


def is_from_own_package(found: Import) -> bool:
    """Whether it takes a name from the `__init__` of a package that its own module lies in.

    A submodule is no such name.
    """
    package = Path(*found.module.split("."))
    is_own = package in Path(found.path).parents
    return is_own and not (found.name and _is_module(ROOT / package / found.name))


def _is_module(path: Path) -> bool:
    return path.is_dir() or path.with_suffix(".py").is_file()


def _files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
