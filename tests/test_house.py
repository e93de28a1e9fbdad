"""ARCHITECTURE.md names what exists; tests mirror the package; imports that import-linter lets pass."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.imports import Import, imports, imports_of, is_from_own_package

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
