from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import otel_sse

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
ENTRY_POINTS = [*PROJECT["scripts"].values(), *PROJECT["entry-points"]["opentelemetry_instrumentor"].values()]

WATCHED_IMPORT = """
import collections, json, os, sys, threading

read = []

class Watched(collections.UserDict):
    def __getitem__(self, key):
        read.append(key)
        return super().__getitem__(key)

    def __contains__(self, key):
        read.append(key)
        return super().__contains__(key)

    def __iter__(self):
        read.append("all of them")
        return super().__iter__()

os.environ = Watched(os.environ)
read.clear()
import otel_sse
dir(otel_sse), otel_sse.__version__, otel_sse.__all__
foreign = [name for name in sys.modules if name.startswith(("opentelemetry", "wrapt", "msgspec", "asyncio"))]
print(json.dumps({"read": read, "threads": threading.active_count(), "foreign": foreign}))
"""


def test_import_has_no_effect() -> None:
    """Importing the package loads no library, starts no thread and reads no environment variable."""
    done = subprocess.run([sys.executable, "-c", WATCHED_IMPORT], cwd=ROOT, capture_output=True, check=True)
    assert json.loads(done.stdout) == {"read": [], "threads": 1, "foreign": []}


WITHOUT_A_STAR = ("litellm", "otlp_lines", "prometheus", "websockets")
"""Modules that `from otel_sse import *` does not load: some need an extra."""

USE_OF_MODULES = """
import otel_sse
print(otel_sse.websockets.watch.__name__)
print(otel_sse.prometheus.PrometheusReader.__name__)
print(otel_sse.otlp_lines.OTLPLinesExporter.__name__)
print(otel_sse.policies.wrap.__name__)
try:
    print(otel_sse.litellm.callback_stage.__name__)
except otel_sse.MissingExtraError as error:
    print("callback_stage", error)
"""
"""A program that imports the package alone, and uses what is in its public modules."""


def test_public_modules_load_on_first_use(tmp_path: Path) -> None:
    """`import otel_sse` is enough for each public module, at run time and for mypy, and none loads by itself."""
    script = tmp_path / "script.py"
    script.write_text(USE_OF_MODULES)
    done = subprocess.run([sys.executable, "-W", "error", script], cwd=ROOT, capture_output=True, text=True, check=True)
    names = [line.partition(" ")[0] for line in done.stdout.splitlines()]
    assert names == ["watch", "PrometheusReader", "OTLPLinesExporter", "wrap", "callback_stage"]
    command = [sys.executable, "-m", "mypy", "--config-file", "", "--strict", str(script)]
    typed = subprocess.run([*command, "--cache-dir", str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert typed.returncode == 0, typed.stdout


def test_each_public_module_is_an_attribute() -> None:
    """The modules of docs/public.txt that lie right below the package are the ones that load on first use."""
    listed = (ROOT / "docs" / "public.txt").read_text().splitlines()
    modules = {
        line.removeprefix("otel_sse.") for line in listed if line.startswith("otel_sse.") and line.count(".") == 1
    }
    assert modules == set(otel_sse._SUBMODULES)
    assert modules <= set(dir(otel_sse))


@pytest.mark.parametrize("name", otel_sse.__all__)
def test_public_names_load(name: str) -> None:
    """Each public name loads on first use, is listed by `dir`, and stays the same object."""
    assert getattr(otel_sse, name) is getattr(otel_sse, name)
    assert name in dir(otel_sse)


def test_misspelt_name_lists_names_that_are_alike() -> None:
    """A name that is nearly right gives the right one in the message."""
    with pytest.raises(AttributeError, match=r"no attribute 'instrumnt'\. Did you mean instrument or uninstrument\?$"):
        otel_sse.instrumnt  # type: ignore[attr-defined]  # noqa: B018  # the test is that it is not there


def test_unknown_name_says_where_all_are_listed() -> None:
    """A name that is like no other gives one short line, and the error says which name it was."""
    with pytest.raises(
        AttributeError, match=r"^module 'otel_sse' has .* 'qqq'\. dir\(otel_sse\) lists all\.$"
    ) as caught:
        otel_sse.qqq  # type: ignore[attr-defined]  # noqa: B018  # the test is that it is not there
    assert caught.value.name == "qqq"


def test_public_names_are_sorted_and_listed_once() -> None:
    """The table of lazy names and the public list hold the same names."""
    lazy = {*otel_sse._MODULE_OF, *otel_sse._SUBMODULES, "__version__"}
    assert sorted(lazy) == sorted([*otel_sse.__all__, *WITHOUT_A_STAR])


def test_version_is_the_same_in_both_places() -> None:
    """The package reports the version that it is released under."""
    assert PROJECT["version"] == otel_sse.__version__


@pytest.mark.parametrize("target", ENTRY_POINTS)
def test_entry_points_exist(target: str) -> None:
    """Every command and every entry point names something that can be called."""
    module, _, name = target.partition(":")
    assert callable(getattr(import_module(module), name))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel that a release would ship."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([*command, str(ROOT)], check=True)
    return zipfile.ZipFile(next(folder.glob("otel_sse-*.whl")))


def test_wheel_ships_types_and_licence(wheel: zipfile.ZipFile) -> None:
    """The wheel holds the marker for type checkers, every module, and the licence's text."""
    names = set(wheel.namelist())
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "otel_sse").rglob("*.py")}
    assert modules | {"otel_sse/py.typed"} <= names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_wheel_ships_nothing_but_the_package(wheel: zipfile.ZipFile) -> None:
    """Tests, docs and tools stay out of users' site-packages."""
    assert {name.partition("/")[0] for name in wheel.namelist()} == {
        "otel_sse",
        f"otel_sse-{otel_sse.__version__}.dist-info",
    }


def pins() -> list[Requirement]:
    """The lines of constraints.txt that name a package."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_constraints_hold_names_and_versions_only() -> None:
    """Every line of the constraints pins one version and holds no address."""
    assert [str(pin) for pin in pins() if pin.url or not re.fullmatch(r"==[\w.!]+", str(pin.specifier))] == []


@pytest.mark.parametrize("extra", ["", *EXTRAS])
def test_every_dependency_is_pinned_within_its_bounds(extra: str) -> None:
    """Whatever the project names, the constraints pin, for each Python, at a version that the project allows."""
    for text in EXTRAS[extra] if extra else PROJECT["dependencies"]:
        wanted = Requirement(text)
        if wanted.name == PROJECT["name"]:
            continue
        found = [pin for pin in pins() if canonicalize_name(pin.name) == canonicalize_name(wanted.name)]
        assert found, f"{wanted.name} is not pinned"
        for pin in found:
            assert wanted.specifier.contains(str(pin.specifier).removeprefix("=="), prereleases=True), str(pin)
