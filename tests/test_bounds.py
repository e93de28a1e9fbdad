"""The bounds of what the project depends on, and what the oldest and the newest of it have in common."""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from packaging.requirements import Requirement

import otel_sse
from otel_sse import guards
from tests.lowest import ROOT, floors, lines

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NO_FLOOR = {"dev", "test"}
"""Extras of those who work on the project: constraints.txt says what they get."""


def test_no_python_is_refused_for_being_new() -> None:
    """The project has a lowest Python, and no highest."""
    assert PROJECT["requires-python"] == ">=3.11"


def test_the_pages_name_the_pythons_and_the_floors_of_the_project() -> None:
    """README.md and CONTRIBUTING.md say the Pythons that the classifiers name, and README.md OpenTelemetry's floors."""
    minor = [
        text.rpartition(".")[2]
        for text in PROJECT["classifiers"]
        if text.startswith("Programming Language :: Python :: 3.")
    ]
    pythons = f"3.{minor[0]} to 3.{minor[-1]} are tried"
    readme, contributing = [(ROOT / page).read_text() for page in ("README.md", "CONTRIBUTING.md")]
    assert pythons in readme
    assert pythons in contributing
    lowest = floors()
    assert (
        f"from {lowest['opentelemetry-api']} on, contrib from {lowest['opentelemetry-instrumentation-asgi']}." in readme
    )


@pytest.mark.parametrize("extra", sorted({"", *PROJECT["optional-dependencies"]} - NO_FLOOR))
def test_all_that_users_get_has_a_floor(extra: str) -> None:
    """Each dependency that is not our own extra names the lowest version that was tried."""
    texts = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    wanted = [one for one in map(Requirement, texts) if one.name != PROJECT["name"]]
    assert [one.name for one in wanted if not any(bound.operator == ">=" for bound in one.specifier)] == []


def test_httpx_1_is_refused() -> None:
    """It has no `AsyncClient`; the commands that read backends would end in a traceback."""
    (httpx,) = [one for one in map(Requirement, PROJECT["optional-dependencies"]["cli"]) if one.name == "httpx"]
    assert not httpx.specifier.contains("1.0")
    assert httpx.specifier.contains("0.27.0")


def test_the_lowest_constraints_pin_each_package_once_and_what_has_a_floor_at_it() -> None:
    """What `make lowest` installs is the floor where there is one, else what all other tests have."""
    pins = [Requirement(line) for line in lines()]
    names = [pin.name for pin in pins]
    assert len(names) == len(set(names))
    found = {pin.name: str(pin.specifier) for pin in pins}
    assert {name: found[name] for name in floors()} == {name: f"=={version}" for name, version in floors().items()}
    assert "opentelemetry-proto" not in found
    assert "starlette" in found


async def made() -> AsyncIterator[str]:
    yield "a"


@pytest.mark.parametrize(
    "wrap", [lambda stream: otel_sse.observe(stream, "step"), guards.deduplicate, otel_sse.single_pass]
)
async def test_a_wrapped_async_stream_is_no_sync_one(wrap: Callable[[Any], Any]) -> None:
    """With any wrapt, `iter` refuses it at once, so that who asks (Django does) takes it for what it is."""
    stream = otel_sse.single_pass(wrap(made()))
    with pytest.raises(TypeError):
        iter(stream)
    assert [item async for item in stream] == ["a"]
