"""What every test has: internal errors that raise, more than one try at servers, the way to recorded streams."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
"""The folder beside the project that holds recordings and vectors; it may be missing."""

# No limit on the time of one example: it would fail on a busy machine and say nothing of the code.
settings.register_profile("otel-sse", deadline=None)
settings.load_profile("otel-sse")


AGAINST_SERVERS = ("backends", "cli", "demo", "deploy", "grafana", "integrations", "sources", "testing")
"""The folders whose tests run servers and processes, and so depend on the time of a machine that others use as well."""

RERUNS = 2
"""How often such a test is tried again before it fails. The report counts each rerun, and names it."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Have tests against servers tried again; those of the core get one try."""
    if not config.pluginmanager.hasplugin("rerunfailures"):  # LiteLLM's environment has only what its tests need
        return
    for item in items:
        if item.path.relative_to(ROOT / "tests").parts[0] in AGAINST_SERVERS:
            item.add_marker(pytest.mark.flaky(reruns=RERUNS))


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


@pytest.fixture(autouse=True)
def _internal_errors_raise() -> Iterator[None]:
    """An internal error of otel_sse fails the test instead of being counted and logged."""
    if find_spec("otel_sse.telemetry.internal") is None:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(import_module("otel_sse.telemetry.internal"), "reraise", True)
        yield
