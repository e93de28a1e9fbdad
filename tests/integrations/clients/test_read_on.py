"""A model that is read to its end although the client has left: for nobody, and for money."""

from __future__ import annotations

import asyncio
import threading

import httpx

from tests.integrations.answers import EVENT_STREAM, FRAMES, App, Receive, Scope, Send, body, start
from tests.integrations.clients.readers import Model
from tests.integrations.seen import Telemetry, recorder_of, until
from tests.integrations.servers import RawClient, Uvicorn


async def _answer_once(over: threading.Event, send: Send) -> None:
    await send(start(EVENT_STREAM))
    await send(body(FRAMES[0]))
    while not over.is_set():
        await asyncio.sleep(0.002)
    for part in FRAMES[1:]:
        await send(body(part))
    await send(body(b"", more=False))


def gateway(address: str, read: list[bytes]) -> App:
    """Reads the model in a task of its own, and hands its bytes on; the task outlives the request."""
    tasks: set[asyncio.Task[None]] = set()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        parts: asyncio.Queue[bytes] = asyncio.Queue()

        async def work() -> None:
            async with httpx.AsyncClient() as client, client.stream("GET", address) as response:
                async for part in response.aiter_bytes():
                    read.append(part)
                    parts.put_nowait(part)

        task = asyncio.create_task(work())
        tasks.add(task)
        await send(start())
        await send(body(await parts.get()))
        while (await receive())["type"] != "http.disconnect":
            pass

    return app


def test_a_worker_that_reads_on_is_seen_to_the_end(
    telemetry: Telemetry, uvicorn_server: Uvicorn, model_server: Uvicorn
) -> None:
    """The provider ends as the model did, and says how many chunks were read once the request had ended."""
    over, read = threading.Event(), list[bytes]()

    async def model(scope: Scope, receive: Receive, send: Send) -> None:
        await _answer_once(over, send)

    address = model_server.serve(Model(model))
    app = telemetry.instrument(gateway(address, read))
    client = RawClient(uvicorn_server.serve(app))
    client.read_until(FRAMES[0])
    client.leave()
    unread = recorder_of(app).background.writer._unread
    until(lambda: len(unread), "the end of the request")
    over.set()
    assert telemetry.stage().outcome == "disconnected"
    provider = telemetry.stage("provider")
    until(lambda: b"".join(read) == b"".join(FRAMES), "the whole answer")
    assert provider.outcome == "completed"
    assert (provider.attributes["sse.stream.chunks"], provider.attributes["sse.stream.read_on_chunks"]) == (5, 4)
    telemetry.settled()
