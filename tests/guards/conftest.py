"""A fresh provider for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integrations.seen import Telemetry


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """A fresh provider that samples everything."""
    made = Telemetry()
    yield made
    made.close()
