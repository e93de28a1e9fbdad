"""Hops from aiohttp's client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType
from websockets.asyncio.server import ServerConnection

from otel_sse.hops.envelope import HEADER
from otel_sse.integrations.websockets.serving import hop_of
from otel_sse.recording.recorder import Recorder
from otel_sse.websockets import offered_headers, watch
from tests.integrations.websockets.peers import Stages, answer, chunk, echo, end, linked_in_order, serving, start


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    """A session of aiohttp's client."""
    async with ClientSession() as made:
        yield made


async def test_a_stream_has_four_stages_over_two_ends(
    recorder: Recorder, stages: Stages, session: ClientSession
) -> None:
    """What goes there and back is one stream in one trace, each stage linked to the one before."""
    async with serving(echo) as address, session.ws_connect(address) as client:
        for message in answer(3):
            await client.send_str(message)
            assert await client.receive_str() == message
    send, receive, send_back, receive_back = stages.all()
    assert [stage.name for stage in stages] == ["ws.send", "ws.receive"] * 2
    assert linked_in_order([send, receive, send_back, receive_back])
    assert receive.lineage == receive_back.lineage == [1, 2, 3, 4, 5]
    assert {stage.outcome for stage in stages} == {"completed"}


@pytest.mark.parametrize("plain_server", [False, True], ids=["watched server", "plain server"])
@pytest.mark.parametrize("compress", [0, 15])
async def test_applications_see_the_same_messages(
    recorder: Recorder, session: ClientSession, plain_server: bool, compress: int
) -> None:
    """Whoever is watched, text and bytes arrive as they were sent, by every method that there is."""
    seen: list[Any] = []

    async def handler(connection: ServerConnection) -> None:
        async for message in connection:
            seen.append(message)
            await connection.send(message)

    async with (
        serving(handler, plain=plain_server) as address,
        session.ws_connect(address, compress=compress) as client,
    ):
        assert (hop_of(client) is None) is plain_server
        await client.send_str("ünï 🐈")
        await client.send_bytes(b"\x00\xff")
        await client.send_json({"type": "CHUNK", "content": "a"})
        await client.send_str("x" * (1 << 20))
        back = [await client.receive() for _ in range(4)]
    assert seen == ["ünï 🐈", b"\x00\xff", '{"type": "CHUNK", "content": "a"}', "x" * (1 << 20)]
    assert [message.data for message in back] == seen
    assert [message.type for message in back] == [WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.TEXT, WSMsgType.TEXT]


@pytest.mark.parametrize("parts", [1, 2], ids=["whole", "in parts"])
@pytest.mark.parametrize("limit", [1000, 1 << 16])
async def test_a_message_of_the_size_that_the_client_allows_is_allowed(
    recorder: Recorder, session: ClientSession, stages: Stages, limit: int, parts: int
) -> None:
    """A client that can't be made to take more tells its limit, and gets what would not fit without an envelope."""
    whole = "m" * (limit - 1)
    sent = whole if parts == 1 else [whole[:10], whole[10:]]

    async def handler(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)
            await connection.send(sent)

    async with (
        serving(handler, compression=None) as address,
        session.ws_connect(address, max_msg_size=limit, compress=0) as client,
    ):
        await client.send_str("small")
        assert [await client.receive_str(), await client.receive_str()] == ["small", whole]
    assert stages.named("ws.receive")[1].lineage == [1, 0]


async def test_undecoded_text_stays_bytes(recorder: Recorder, session: ClientSession) -> None:
    """With `decode_text=False` the application gets bytes, without the envelope."""
    async with serving(echo) as address, session.ws_connect(address, decode_text=False) as client:
        await client.send_str(chunk("grüße"))
        message = await client.receive()
        assert (message.type, message.data, message.json()) == (
            WSMsgType.TEXT,
            chunk("grüße").encode(),
            {"type": "CHUNK", "content": "grüße"},
        )


async def test_iteration_ends_with_the_connection(recorder: Recorder, stages: Stages, session: ClientSession) -> None:
    """`async for` reads until the server closes; a stream without its end is then incomplete."""

    async def handler(connection: ServerConnection) -> None:
        await connection.send(start())
        await connection.send(chunk("a"))

    async with serving(handler) as address, session.ws_connect(address) as client:
        assert [message.data async for message in client] == [start(), chunk("a")]
    assert [stage.outcome for stage in stages] == ["incomplete"] * 2


async def test_what_the_library_refuses_is_refused(recorder: Recorder, session: ClientSession) -> None:
    """Errors of use are the library's own."""
    async with serving(echo) as address, session.ws_connect(address) as client:
        with pytest.raises(TypeError):
            await client.send_str(b"bytes")  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            await client.send_bytes("text")  # type: ignore[arg-type]


async def test_a_cancelled_task_has_cancelled_its_stream(
    recorder: Recorder, stages: Stages, session: ClientSession
) -> None:
    """Cancellation while a message is waited for ends the stage as cancelled."""
    reached = asyncio.Event()

    async def handler(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async def run(address: str) -> None:
        async with session.ws_connect(address) as client:
            await client.send_str(start())
            reached.set()
            await client.receive()

    async with serving(handler) as address:
        task = asyncio.create_task(run(address))
        await reached.wait()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert stages.named("ws.send")[0].outcome == "cancelled"


async def test_undo_restores_the_library(instrumented: Callable[..., Recorder]) -> None:
    """Undoing leaves the very function that was there."""
    from otel_sse.integrations import patches

    before = vars(ClientSession)["_ws_connect"]
    recorder = instrumented()
    assert vars(ClientSession)["_ws_connect"].__wrapped__ is before
    patches.release(recorder)
    assert vars(ClientSession)["_ws_connect"] is before


async def test_the_applications_headers_stay(recorder: Recorder, session: ClientSession) -> None:
    """Headers of the application are sent, and win."""

    async def handler(connection: ServerConnection) -> None:
        headers = connection.request.headers  # type: ignore[union-attr]
        await connection.send(f"{headers['X-Mine']} {headers['traceparent']}")

    own = {"X-Mine": "1", "traceparent": "mine"}
    async with serving(handler) as address, session.ws_connect(address, headers=own) as client:
        assert await client.receive_str() == "1 mine"


async def test_a_subclass_with_a_receive_of_its_own_is_left_alone(recorder: Recorder) -> None:
    """A response class that handles messages itself never sees an envelope."""
    seen: list[Any] = []

    class Logged(ClientWebSocketResponse):
        async def receive(self, timeout: float | None = None) -> Any:
            seen.append(await super().receive(timeout))
            return seen[-1]

    async with ClientSession(ws_response_class=Logged) as session, serving(echo) as address:
        client = await session.ws_connect(address)
        await client.send_str("hello")
        assert await client.receive_str() == "hello"
        assert HEADER not in client._response.request_info.headers
        await client.close()
    assert [message.data for message in seen] == ["hello"]


async def test_watch_uses_what_was_agreed_by_hand(instrumented: Callable[..., Recorder], stages: Stages) -> None:
    """A session whose handshakes are not patched offers by hand and is watched."""
    instrumented()
    plain = vars(ClientSession)["_ws_connect"].__wrapped__
    async with ClientSession() as session, serving(echo) as address:
        client = await plain(session, address, headers=offered_headers())
        watch(client)
        for message in answer(2):
            await client.send_str(message)
            assert await client.receive_str() == message
        await client.close()
    assert [stage.name for stage in stages] == ["ws.send", "ws.receive"] * 2
    assert end() == answer(2)[-1]
