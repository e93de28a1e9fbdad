"""Fixtures that several rooms' tests share; a room's conftest imports those that it needs."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integrations.seen import Telemetry

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """A fresh provider that samples everything."""
    made = Telemetry()
    yield made
    made.close()


@pytest.fixture
def run_script(tmp_path: Path) -> Callable[..., str]:
    """Runs a script in a Python process of its own; returns what it printed, and fails where it failed."""

    def run(source: str, **environment: str) -> str:
        script = tmp_path / "script.py"
        script.write_text(textwrap.dedent(source))
        done = subprocess.run(
            [sys.executable, str(script)],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout

    return run
