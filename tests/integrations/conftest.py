"""Real servers for the whole folder, a fresh provider for each test, and a log that must stay quiet."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integrations.seen import Telemetry
from tests.integrations.servers import Hypercorn, Uvicorn

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def uvicorn_server() -> Iterator[Uvicorn]:
    """uvicorn, for HTTP/1.1."""
    server = Uvicorn()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def hypercorn_server() -> Iterator[Hypercorn]:
    """hypercorn, for HTTP/2."""
    server = Hypercorn()
    yield server
    server.stop()


@pytest.fixture
def make_telemetry() -> Iterator[Callable[..., Telemetry]]:
    """Makes providers of a kind; they are shut down at the end."""
    made: list[Telemetry] = []

    def make(**how: object) -> Telemetry:
        made.append(Telemetry(**how))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for telemetry in made:
        telemetry.close()


@pytest.fixture
def telemetry(make_telemetry: Callable[..., Telemetry]) -> Telemetry:
    """A fresh provider that samples everything."""
    return make_telemetry()


@pytest.fixture(autouse=True)
def _contexts_stay_in_order(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No test may leave a context attached where it does not belong."""
    yield
    logged = "\n".join(record.getMessage() for when in ("setup", "call") for record in caplog.get_records(when))
    assert "Failed to detach context" not in logged
    assert "was created in a different Context" not in logged


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
