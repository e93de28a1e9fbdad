"""The examples, each served by a real server."""

from __future__ import annotations

import logging
import runpy
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from otel_sse import limits
from otel_sse.demo.servers import LoopbackServer
from otel_sse.dialects import Reader
from otel_sse.integrations.apps import uninstrument
from otel_sse.semconv import CHUNK_LOGGER
from otel_sse.wire import Event, Parser
from tests.cli.command import ROOT

pytestmark = pytest.mark.server


@pytest.fixture(params=[("fastapi", "/chat", 6), ("plain_asgi", "/", 4)], ids=lambda param: param[0])
def example(request: pytest.FixtureRequest) -> Iterator[tuple[Any, str, int]]:
    """An example's application, the path of its stream, and the number of its events."""
    name, path, events = request.param
    app = runpy.run_path(str(ROOT / "examples" / name / "app.py"))["app"]
    yield app, path, events
    uninstrument(app)


def test_an_example_streams_events_and_ends(example: tuple[Any, str, int]) -> None:
    """An example's stream is made of whole events, the last of which says that it is the last."""
    app, path, count = example
    with LoopbackServer(app) as server:
        response = httpx.get(f"{server.url}{path}", trust_env=False)
    items = Parser(max_bytes=limits.MAX_EVENT_BYTES).feed(response.content)
    reader = Reader()
    facts = [reader.read(item) for item in items if isinstance(item, Event)]
    assert len(facts) == len(items) == count
    assert [each.terminal is not None for each in facts] == [False] * (count - 1) + [True]


def test_an_example_is_watched(example: tuple[Any, str, int], caplog: pytest.LogCaptureFixture) -> None:
    """Each event of an example's stream has its line in the log of chunks."""
    app, path, count = example
    with caplog.at_level(logging.DEBUG, CHUNK_LOGGER), LoopbackServer(app) as server:
        httpx.get(f"{server.url}{path}", trust_env=False)
    lines = [record.getMessage().split()[:2] for record in caplog.records if record.name == CHUNK_LOGGER]
    written = [seq for stage, seq in lines if stage == "SOCKET_WRITE"]
    assert written == [f"seq={seq}" for seq in range(1, count + 1)]
