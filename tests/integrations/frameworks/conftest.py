"""A second server beside the application's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integrations.servers import Uvicorn


@pytest.fixture(scope="session")
def model_server() -> Iterator[Uvicorn]:
    """uvicorn, for the model."""
    server = Uvicorn()
    yield server
    server.stop()
