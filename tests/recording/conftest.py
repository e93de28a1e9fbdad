"""Recorders and providers that are shut down at a test's end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fixtures import telemetry as telemetry
from tests.recording.made import Benches


@pytest.fixture
def make_bench() -> Iterator[Benches]:
    """Makes benches; they are shut down at the end."""
    benches = Benches()
    yield benches
    benches.close()
