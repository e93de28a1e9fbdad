"""What is public: held against `__all__`, the docstrings and all that the docs show."""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import griffe
import pytest

from docs import api, public
from docs.check import LOGGERS, NAME, Page, pages
from docs.signatures import call_of, section
from otel_sse.errors import MissingExtraError

ROOT = Path(__file__).resolve().parents[1]
NAMES = public.names()
EVERY = [(module, name) for module, names in NAMES.items() for name in names]
EXTRAS = {"litellm": "litellm", "prometheus": "opentelemetry.exporter"}
"""Public modules that need an extra of their own name, and what they can't be imported without."""

PROGRAMS = sorted([*ROOT.glob("examples/**/*.py"), *ROOT.glob("deploy/demo/*.py")])
PAGES = [path for path in pages(ROOT) if path.parts[0] in ("README.md", "docs", "examples", "deploy", "grafana")]
DEMO = "otel_sse.demo."
"""Shown as a program to read and to run, and no part of what is public."""


@pytest.mark.parametrize("module", NAMES)
def test_module_says_what_is_public(module: str) -> None:
    """A public module has `__all__`, and it is what stands in `docs/public.txt`."""
    assert sorted(map(str, public.module(module).exports or ())) == sorted(NAMES[module])
    assert len(set(NAMES[module])) == len(NAMES[module])


@pytest.mark.parametrize("module", NAMES)
def test_public_names_can_be_had(module: str) -> None:
    """Each name can be imported from its module, which loads by itself or names the extra that it needs."""
    extra = module.rpartition(".")[2]
    if extra in EXTRAS and find_spec(EXTRAS[extra]) is None:
        with pytest.raises(MissingExtraError, match=f"^{module} must find the packages of the extra '{extra}'"):
            import_module(module)
        return
    loaded = import_module(module)
    assert [name for name in NAMES[module] if not hasattr(loaded, name)] == []


@pytest.mark.parametrize(("extra", "needs"), EXTRAS.items())
def test_module_without_its_extra_says_what_to_install(extra: str, needs: str) -> None:
    """Where the packages are not there, the import raises the package's own error, with the command."""
    script = f"""
        import sys
        sys.modules[{needs!r}] = None
        from otel_sse import MissingExtraError
        try:
            import otel_sse.{extra}
        except MissingExtraError as error:
            print(error)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == (
        f"otel_sse.{extra} must find the packages of the extra '{extra}', got an import error. "
        f"Install them with: pip install 'otel-sse[{extra}]'\n"
    )


@pytest.mark.parametrize(("module", "name"), EVERY)
def test_public_name_has_a_docstring(module: str, name: str) -> None:
    """Whatever is public says what it promises, what each argument is, and that it raises where it does."""
    found = public.definition(module, name)
    assert list(missing(found)) == []


def missing(found: griffe.Object) -> Iterator[str]:
    """What the docstrings of a public thing lack, those of its methods included."""
    text = found.docstring.value if found.docstring else ""
    if not text.strip():
        yield f"{found.path}: a docstring"
        return
    if isinstance(found, griffe.Class):
        yield from missing_of_class(found)
    elif isinstance(found, griffe.Function):
        yield from missing_of_call(found, found)


def missing_of_class(found: griffe.Class) -> Iterator[str]:
    """What the docstrings of a class and of its own public methods and properties lack."""
    made = found.members.get("__init__")
    if call_of(found) and isinstance(made, griffe.Function):
        yield from missing_of_call(made, found)
    for member in public.members(found):
        is_value = isinstance(member, griffe.Attribute) and "property" not in member.labels
        if not is_value or member.docstring:
            yield from missing(member)


def missing_of_call(call: griffe.Function, documented: griffe.Object) -> Iterator[str]:
    """What a docstring lacks of what a function is called with and raises."""
    told = {each.name.lstrip("*") for each in section(documented, griffe.DocstringSectionKind.parameters)}
    for each in call.parameters:
        if each.name not in {"self", "cls"} | told:
            yield f"{documented.path}: the argument {each.name}"
    if raises(call) and not section(documented, griffe.DocstringSectionKind.raises):
        yield f"{documented.path}: what it raises"


def raises(call: griffe.Function) -> bool:
    """Whether a function has a `raise` of its own, outside of the functions in it."""
    pending = list(ast.iter_child_nodes(ast.parse(textwrap.dedent(call.source)).body[0]))
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Raise) and node.exc is not None:
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            pending += ast.iter_child_nodes(node)
    return False


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_examples_use_public_places(program: Path) -> None:
    """An example imports nothing that may change without notice."""
    assert [name for name in used(program.read_text(encoding="utf-8")) if not is_public(name)] == []


@pytest.mark.parametrize("path", PAGES, ids=str)
def test_pages_show_public_places(path: Path) -> None:
    """What a page shows of the package, in an example or in a sentence, is public."""
    page = Page(ROOT, path)
    shown = [name for _, language, source in page.fences() if language == "python" for name in used(source)]
    shown += [name for _, token in page.inline() if token.type == "code_inline" for name in NAME.findall(token.content)]
    assert [name for name in shown if name not in LOGGERS and not is_public(name)] == []


def used(source: str) -> list[str]:
    """The dotted names of the package that a program uses; in a snippet without imports it is `otel_sse`."""
    tree = compile(source, "shown", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    bound = {"otel_sse": "otel_sse"}
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "otel_sse":
            names = {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
            bound |= names
            found += names.values()
        elif isinstance(node, ast.Import):
            found += [each.name for each in node.names if each.name.startswith("otel_sse.")]
    found += [dotted for node in ast.walk(tree) if (dotted := _dotted(node, bound))]
    return found


def _dotted(node: ast.AST, bound: dict[str, str]) -> str:
    rest: list[str] = []
    while isinstance(node, ast.Attribute):
        rest.insert(0, node.attr)
        node = node.value
    return ".".join([bound[node.id], *rest]) if rest and isinstance(node, ast.Name) and node.id in bound else ""


def is_public(name: str) -> bool:
    """Whether a dotted name is a public module, in the list, or what a thing in the list has."""
    if name in NAMES or name.startswith(DEMO):
        return True
    module, rest = name, ""
    while module not in NAMES:
        module, _, last = module.rpartition(".")
        rest = last or rest
        if not module:
            return False
    return rest in NAMES[module]


@pytest.mark.parametrize(
    ("source", "names", "public"),
    [
        ("import otel_sse\notel_sse.instrument(app)", ["otel_sse.instrument"], True),
        ("otel_sse.instrumnt(app)", ["otel_sse.instrumnt"], False),
        ("otel_sse.Options.resolve()", ["otel_sse.Options.resolve", "otel_sse.Options"], True),
        ("from otel_sse.wire import Parser as P\nP.feed", ["otel_sse.wire.Parser", "otel_sse.wire.Parser.feed"], True),
        ("from otel_sse.wire.parser import Parser", ["otel_sse.wire.parser.Parser"], False),
        ("from otel_sse import guards\nguards.nets", ["otel_sse.guards", "otel_sse.guards.nets"], False),
        ("import otel_sse.integrations.asgi", ["otel_sse.integrations.asgi"], False),
        ("await other.call()", [], True),
    ],
)
def test_names_that_are_used_are_found(source: str, names: list[str], public: bool) -> None:
    """Imports and attributes are followed, and what is not in the list is told from what is."""
    assert used(source) == names
    assert all(map(is_public, used(source))) is public


def test_committed_page_is_the_generated_one() -> None:
    """`docs/api.md` is what the docstrings give now, and has a section for each public name."""
    page = api.PAGE.read_text(encoding="utf-8")
    assert page == api.page(), "docs/api.md is not up to date: run `make docs`"
    modules = [name for name in EVERY if ".".join(name) in NAMES]
    assert [f"### `{module}.{name}`" in page for module, name in EVERY if (module, name) not in modules] == [True] * (
        len(EVERY) - len(modules)
    )
    assert all(f"## `{module}`" in page for module in NAMES)


def test_check_says_whether_the_page_is_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `--check` nothing is written, and a page that differs or is missing gives 1 and says what to run."""
    monkeypatch.setattr(api, "PAGE", tmp_path / "api.md")
    assert api.main(["--check"]) == 1
    assert not api.PAGE.exists()
    assert "Run `make docs`." in capsys.readouterr().out
    assert api.main([]) == api.main(["--check"]) == 0
