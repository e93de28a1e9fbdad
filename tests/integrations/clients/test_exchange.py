"""Whose stage it is: one for each read, however clients are stacked, and none where it is not wanted."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import aiohttp
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

import otel_sse
from otel_sse.integrations.clients.exchange import exchange_with
from otel_sse.recording import registry
from tests.integrations.answers import ANSWER, DIGESTS, EVENT_STREAM, FRAMES, plain
from tests.integrations.clients.readers import LIBRARIES, READERS, Model, gateway
from tests.integrations.driver import Driver
from tests.integrations.seen import Telemetry
from tests.integrations.servers import Uvicorn


class OverAiohttp(httpx.AsyncBaseTransport):
    """A transport that sends with aiohttp, as LiteLLM's does."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        self.session = aiohttp.ClientSession()
        self.response = await self.session.get(str(request.url), headers=dict(request.headers))
        return httpx.Response(self.response.status, headers=self.response.headers, stream=_Parts(self.response))

    async def aclose(self) -> None:
        """Close the session."""
        await self.session.close()


class _Parts(httpx.AsyncByteStream):
    def __init__(self, response: Any) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._response.content.iter_any():
            yield part

    async def aclose(self) -> None:
        self._response.release()


async def test_a_client_over_another_client_is_one_stage(outside: Telemetry, model_server: Uvicorn) -> None:
    """What httpx reads through aiohttp is read once."""
    outside.instrument(plain())
    model = Model()
    async with httpx.AsyncClient(transport=OverAiohttp()) as client:
        assert (await client.get(model_server.serve(model))).content == ANSWER
    assert outside.stage("client").digests == DIGESTS
    otel_sse.flush()
    assert len(outside.spans()) == 1


async def test_an_application_called_in_process(outside: Telemetry, model_server: Uvicorn) -> None:
    """An application that a client calls directly, without a server, has stages of its own."""
    app = outside.instrument(gateway(READERS["httpx aiter_bytes"], model_server.serve(Model())))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
        assert (await client.get("http://app/chat")).content == ANSWER
    stages = [outside.stage(name) for name in ("provider", "emit", "socket_write", "client")]
    assert [stage.digests for stage in stages] == [DIGESTS] * 4
    assert len({stage.stream_id for stage in stages[:3]}) == 1
    assert stages[3].stream_id != stages[0].stream_id


@pytest.mark.parametrize("name", LIBRARIES)
def test_clients_can_be_switched_off(
    name: str, telemetry: Telemetry, uvicorn_server: Uvicorn, model_server: Uvicorn
) -> None:
    """With `clients=False` an application has no provider, even beside one that has."""
    quiet = gateway(READERS[LIBRARIES[name]], model_server.serve(Model()))
    telemetry.instrument(quiet, clients=False)
    telemetry.instrument(plain())
    assert httpx.get(uvicorn_server.serve(quiet) + "/chat").content == ANSWER
    assert telemetry.stage().outcome == "completed"
    assert telemetry.segments("provider") == []


def test_outside_the_environment_decides(monkeypatch: pytest.MonkeyPatch, telemetry: Telemetry) -> None:
    """Outside of any request OTEL_SSE_CLIENTS and OTEL_SSE_ENABLED hold; a wrong variable harms nobody."""
    telemetry.instrument(plain())
    for variable, value, watched in [
        ("OTEL_SSE_CLIENTS", "false", False),
        ("OTEL_SSE_ENABLED", "false", False),
        ("OTEL_SSE_QUEUE_SIZE", "many", False),
        ("OTEL_SSE_QUEUE_SIZE", "10", True),
    ]:
        monkeypatch.setattr(registry, "_default", None)
        monkeypatch.setenv(variable, value)
        assert (exchange_with("host") is not None) is watched
        monkeypatch.delenv(variable)


def test_two_models_in_one_answer(telemetry: Telemetry, uvicorn_server: Uvicorn, model_server: Uvicorn) -> None:
    """An application that asks twice has two providers in one stream, each with all of its chunks."""
    address = model_server.serve(Model())

    async def both(url: str) -> AsyncIterator[bytes]:
        for name in ("httpx aiter_bytes", "aiohttp iter_any"):
            async for part in READERS[name](url):
                yield part

    app = telemetry.instrument(gateway(both, address))
    assert httpx.get(uvicorn_server.serve(app) + "/chat").content == ANSWER * 2
    assert telemetry.stage("emit").digests == DIGESTS * 2
    first, second = sorted(telemetry.segments("provider"), key=lambda span: span.start_time or 0)
    assert [len(span.events) for span in (first, second)] == [5, 5]


@pytest.mark.parametrize("name", LIBRARIES)
async def test_who_stops_at_the_end_mark_has_it_all(name: str, outside: Telemetry, model_server: Uvicorn) -> None:
    """Reading stops at `[DONE]`, as SDKs do, while the connection stays open: the answer is complete."""
    held = asyncio.Event()

    async def hanging(scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            if message["type"] == "http.response.body" and not message["more_body"]:
                while not held.is_set():
                    await asyncio.sleep(0.002)
            await send(message)

        await plain(FRAMES, EVENT_STREAM)(scope, receive, sending)

    outside.instrument(plain())
    async with aclosing(READERS[LIBRARIES[name]](model_server.serve(Model(hanging)))) as parts:  # type: ignore[type-var]
        received = b""
        while not received.endswith(FRAMES[-1]):
            received += await anext(parts)
    held.set()
    assert outside.stage("client").outcome == "completed"


async def test_a_read_that_times_out_may_go_on(outside: Telemetry, model_server: Uvicorn) -> None:
    """A single read of aiohttp that is given up ends nothing; the stage goes on with the next read."""
    gate = asyncio.Event()

    async def waiting(scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            while message.get("body") == FRAMES[1] and not gate.is_set():
                await asyncio.sleep(0.002)
            await send(message)

        await plain(FRAMES, EVENT_STREAM)(scope, receive, sending)

    outside.instrument(plain())
    async with aiohttp.ClientSession() as session, session.get(model_server.serve(Model(waiting))) as response:
        received = await response.content.readuntil(b"\n\n")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(response.content.readline(), 0.02)
        gate.set()
        async for part in response.content.iter_any():
            received += part
    assert received == ANSWER
    client = outside.stage("client")
    assert client.outcome == "completed"
    assert client.digests == DIGESTS


async def test_a_task_that_is_cancelled_in_a_read(outside: Telemetry, model_server: Uvicorn) -> None:
    """A task that is cancelled while it waits for bytes leaves the outcome cancelled, with each client."""
    never = asyncio.Event()

    async def silent(scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            while message.get("body") == FRAMES[1] and not never.is_set():
                await asyncio.sleep(0.002)
            await send(message)

        await plain(FRAMES, EVENT_STREAM)(scope, receive, sending)

    outside.instrument(plain())
    address = model_server.serve(Model(silent))

    async def read(name: str, begun: asyncio.Event) -> None:
        async with aclosing(READERS[name](address)) as parts:  # type: ignore[type-var]
            async for _ in parts:
                begun.set()

    for name in LIBRARIES.values():
        begun = asyncio.Event()
        task = asyncio.ensure_future(read(name, begun))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    never.set()
    assert [stage.outcome for stage in outside.stages(3, "client")] == ["cancelled"] * 3
    assert [stage.digests for stage in outside.stages(3, "client")] == [DIGESTS[:1]] * 3


class Pausing(httpx.AsyncBaseTransport, httpx.AsyncByteStream):
    """A transport without a network, whose every await is one of the driver's.

    Args:
        pause: The driver's.
    """

    def __init__(self, pause: Any) -> None:
        self._pause = pause

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer with the model's answer."""
        await self._pause()
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=self)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in FRAMES:
            await self._pause()
            yield part

    async def aclose(self) -> None:
        """Give way once."""
        await self._pause()


def pausing_app() -> Starlette:
    """An application that reads with httpx; each of its awaits is one of the driver's."""

    async def chat(request: Request) -> StreamingResponse:
        pause = request.scope["pause"]

        async def parts() -> AsyncIterator[bytes]:
            async with (
                httpx.AsyncClient(transport=Pausing(pause)) as client,
                client.stream("GET", "http://model/") as response,
                aclosing(response.aiter_bytes()) as body,  # type: ignore[type-var]
            ):
                async for part in body:
                    await pause()
                    yield part

        return StreamingResponse(parts(), media_type="text/event-stream")

    return Starlette(routes=[Route("/chat", chat)])


async def _others_done() -> None:
    """Return once this task is the last one; what the end of one drops may be closed by another, a turn later."""
    quiet = 0
    while quiet < 3:
        await asyncio.sleep(0)
        quiet = 0 if len(asyncio.all_tasks()) > 1 else quiet + 1


@pytest.mark.parametrize("version", ["2.3", "2.4"])
async def test_cancelled_at_each_await(version: str, telemetry: Telemetry) -> None:
    """A request that is cancelled at any await ends each stage that had begun, once, and the whole one completes."""
    app = telemetry.instrument(pausing_app())
    whole = await Driver(app, spec_version=version).run()
    assert whole.body == ANSWER
    assert [telemetry.stage(name).outcome for name in ("provider", "emit", "socket_write")] == ["completed"] * 3
    for at in range(1, whole.pauses + 1):
        telemetry.exporter.clear()
        driver = await Driver(app, spec_version=version, cancel_at=at).run()
        # Starlette drops the application's generator where it stands; what it reads is closed when it is collected.
        driver.error = None
        gc.collect()
        await _others_done()
        otel_sse.flush()
        for name in ("provider", "emit", "socket_write"):
            ids = {span.attributes["sse.stream.id"] for span in telemetry.segments(name) if span.attributes}
            outcomes = [stage.outcome for stage in telemetry.stages(len(ids), name)]
            assert outcomes in ([], ["cancelled"], ["abandoned"], ["completed"])
        assert driver.body == ANSWER[: len(driver.body)]
        telemetry.settled()
