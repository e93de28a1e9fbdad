"""Recorders and providers that are shut down at a test's end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integrations.seen import Telemetry
from tests.recording.made import Benches


@pytest.fixture
def make_bench() -> Iterator[Benches]:
    """Makes benches; they are shut down at the end."""
    benches = Benches()
    yield benches
    benches.close()


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """A fresh provider that samples everything."""
    made = Telemetry()
    yield made
    made.close()
