"""Programs and files that the tests of deploy/ need, and that pip can't bring: found, or the test is skipped."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"


def folder() -> Path:
    """Return where deploy/tools.sh keeps what it built."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("OTEL_SSE_TOOLS") or cache / "otel-sse")


def built(name: str, target: str, variable: str = "") -> Path:
    """Return a program or file that `make` builds; skips the test where it is missing.

    Args:
        name: Its name in the tools' folder.
        target: The target of the Makefile that makes it.
        variable: Environment variable that names another one, or "".
    """
    found = Path(os.environ.get(variable, "") or folder() / name)
    if not found.is_file():
        or_set = f", or set {variable}" if variable else ""
        pytest.skip(f"needs {name}, which is not there: make {target} (with Go){or_set}")
    return found


def collector() -> Path:
    """Return the Collector's binary; skips the test where there is none."""
    return built("otelcol-sse", "collector", "OTEL_SSE_COLLECTOR")


def jaeger() -> Path:
    """Return Jaeger's binary, where `make jaeger` or somebody else put it; skips the test where there is none."""
    go = os.environ.get("GOPATH", "").partition(os.pathsep)[0] or str(Path.home() / "go")
    named = [
        os.environ.get("OTEL_SSE_JAEGER"),
        shutil.which("jaeger"),
        f"{os.environ.get('GOBIN') or f'{go}/bin'}/jaeger",
    ]
    found = next((Path(each) for each in named if each and Path(each).is_file()), None)
    if found is None:
        pytest.skip("needs Jaeger, which is not there: make jaeger (with Go), or set OTEL_SSE_JAEGER")
    return found


def installed(command: str, install: str) -> str:
    """Return the path of an installed command; skips the test where there is none.

    Args:
        command: Its name.
        install: The command that installs it.
    """
    found = shutil.which(command)
    if found is None:
        pytest.skip(f"needs the command {command}, which is not there: {install}")
    return found
