"""`watch`: one connection, without any patch."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import get_current_span
from websockets.asyncio.server import ServerConnection

from otel_sse.hops.envelope import HEADER
from otel_sse.recording.live_stream import current_stream
from otel_sse.recording.recorder import Recorder
from otel_sse.websockets import accept_offer, offered_headers, watch
from tests.integrations.seen import Telemetry
from tests.integrations.websockets.peers import (
    Stages,
    answer,
    connecting,
    echo,
    linked_in_order,
    serving,
)


async def test_watch_makes_stages_of_a_connection_without_patches(recorder: Recorder, stages: Stages) -> None:
    """`watch` observes both directions with a peer that knows nothing; the messages are what they were."""
    seen: list[Any] = []

    async def handler(connection: ServerConnection) -> None:
        async for message in connection:
            seen.append(message)
            await connection.send(message)

    async with serving(handler, plain=True) as address, connecting(address, plain=True) as client:
        assert watch(watch(client)) is client
        for message in answer(3):
            await client.send(message)
            assert await client.recv() == message
    assert seen == answer(3)
    assert [(stage.name, stage.outcome, len(stage.chunks)) for stage in stages] == [
        ("ws.send", "completed", 5),
        ("ws.receive", "completed", 5),
    ]
    assert len({stage.stream_id for stage in stages}) == 1


async def test_watch_uses_an_envelope_that_was_agreed_by_hand(recorder: Recorder, stages: Stages) -> None:
    """A client of one's own adds `offered_headers()` and is watched after its handshake."""
    how: dict[str, Any] = {"plain": True, "additional_headers": offered_headers()}
    async with serving(echo) as address, connecting(address, **how) as client:
        watch(client)
        for message in answer(2):
            await client.send(message)
            assert await client.recv() == message
    assert [stage.name for stage in stages] == ["ws.send", "ws.receive"] * 2
    assert stages.all()[1].lineage == [1, 2, 3, 4]


async def test_watch_serves_a_client_that_offers(recorder: Recorder, stages: Stages, telemetry: Telemetry) -> None:
    """A server without patches accepts by hand; its stream and the client's trace are current in its handler."""
    found: list[Any] = []

    async def handler(connection: ServerConnection) -> None:
        watch(connection)
        found.append((get_current_span().get_span_context().trace_id, current_stream()))
        await echo(connection)

    async with serving(handler, plain=True, process_response=accept_offer) as address:
        with telemetry.tracer_provider.get_tracer("test").start_as_current_span("asks") as span:
            headers = offered_headers()
            async with connecting(address, plain=True, additional_headers=headers) as client:
                watch(client)
                for message in answer(2):
                    await client.send(message)
                    assert await client.recv() == message
    trace_id = span.get_span_context().trace_id
    assert linked_in_order(stages.all())
    assert [stage.lineage for stage in stages.named("ws.receive")] == [[1, 2, 3, 4]] * 2
    assert {stage.trace_id for stage in stages} == {trace_id}
    assert found[0][0] == trace_id
    assert {stage.stream_id for stage in stages} == {found[0][1].id}


async def test_watch_serves_a_client_that_does_not_offer(recorder: Recorder, stages: Stages) -> None:
    """Both directions are stages, and the messages are what they were."""

    async def handler(connection: ServerConnection) -> None:
        watch(connection)
        await echo(connection)

    async with (
        serving(handler, plain=True, process_response=accept_offer) as address,
        connecting(address, plain=True) as client,
    ):
        for message in answer(2):
            await client.send(message)
            assert await client.recv() == message
        assert client.response is not None
        assert HEADER not in client.response.headers
    assert [(stage.name, stage.outcome) for stage in stages] == [("ws.receive", "completed"), ("ws.send", "completed")]


async def test_watch_refuses_what_is_no_connection() -> None:
    """Anything else is refused with a message that says what is meant."""
    with pytest.raises(TypeError, match="connection must be a WebSocket connection, got 42"):
        watch(42)


def test_scripts_find_it_where_it_stood() -> None:
    """The package of the ends has it too, on first use, and nothing else."""
    from otel_sse.integrations import websockets

    assert websockets.watch is watch
    with pytest.raises(AttributeError, match="has no attribute 'unwatch'"):
        websockets.unwatch  # noqa: B018
