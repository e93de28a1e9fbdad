"""Whatever serves an application, its streams are recorded, and afterwards everything is as it was."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from opentelemetry import trace
from starlette.testclient import TestClient

import otel_sse
from otel_sse.demo.servers import LoopbackServer
from otel_sse.recording import registry
from otel_sse.testing import RecordedStreams, record
from tests.integrations.seen import Telemetry
from tests.testing.made import application

MakeApp = Callable[..., Any]


def has_the_answer(streams: RecordedStreams) -> bool:
    """Whether the one stream is there, whole."""
    streams.assert_each_chunk_once()
    streams.assert_no_gaps()
    streams.assert_no_findings()
    streams.assert_outcome("completed")
    return len(streams.stage("provider").chunks) == 12 and len(streams.stage("socket_write").chunks) == 13


@pytest.mark.parametrize("options", [{}, {"chunk_events": "off"}, {"chunk_signal": "log_events"}])
def test_application_that_was_instrumented_before(make_app: MakeApp, options: dict[str, Any]) -> None:
    """Each chunk is recorded, whatever detail the application has chosen."""
    client = TestClient(make_app(**options))
    with record() as streams:
        client.get("/chat/1")
    assert has_the_answer(streams)


def test_application_that_is_instrumented_within(make_app: MakeApp) -> None:
    """One that is made in the block is recorded too."""
    with record() as streams:
        TestClient(make_app()).get("/chat/1")
        assert has_the_answer(streams)


async def test_application_behind_a_transport_of_httpx(make_app: MakeApp) -> None:
    """An async test calls the application in its own event loop."""
    with record() as streams:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(make_app()), base_url="http://test") as client:
            await client.get("/chat/1")
    assert has_the_answer(streams)


def test_application_behind_a_server_in_a_thread(make_app: MakeApp) -> None:
    """A real server's stream is recorded to its end, though the client is done a moment before it."""
    with record() as streams, LoopbackServer(make_app()) as server:
        with httpx.stream("GET", f"{server.url}/chat/1") as response:
            response.read()
        assert has_the_answer(streams)


async def test_stream_that_goes_on_in_the_tests_loop_is_waited_for(make_app: MakeApp) -> None:
    """`settled` lets the application work while it waits."""
    transport = httpx.ASGITransport(make_app())
    with record() as streams:
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            call = asyncio.ensure_future(client.get("/chat/1"))
            while not len(streams._memory._spans) and not streams._memory._open:
                await asyncio.sleep(0)
            assert has_the_answer(await streams.settled())
            await call


def test_stream_that_does_not_end_is_said_to_be_open(make_app: MakeApp) -> None:
    """After the wait an assertion goes on with what there is."""
    with record(wait_s=0.05) as streams:
        pulled = otel_sse.observe((text for text in "ab"), "provider")
        next(pulled)
        with pytest.raises(AssertionError, match="must be 'completed', got not ended"):
            streams.assert_outcome("completed")
        assert len(streams[0].stage("provider").chunks) == 1
        pulled.close()


def test_own_provider_gets_nothing_within_and_all_afterwards() -> None:
    """Streams of the block are not exported, those before and after it are, and the global provider is untouched."""
    telemetry = Telemetry()
    client = TestClient(telemetry.instrument(application()))
    before = trace.get_tracer_provider()
    with record() as streams:
        client.get("/chat/1")
    assert has_the_answer(streams)
    assert telemetry.segments() == []
    client.get("/chat/1")
    assert len(telemetry.stage().chunks) == 13
    assert trace.get_tracer_provider() is before
    assert registry._diversions == []
    assert len(streams) == 1
    telemetry.close()


def test_of_blocks_within_one_another_the_inner_one_records(make_app: MakeApp) -> None:
    """Each stream is in one recording, and the outer one goes on when the inner one has ended."""
    client = TestClient(make_app())
    with record() as outer:
        with record() as inner:
            client.get("/chat/1")
        client.get("/chat/2")
    assert (len(inner), len(outer)) == (1, 1)


def test_unsampled_requests_are_recorded(make_app: MakeApp) -> None:
    """A request whose trace is not sampled is there all the same."""
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
    with record() as streams:
        TestClient(make_app()).get("/chat/1", headers={"traceparent": parent})
    assert has_the_answer(streams)


def test_block_that_raises_restores_everything(make_app: MakeApp) -> None:
    """An exception of the test leaves nothing behind."""
    with pytest.raises(RuntimeError), record():
        raise RuntimeError
    assert registry._diversions == []


def test_without_the_sdk_it_says_what_to_install() -> None:
    """Where the extra is missing, the error names the command."""
    script = """
import sys
sys.modules["opentelemetry.sdk.trace"] = None
import otel_sse
try:
    with otel_sse.testing.record():
        pass
except otel_sse.MissingExtraError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "Install them with: pip install 'otel-sse[sdk]'" in done.stdout
