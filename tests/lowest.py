"""`python -m tests.lowest` prints constraints for `make lowest`: whatever the project gives a floor, at that floor.

All else is at the version of constraints.txt, frameworks and servers included: how old these may be is not tried here.
OpenTelemetry's other packages, and what only they need, come at the version that fits.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
IN_STEP = ("opentelemetry-", "protobuf", "googleapis-common-protos")
"""Beginnings of the names of packages that come at the version that fits OpenTelemetry's."""


def floors() -> dict[str, str]:
    """The lowest version that the project allows, by the name of the package; of those that have one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    wanted = [Requirement(text) for texts in lists for text in texts]
    return {
        canonicalize_name(one.name): bound.version
        for one in wanted
        for bound in one.specifier
        if bound.operator == ">="
    }


def lines() -> Iterator[str]:
    """The constraints, one package a line."""
    lowest = floors()
    yield from (f"{name}=={version}" for name, version in sorted(lowest.items()))
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        name = canonicalize_name(line.partition("==")[0])
        if line and not line.startswith("#") and name not in lowest and not name.startswith(IN_STEP):
            yield line


if __name__ == "__main__":
    print("\n".join(lines()))
