"""The gateway: asks the model, sends its answer through the control plane, and streams what comes back."""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from pydantic import BaseModel
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

import otel_sse
from otel_sse.demo import pipeline_messages as messages
from otel_sse.demo.fault_frames import DONE, FRAME_FAULTS, LATEST
from otel_sse.demo.fault_hop import HOP_RESEND, relayed
from otel_sse.demo.fault_model import HEADER, answered
from otel_sse.demo.fault_pieces import AT_SEND, with_fault
from otel_sse.demo.fault_replies import reply
from otel_sse.demo.faults import FAULTS, full_name
from otel_sse.demo.model_server import MODEL
from otel_sse.demo.tasks import stop
from otel_sse.errors import must
from otel_sse.stream.stages import CALLBACK, EMIT

LOST = "the control plane was lost"
PING = ": ping\n\n"


class Question(BaseModel):
    """What is asked, which policy the answer is to go through, and which fault is to be made with it."""

    question: str
    policy: str = "pass"
    fault: str | None = None


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
    callback = _make_callback()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await model.close()

    app = FastAPI(title="pipeline gateway", lifespan=lifespan)

    @app.post("/chat")
    async def chat(asked: Question) -> StreamingResponse:
        fault = ordered(asked.fault)
        return reply(fault, at_emit(fault, frames(asked, fault)))

    async def frames(asked: Question, fault: str) -> AsyncIterator[str]:
        sent = with_fault(AT_SEND, fault, pieces(asked.question, fault))
        try:
            with relayed(control_url) if fault == HOP_RESEND else nullcontext(control_url) as url:
                async for message in controlled(url, asked.policy, sent, fault):
                    yield PING if message["type"] == messages.HEARTBEAT else frame(normalize(message))
        except ControlPlaneError as error:
            yield frame({"error": {"message": str(error)}})
        else:
            yield DONE

    def pieces(question: str, fault: str) -> AsyncIterator[str]:
        return answered(fault, lambda: asked_model(question, fault))

    async def asked_model(question: str, fault: str) -> AsyncIterator[str]:
        asked: Any = [{"role": "user", "content": question}]
        place = FAULTS[fault].pipeline if fault else None
        headers = {HEADER: fault} if place is not None and place.service == "model" else {}
        async with await model.chat.completions.create(
            model=MODEL, messages=asked, stream=True, extra_headers=headers
        ) as answer:
            read = without_repeats(answer) if fault == "dropped" else answer
            # The way LiteLLM's proxy calls its callbacks.
            called_back = callback.async_post_call_streaming_iterator_hook(None, read, {"messages": asked})
            async for chunk in called_back:
                if chunk.choices and (content := chunk.choices[0].delta.content):
                    yield content

    return app


def ordered(name: str | None) -> str:
    """Return the full name of the fault that a question orders; "" for none.

    Raises:
        HTTPException: The pipeline can't make such a fault (422).
    """
    fault = full_name(name or "")
    if fault and (fault not in FAULTS or FAULTS[fault].pipeline is None):
        known = ", ".join(each for each, row in FAULTS.items() if row.pipeline is not None)
        raise HTTPException(422, must("fault", f"be one of {known}, or null", name, "Correct it or leave it out."))
    return fault


def at_emit(fault: str, frames: AsyncIterator[str]) -> AsyncIterator[str]:
    """Return the frames with a fault made where it is made here, and as they are where it is made at another stage."""
    place = FAULTS[fault].pipeline if fault else None
    made_here = place is not None and place.stage == EMIT and place.service == "gateway"
    return FRAME_FAULTS[fault](frames) if made_here else frames


async def without_repeats(chunks: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """Take a chunk whose content equals that of one of the last few for a duplicate, as it turns 1833 into 183."""
    latest: deque[str] = deque(maxlen=LATEST)
    async for chunk in chunks:
        content = chunk.choices[0].delta.content if chunk.choices else None
        if not content or content not in latest:
            yield chunk
        latest.append(content or "")


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


async def controlled(
    url: str, policy: str, pieces: AsyncIterator[str], fault: str = ""
) -> AsyncIterator[dict[str, Any]]:
    """Send pieces to the control plane, and yield its messages for them as they come.

    Args:
        url: The control plane's WebSocket.
        policy: The policy that the pieces are to go through.
        pieces: The answer.
        fault: The fault that the control plane is to make.

    Raises:
        ControlPlaneError: It was lost, or said that it could not finish.
    """
    stream_id = uuid.uuid4().hex
    try:
        # The connection's own `async with`, not that of `connect`, which before websockets 17 says that all went well.
        async with await connect(url, proxy=None) as socket:
            await socket.send(messages.start(stream_id, policy, fault))
            sending = asyncio.create_task(_send(socket, stream_id, pieces))
            try:
                async for message in _received(socket):
                    yield message
            finally:
                await stop(sending)
    except (OSError, ConnectionClosed, InvalidHandshake) as error:
        # The last: who dies may still have accepted the connection.
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


class Callback:
    """Sees each chunk that the model sends, and hands it on: what LiteLLM calls a custom logger."""

    async def async_post_call_streaming_iterator_hook(
        self, user_api_key_dict: Any, response: Any, request_data: dict[str, Any]
    ) -> AsyncIterator[Any]:
        """Hand on every chunk of `response`."""
        async for chunk in otel_sse.observe(response, stage=CALLBACK):
            yield chunk


def _make_callback() -> Any:
    # A hook in LiteLLM's form; where LiteLLM is installed, its own.
    if find_spec("litellm") is None:
        return Callback()
    # Else LiteLLM asks the network for a list of prices as it is imported.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    return import_module("otel_sse.integrations.litellm").CallbackStage()
