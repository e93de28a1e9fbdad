"""What every test has: internal errors that raise, signals and time for its processes, the way to recorded streams."""

from __future__ import annotations

import gc
import inspect
import os
import signal
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.retries import Retries

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
"""The folder beside the project that holds recordings and vectors; it may be missing."""

# No limit on the time of one example: it would fail on a busy machine and say nothing of the code.
settings.register_profile("otel-sse", deadline=None)
settings.load_profile("otel-sse")


PATIENCE_S = 60.0
"""How long a client of a test waits for its server: on a busy machine httpx's own 5 s may pass with nothing wrong."""

MANY_OBJECTS = 50_000
"""Looking at so many takes 20 ms."""

STEERING = (
    *("OTEL_", "FASTAPI_", "OPENAI_", "CHUNK_", "SILENCE_"),
    *("NO_COLOR", "FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "COLUMNS", "LINES", "TERM", "PYTHONWARNINGS"),
)
"""Beginnings of the variables that change what is tested."""

OF_THE_TESTS = ("OTEL_SSE_TOOLS", "OTEL_SSE_COLLECTOR", "OTEL_SSE_JAEGER")
"""Variables that say where the tests find programs."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--rewrite` writes what commands print now into the pages that show it (`make outputs`)."""
    parser.addoption("--rewrite", action="store_true", help="write what commands print now into the pages that show it")


def pytest_configure(config: pytest.Config) -> None:
    """Have the whole run hold on a machine that others use, and where its parent ignores signals."""
    config.pluginmanager.register(Retries())
    _forget_the_shell()
    _leave_signals_to_children()
    _give_clients_time()
    _read_certificates_once()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which blocks of the pages are not run, where the tests of the pages were.

    It stands here because a run with workers loads no conftest of a folder in the process that writes the summary.
    """
    reports = [report for group in terminalreporter.stats.values() for report in group]
    if any(getattr(report, "nodeid", "").startswith("tests/docs/") for report in reports):
        import_module("tests.docs.reasons").tell(terminalreporter)


def _forget_the_shell() -> None:
    """Take away what the shell says of telemetry, colour and width, and keep loopback off its proxies."""
    for name in [name for name in os.environ if name.startswith(STEERING) and name not in OF_THE_TESTS]:
        del os.environ[name]
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join([*filter(None, [os.environ.get(name)]), "127.0.0.1", "localhost"])


def _leave_signals_to_children() -> None:
    """Give processes that tests start their signals back where this one ignores them, as `nohup make test &` does.

    What a process ignores, the ones that it starts ignore too; what it handles, they don't. So this one handles it, and
    goes on as if nothing had come.
    """
    for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda number, frame: None)


def _give_clients_time() -> None:
    for name in ("httpx", "httpx2"):
        if find_spec(name) is not None:
            timeout = inspect.signature(import_module(name).Client).parameters["timeout"].default
            timeout.connect = timeout.read = timeout.write = timeout.pool = PATIENCE_S


def _read_certificates_once() -> None:
    """Have all clients share what says which servers to trust: each would read the file again, for 20 ms."""
    for name in ("httpx", "httpx2"):
        if find_spec(name) is not None:
            transports: Any = import_module(f"{name}._transports.default")
            transports.create_ssl_context = cache(transports.create_ssl_context)


def shared(*parts: str) -> Path:
    """Return a path in the shared folder; the test is skipped where it does not exist.

    Args:
        *parts: Path below the shared folder, e.g. `"conformance", "wpt_vectors.json"`.
    """
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs shared/{'/'.join(parts)} beside the project's folder, which is not there")
    return path


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The recorded streams; the test is skipped where they are not there."""
    return shared("corpus")


@pytest.fixture(autouse=True, scope="module")
def _what_is_there_is_not_looked_at() -> None:
    """Leave what stands before a file's first test out of garbage collection, where it is much.

    All tests and the libraries that they load are half a million objects, and each `gc.collect()` of a test took a
    quarter of a second to look at them.
    """
    if len(gc.get_objects()) > MANY_OBJECTS:
        gc.collect()
        gc.freeze()


@pytest.fixture(autouse=True)
def _internal_errors_raise() -> Iterator[None]:
    """An internal error of otel_sse fails the test instead of being counted and logged."""
    if find_spec("otel_sse.telemetry.internal") is None:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(import_module("otel_sse.telemetry.internal"), "reraise", True)
        yield
