"""The connection that is being served: its stream, its trace, and the stream of each message."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from opentelemetry.trace import get_current_span
from websockets.asyncio.server import ServerConnection

from otel_sse.integrations.verbs.carriers import extract, inject
from otel_sse.integrations.verbs.observe import observe
from otel_sse.integrations.verbs.policies import policy
from otel_sse.recording.live_stream import Stream, current_stream, enter, leave
from otel_sse.recording.recorder import Recorder
from otel_sse.telemetry.clock import now_ns
from otel_sse.websockets import stream_for
from tests.integrations.seen import Telemetry
from tests.integrations.websockets.peers import (
    Stages,
    answer,
    chunk,
    connecting,
    end,
    linked_in_order,
    serving,
    start,
)


async def _of(*items: Any) -> Any:
    for item in items:
        yield item


async def test_a_handler_finds_the_stream(recorder: Recorder, stages: Stages, telemetry: Telemetry) -> None:
    """Stages that the handler makes belong to the stream that came, between its two hops."""

    @policy("shout")
    async def shout(chunks: Any) -> Any:
        async for each in chunks:
            yield each.upper()

    async def contents(connection: ServerConnection) -> Any:
        async for message in connection:
            found = json.loads(message)
            if found["type"] == "END":
                return
            if found["type"] == "CHUNK":
                yield found["content"]

    async def handler(connection: ServerConnection) -> None:
        async for each in shout(contents(connection)):
            await connection.send(chunk(each))
        await connection.send(end())

    request = telemetry.tracer_provider.get_tracer("test").start_as_current_span("request")
    async with serving(handler) as address:
        with request:
            client = await connecting(address)
            for message in answer(3):
                await client.send(message)
        assert [json.loads(await client.recv()).get("content") for _ in range(4)] == ["THE ", "CAT ", "THE ", None]
        await client.close()
    (send, send_back), (receive, receive_back) = stages.named("ws.send"), stages.named("ws.receive")
    by_direction = {stage.attributes["sse.stage.direction"]: stage for stage in stages.named("policy.shout")}
    way = [send, receive, by_direction["in"], by_direction["out"], send_back, receive_back]
    assert [stage.lineage for stage in way[:3]] == [[0, 0, 0, 0, 0], [1, 2, 3, 4, 5], [2, 3, 4]]
    assert [stage.lineage for stage in way[3:]] == [[1, 2, 3], [1, 2, 3, 0], [1, 2, 3, 4]]
    assert linked_in_order(way)


async def test_the_handlers_trace_is_the_clients(recorder: Recorder, telemetry: Telemetry) -> None:
    """The trace context of the handshake is current in the handler, whether the client offers the envelope or not."""
    found: list[int] = []

    async def handler(connection: ServerConnection) -> None:
        found.append(get_current_span().get_span_context().trace_id)

    with telemetry.tracer_provider.get_tracer("test").start_as_current_span("request") as span:
        headers = {"traceparent": f"00-{span.get_span_context().trace_id:032x}-00000000000000ab-01"}
        async with serving(handler) as address:
            async with connecting(address) as client:
                await client.wait_closed()
            async with connecting(address, plain=True, additional_headers=headers) as client:
                await client.wait_closed()
    assert found == [span.get_span_context().trace_id] * 2


async def test_stream_for_finds_the_stream_of_each_message(recorder: Recorder, stages: Stages) -> None:
    """Where several streams share a socket, each message's stream can be made current, for tasks too."""
    found: dict[str, str] = {}

    async def answering(name: str) -> None:
        async for _ in observe(_of("a"), "provider"):
            found[name] = current_stream().id  # type: ignore[union-attr]

    async def handler(connection: ServerConnection) -> None:
        tasks = []
        async for message in connection:
            name = json.loads(message)["stream_id"]
            for given in (message, json.loads(message)):
                with stream_for(given) as stream:
                    assert current_stream() is stream
                    tasks.append(asyncio.create_task(answering(name)))
        await asyncio.gather(*tasks)

    async with serving(handler) as address, connecting(address) as client:
        for name in ("a", "b", "c"):
            await client.send(start(name))
    ids = {stage.stream_id for stage in stages.named("ws.receive")}
    assert len(ids) == 3
    assert set(found.values()) == ids
    assert [stage.stream_id in ids for stage in stages.named("provider")] == [True] * 6


async def test_extract_finds_the_sockets_stream(recorder: Recorder, stages: Stages) -> None:
    """A message that carries its stream's id by `inject` leads to the stream that the socket knows."""
    found: list[str] = []

    async def handler(connection: ServerConnection) -> None:
        async for message in connection:
            with extract(json.loads(message)) as stream:
                found.append(stream.id)

    async with serving(handler) as address, connecting(address) as client:
        sent = []
        for name in ("a", "b"):
            stream = Stream(recorder, now_ns())
            sent.append(stream.id)
            token = enter(stream)
            await client.send(json.dumps(inject({"type": "START", "stream_id": name})))
            leave(token)
    assert found == sent
