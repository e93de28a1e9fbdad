"""ARCHITECTURE.md names what exists; tests mirror the package; imports that import-linter lets pass."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest

from tests.imports import Import, calls, calls_of, imports, imports_of, is_from_own_package

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "otel_sse"
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (`[^|]*`[^|]*) \|[^|]*\|[^|]*\|$", re.MULTILINE)
FILE = re.compile(r"(?<![\w/.*])((?:\w+/)*\w+\.py)\b")
PUBLIC_PLACES = {"litellm", "otlp_lines", "policies", "prometheus", "websockets"}
"""Modules that only give a public place to what lies in a room."""


def rooms() -> set[str]:
    """Packages and modules at the top of the package."""
    found = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
    return found - {"__init__", "__pycache__", "py.typed"} - PUBLIC_PLACES


def test_the_table_of_layers_has_every_room_and_no_other() -> None:
    """A room that is made, renamed or removed is so in ARCHITECTURE.md as well."""
    table = PAGE.partition("## Layers")[2].partition("\n## ")[0]
    named = {name for row in ROW.findall(table) for name in re.findall(r"`(\w+)`", row)}
    assert named == rooms()


@pytest.mark.parametrize("name", sorted(set(FILE.findall(PAGE))))
def test_each_file_that_it_names_exists(name: str) -> None:
    """A file is named by the end of its path."""
    folders = (PACKAGE, *(ROOT / folder for folder in ("bench", "deploy", "docs", "grafana", "tests")))
    assert any(str(path).endswith(f"/{name}") for folder in folders for path in folder.rglob(Path(name).name))


MIRRORED = ("lineage", "diagnosis", "hops", "recording", "iterators")
"""Rooms of which each module has a test of its name."""

SHARE = 0.85
"""Share of all modules that have one, at least."""


def modules(room: str = "") -> list[Path]:
    """The modules of the package or of one room, as paths inside of the package."""
    found = (path.relative_to(PACKAGE) for path in (PACKAGE / room).rglob("*.py"))
    return [path for path in found if path.name != "__init__.py" and str(path.with_suffix("")) not in PUBLIC_PLACES]


def has_test(module: Path) -> bool:
    """Whether `room/module.py` has `tests/room/test_module.py`."""
    return (ROOT / "tests" / module.parent / f"test_{module.name}").exists()


@pytest.mark.parametrize("room", MIRRORED)
def test_each_module_of_a_room_has_a_test_of_its_name(room: str) -> None:
    """A reader finds the tests of a module without a search."""
    assert [str(module) for module in modules(room) if not has_test(module)] == []


def test_most_modules_have_a_test_of_their_name() -> None:
    """The rest are commands and parts of the demo, which are tested as a whole."""
    found = modules()
    missing = [str(module) for module in found if not has_test(module)]
    assert len(missing) <= (1 - SHARE) * len(found), missing


OWN_PACKAGE = {
    ("otel_sse", "__version__"): "a text, and the package's own __init__ imports no module until a name is used",
}
"""Names that a module may take from the `__init__` of a package that it lies in."""

LIKE_A_USER = "otel_sse/demo/"
"""Programs that are shown as a user would write them: `import otel_sse`."""


def is_forbidden(found: Import) -> bool:
    """Whether an import goes by the module's own package, where import-linter sees no edge between the two modules."""
    is_allowed = (found.module, found.name) in OWN_PACKAGE or (
        found.path.startswith(LIKE_A_USER) and (found.module, found.name) == ("otel_sse", "")
    )
    return is_from_own_package(found) and not is_allowed


def test_no_module_takes_a_name_from_its_own_package() -> None:
    """A module imports from the module that defines a name, so the contract of acyclic siblings sees each edge."""
    assert [str(found) for found in imports() if is_forbidden(found)] == []


@pytest.mark.parametrize(
    ("source", "is_seen"),
    [
        ("from otel_sse.lineage import Crossings", True),
        ("from . import Crossings", True),
        ("from otel_sse import Options", True),
        ("import otel_sse.lineage", True),
        ("def f():\n    from otel_sse.lineage import Crossings", True),
        ("if TYPE_CHECKING:\n    from otel_sse.lineage import Crossings", True),
        ("from otel_sse.lineage import pending", False),
        ("from .pending import Crossings", False),
        ("from otel_sse.wire import Event", False),
    ],
)
def test_a_name_of_ones_own_package_is_seen(source: str, is_seen: bool) -> None:
    """It is seen in a function and for types as well; a submodule and another package's names are none."""
    (found,) = imports_of(source, "otel_sse/lineage/edge.py")
    assert is_forbidden(found) is is_seen


def test_exceptions_of_own_names_are_used() -> None:
    """A name that nobody takes any more is no exception any more."""
    assert {(found.module, found.name) for found in imports()} >= OWN_PACKAGE.keys()


CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
(PURE,) = (contract["source_modules"] for contract in CONTRACTS if contract["id"] == "pure")
"""Rooms and modules that are pure."""

COMPUTING = {
    "__future__": "how annotations are read",
    "array": "numbers without an object each",
    "bisect": "search in what is in order",
    "collections": "types",
    "collections.abc": "types",
    "dataclasses": "types",
    "enum": "types",
    "functools": "values that are computed once",
    "hashlib": "digests",
    "itertools": "loops",
    "codecs": "UTF-8 of text that is cut anywhere",
    "json": "decoding where msgspec refuses what users may send",
    "math": "numbers",
    "operator": "functions of operators",
    "re": "regular expressions",
    "typing": "types",
    "zlib": "digests of passages",
}
"""Modules of the standard library that pure rooms may import: each takes values and gives values."""

COMPUTING_ELSEWHERE = {
    "msgspec": "decodes JSON and makes structs, four times as fast as the standard library",
    "otel_sse.errors": "messages",
    "otel_sse.limits": "numbers",
    "otel_sse.semconv": "names",
    "otel_sse.terminal.escaping": "a text without what steers a terminal",
}
"""The same outside of it."""

REACHING_OUT = {"open", "input", "print", "exec", "eval", "compile", "__import__", "breakpoint"}
"""Functions that need no import."""


def modules_of(found: Import) -> str:
    """The module that an import loads: for `from otel_sse import limits` the latter."""
    return f"otel_sse.{found.name}" if found.module == "otel_sse" and found.name else found.module


def is_pure(module: str) -> bool:
    """Whether a module is one that pure rooms may import."""
    own = any(f"{module}.".startswith(f"{room}.") for room in PURE)
    return own or module in COMPUTING or module in COMPUTING_ELSEWHERE


def test_pure_rooms_import_what_only_computes() -> None:
    """A pure room has no import beside the pure rooms that reads a clock, the environment, a file or a socket."""
    assert [str(found) for found in imports(*PURE) if not is_pure(modules_of(found))] == []


@pytest.mark.parametrize(
    "module", ["contextvars", "http.client", "os", "pathlib", "sys", "time", "urllib.request", "otel_sse.options"]
)
def test_what_reaches_out_is_not_pure(module: str) -> None:
    """Everything that is not on the list is refused, what nobody has thought of as well."""
    found = [*imports_of(f"import {module}", "otel_sse/lineage/edge.py")]
    parent, _, name = module.rpartition(".")
    found += imports_of(f"from {parent} import {name}", "otel_sse/lineage/edge.py") if parent else ()
    assert [is_pure(modules_of(each)) for each in found] == [False] * len(found)


def test_pure_rooms_call_no_function_that_reaches_out() -> None:
    """What needs no import is not called either."""
    assert [str(call) for call in calls(*PURE) if call.name in REACHING_OUT] == []
    assert [call.name for call in calls_of("def f():\n    return open('x')", "made.py")] == ["open"]


def test_lists_of_pure_modules_have_what_is_used() -> None:
    """A module that no pure room imports any more is off the list, and each listed one is where its list says."""
    used = {modules_of(found) for found in imports(*PURE)}
    assert {*COMPUTING, *COMPUTING_ELSEWHERE} - used == set()
    assert {name.partition(".")[0] for name in COMPUTING} <= sys.stdlib_module_names
