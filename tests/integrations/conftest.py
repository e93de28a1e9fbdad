"""Real servers for the whole folder, a fresh provider for each test, and a log that must stay quiet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fixtures import run_script as run_script
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
