"""ARCHITECTURE.md names the rooms and files that exist, and no others; tests mirror the package."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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
