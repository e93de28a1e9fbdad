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
