"""Make `docs/api.md`, the reference of the functions and classes, from the public list and the docstrings.

Run by `make docs`. `python -m docs.api --check` says whether it is up to date; `make check` asks. The same code always
gives the same page.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import griffe

from docs import public
from docs.api_examples import AROUND, Around
from docs.signatures import arguments, class_head, is_of, quoted, returns, signature
from otel_sse.errors import must

PAGE: Final = Path(__file__).with_name("api.md")

HEAD: Final = """# API

Every public module, function, class and constant, made by `make docs` from the docstrings. What is not on this page may
change without notice. The options of `instrument` are in [reference.md](reference.md)."""

PACKAGE: Final = "otel_sse"
CONTEXT_MANAGER: Final = "contextmanager"
FIXTURE: Final = "pytest.fixture"
PAGES: Final = re.compile(r"\bdocs/([\w-]+\.md)(?![\w)])")
"""A page that a docstring names."""

FOR_TOOLS: Final = "PYTEST_DONT_REWRITE"
"""How a paragraph of a docstring begins that is for a program and not for users."""


def page() -> str:
    """Return the whole page."""
    return "\n\n".join([HEAD, *(part for name in public.names() for part in module_parts(name))]) + "\n"


def module_parts(name: str) -> Iterator[str]:
    """The parts of one module's section."""
    yield f"## `{name}`"
    yield from docstring_parts(public.module(name))
    found = {each: public.definition(name, each) for each in public.names()[name]}
    modules = [link(each) for each in sorted(public.names()) if each.rpartition(".")[0] == name == PACKAGE]
    if modules:
        yield f"Modules that load on first use: {', '.join(modules)}."
    for each, definition in found.items():
        if not isinstance(definition, griffe.Module):
            yield from name_parts(name, each, definition)


def name_parts(module: str, name: str, found: griffe.Object) -> Iterator[str]:
    """The parts of one name's section."""
    yield f"### `{module}.{name}`"
    first = _first_place(found, module)
    if first != module:
        yield f"The same as {link(f'{first}.{name}')}."
    elif isinstance(found, griffe.Class):
        yield from class_parts(found)
    elif isinstance(found, griffe.Function):
        yield from function_parts(found)
    elif isinstance(found, griffe.Attribute):
        yield from attribute_parts(found)


def _first_place(found: griffe.Object, module: str) -> str:
    """The public module that has it first: two may give one thing."""
    places = [name for name, names in public.names().items() if found.name in names]
    return next((name for name in places if public.definition(name, found.name) is found), module)


def link(name: str) -> str:
    """Return a link to the section of a public name."""
    return f"[`{name}`](#{name.replace('.', '').lower()})"


def class_parts(found: griffe.Class) -> Iterator[str]:
    """The parts of a class's section, its methods included."""
    yield code(class_head(found))
    yield from docstring_parts(found)
    own = [] if is_of(found, "TypedDict") else public.members(found)
    values = [
        f"- `{each.name}`: {prose(one_line(each.docstring.value))}"
        for each in own
        if isinstance(each, griffe.Attribute) and each.docstring
    ]
    if values:
        yield "Attributes:"
        yield "\n".join(values)
    for method in own:
        if isinstance(method, griffe.Function):
            yield f"#### `{found.name}.{method.name}`"
            yield from function_parts(method)


def function_parts(found: griffe.Function) -> Iterator[str]:
    """The parts of a function's section."""
    decorators = {str(each.value).partition("(")[0] for each in found.decorators}
    calls: Sequence[griffe.Function] = found.overloads or [found]
    lead = f"{'async ' if 'async' in found.labels else ''}def {found.name}"
    yield code("\n".join(signature(lead, arguments(each), returns(each)) for each in calls))
    if CONTEXT_MANAGER in decorators:
        yield "A context manager."
    if FIXTURE in decorators:
        yield "A fixture of pytest."
    yield from docstring_parts(found)


def attribute_parts(found: griffe.Attribute) -> Iterator[str]:
    """The parts of a constant's section."""
    yield code(f"{found.name} = {quoted(str(found.value))}")
    yield from docstring_parts(found)


def docstring_parts(found: griffe.Object) -> Iterator[str]:
    """The parts of a docstring: promise, examples, and one list of arguments, result and errors."""
    items: list[str] = []
    for part in found.docstring.parsed if found.docstring else ():
        if part.kind in ITEMS:
            items += ITEMS[part.kind](part, found)
            continue
        if items:
            yield "\n".join(items)
            items = []
        yield BLOCKS[part.kind](part, AROUND.get(found.path, Around()))
    if items:
        yield "\n".join(items)


def _parameters(part: Any, found: griffe.Object) -> list[str]:
    return [f"- `{each.name}`: {prose(one_line(each.description))}" for each in part.value]


def _returns(part: Any, found: griffe.Object) -> list[str]:
    # A colon in the text is taken for the end of a type.
    given = str(found.returns) if isinstance(found, griffe.Function) else ""
    types = [None if each.annotation is None else str(each.annotation) for each in part.value]
    said = [
        each.description if hint in (None, given) else f"{hint}: {each.description}"
        for hint, each in zip(types, part.value, strict=True)
    ]
    return [f"- Returns: {prose(one_line(' '.join(said)))}"]


def _raises(part: Any, found: griffe.Object) -> list[str]:
    return [f"- Raises `{each.annotation}`: {prose(one_line(each.description))}" for each in part.value]


def _text(part: Any, around: Around) -> str:
    said = [each for each in part.value.split("\n\n") if not each.startswith(FOR_TOOLS)]
    return indented_as_code(prose("\n\n".join(said)), around)


def _admonition(part: Any, around: Around) -> str:
    if part.title != "Example":
        return f"{part.title}: {prose(one_line(part.value.description))}"
    return "\n\n".join(around.around(f"```pycon\n{part.value.description.strip()}\n```"))


ITEMS: Final[dict[griffe.DocstringSectionKind, Callable[[Any, griffe.Object], list[str]]]] = {
    griffe.DocstringSectionKind.parameters: _parameters,
    griffe.DocstringSectionKind.returns: _returns,
    griffe.DocstringSectionKind.raises: _raises,
}
BLOCKS: Final[dict[griffe.DocstringSectionKind, Callable[[Any, Around], str]]] = {
    griffe.DocstringSectionKind.text: _text,
    griffe.DocstringSectionKind.admonition: _admonition,
}
"""With `ITEMS`, what a docstring of the project may hold. Another section is an error: none is left out in silence."""


def one_line(text: str) -> str:
    """Return a text without its line ends."""
    return " ".join(text.split())


def prose(text: str) -> str:
    """Return a text with the pages that it names as links."""
    return PAGES.sub(r"[\1](\1)", text).strip()


def indented_as_code(text: str, around: Around) -> str:
    """Return a text whose indented blocks are fenced: examples, which are run."""
    fenced = partial(_fenced, around=around)
    return re.sub(r"(?:^ {4}.*\n?(?:\n(?= {4}))*)+", fenced, text, flags=re.MULTILINE).strip()


def _fenced(block: re.Match[str], around: Around) -> str:
    source = "\n".join(line.removeprefix("    ") for line in block[0].rstrip().splitlines())
    return "\n\n".join(around.around(f"```python\n{source}\n```")) + "\n"


def code(text: str) -> str:
    """Return a signature, which is to be read and not run."""
    return f"```pyi\n{text}\n```"


def main(arguments: Sequence[str]) -> int:
    """Write the page, or with `--check` say whether it is up to date; return the exit code."""
    if "--check" not in arguments:
        PAGE.write_text(page(), encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
        print(must(str(PAGE), "be what the docstrings give", "something else", "Run `make docs`."))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
