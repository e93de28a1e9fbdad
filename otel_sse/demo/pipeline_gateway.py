"""The gateway: asks the model, sends its answer through the control plane, and streams what comes back."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from pydantic import BaseModel
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

import otel_sse
from otel_sse.demo import pipeline_messages as messages
from otel_sse.demo.model_server import MODEL
from otel_sse.demo.pipeline_callback import make_callback

LOST = "the control plane was lost"


class Question(BaseModel):
    """What is asked, and which policy the answer is to go through."""

    question: str
    policy: str = "pass"


class ControlPlaneError(Exception):
    """The control plane could not finish the answer."""


def build(model_url: str, control_url: str) -> FastAPI:
    """Return the gateway.

    Args:
        model_url: Where the model server is, e.g. `http://127.0.0.1:8001`.
        control_url: The control plane's WebSocket, e.g. `ws://127.0.0.1:8002/answers`.
    """
    # All is on loopback: a proxy that the environment names is not asked.
    http_client = DefaultAsyncHttpxClient(trust_env=False)
    model = AsyncOpenAI(base_url=f"{model_url}/v1", api_key="demo", max_retries=0, http_client=http_client)
    callback = make_callback()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await model.close()

    app = FastAPI(title="pipeline gateway", lifespan=lifespan)

    @app.post("/chat")
    async def chat(asked: Question) -> StreamingResponse:
        return StreamingResponse(frames(asked), media_type="text/event-stream")

    async def frames(asked: Question) -> AsyncIterator[str]:
        try:
            async for message in controlled(control_url, asked.policy, pieces(asked.question)):
                yield frame(normalize(message))
        except ControlPlaneError as error:
            yield frame({"error": {"message": str(error)}})
        else:
            yield "data: [DONE]\n\n"

    async def pieces(question: str) -> AsyncIterator[str]:
        asked: Any = [{"role": "user", "content": question}]
        async with await model.chat.completions.create(model=MODEL, messages=asked, stream=True) as answer:
            # The way LiteLLM's proxy calls its callbacks.
            called_back = callback.async_post_call_streaming_iterator_hook(None, answer, {"messages": asked})
            async for chunk in called_back:
                if chunk.choices and (content := chunk.choices[0].delta.content):
                    yield content

    return app


@otel_sse.normalize
def normalize(message: dict[str, Any]) -> dict[str, Any]:
    """Turn a message of the control plane into the gateway's own chunk.

    Raises:
        KeyError: The message has no content.
    """
    return {"content": message["content"]}


def frame(chunk: dict[str, Any]) -> str:
    """Return a chunk as a server-sent event."""
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"


async def controlled(url: str, policy: str, pieces: AsyncIterator[str]) -> AsyncIterator[dict[str, Any]]:
    """Send pieces to the control plane, and yield its messages for them as they come.

    Args:
        url: The control plane's WebSocket.
        policy: The policy that the pieces are to go through.
        pieces: The answer.

    Raises:
        ControlPlaneError: It was lost, or said that it could not finish.
    """
    stream_id = uuid.uuid4().hex
    try:
        async with connect(url, proxy=None) as socket:
            await socket.send(messages.start(stream_id, policy))
            sending = asyncio.create_task(_send(socket, stream_id, pieces))
            try:
                async for message in _received(socket):
                    yield message
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
    except (OSError, ConnectionClosed) as error:
        raise ControlPlaneError(f"{LOST}: {type(error).__name__}") from error


async def _received(socket: ClientConnection) -> AsyncIterator[dict[str, Any]]:
    async for text in socket:
        message = messages.read(text)
        if message["type"] == messages.END:
            return
        if message["type"] == messages.ERROR:
            raise ControlPlaneError(message["error"])
        yield message
    raise ControlPlaneError(LOST)


async def _send(socket: ClientConnection, stream_id: str, pieces: AsyncIterator[str]) -> None:
    try:
        async for piece in pieces:
            await socket.send(messages.chunk(stream_id, piece))
    except ConnectionClosed:
        # Whoever receives is told too.
        return
    except Exception as error:
        await socket.send(messages.error(stream_id, f"the model failed: {type(error).__name__}"))
    else:
        await socket.send(messages.end(stream_id))
