"""A model server that speaks the wire format of OpenAI's chat completions.

Source: OpenAI API reference, "Create chat completion" and "The chat completion chunk object".
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from otel_sse.demo.answers import answer, tokens
from otel_sse.demo.fault_model import HEADER, with_fault
from otel_sse.demo.pacing import Gaps, Pace

MODEL: Final = "demo-1"
"""The one model that the server has."""

_OBJECT: Final = "chat.completion"


def build(pace: Pace) -> Starlette:
    """Return the model server.

    Args:
        pace: How fast it speaks.
    """
    server = ModelServer(pace)
    return Starlette(
        routes=[
            Route("/v1/chat/completions", server.chat_completions, methods=["POST"]),
            Route("/v1/models", server.models),
        ]
    )


class ModelServer:
    """The endpoints.

    Args:
        pace: How fast the model speaks.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._answers = itertools.count(1)

    async def models(self, request: Request) -> Response:
        """Answer GET /v1/models."""
        model = {"id": MODEL, "object": "model", "created": 1_700_000_000, "owned_by": "otel-sse"}
        return JSONResponse({"object": "list", "data": [model]})

    async def chat_completions(self, request: Request) -> Response:
        """Answer POST /v1/chat/completions, as a stream where `stream` is true."""
        try:
            asked = await request.json()
            question = _question(asked)
        except (ValueError, TypeError, LookupError):
            return _refused("Send a JSON object with `messages`, the last of which has a text as `content`.")
        number = next(self._answers)
        completion = Completion(number, question, self._pace.gaps(number))
        if not asked.get("stream"):
            return JSONResponse(await completion.whole())
        frames = with_fault(request.headers.get(HEADER, ""), completion.frames(usage=_wants_usage(asked)))
        return StreamingResponse(frames, media_type="text/event-stream", headers={"cache-control": "no-cache"})


class Completion:
    """One answer, whole or as the frames of a stream.

    Args:
        number: Number of the answer at this server.
        question: What was asked.
        gaps: The waits between its tokens.
    """

    def __init__(self, number: int, question: str, gaps: Gaps) -> None:
        self._head = {"id": f"chatcmpl-demo-{number:04d}", "created": int(time.time()), "model": MODEL}
        self._gaps = gaps
        self._tokens = tokens(answer(question))
        self._prompt_tokens = len(tokens(question))

    async def whole(self) -> dict[str, Any]:
        """Return the answer as one object."""
        await asyncio.sleep(self._gaps.first_s())
        message = {"role": "assistant", "content": "".join(self._tokens), "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        return {**self._head, "object": _OBJECT, "choices": [choice], "usage": self._usage()}

    async def frames(self, *, usage: bool) -> AsyncIterator[str]:
        """Yield the answer as SSE frames, at a model's pace.

        Args:
            usage: Whether the client asked for a last chunk with the numbers of tokens.
        """
        await asyncio.sleep(self._gaps.first_s())
        for chunk in self._chunks(usage):
            yield f"data: {json.dumps(chunk, ensure_ascii=False, separators=(',', ':'))}\n\n"
            await asyncio.sleep(self._gaps.next_s())
        yield "data: [DONE]\n\n"

    def _chunks(self, usage: bool) -> Iterator[dict[str, Any]]:
        yield self._chunk({"role": "assistant", "content": "", "refusal": None}, usage)
        for token in self._tokens:
            yield self._chunk({"content": token}, usage)
        yield self._chunk({}, usage, "stop")
        if usage:
            yield {**self._head, "object": f"{_OBJECT}.chunk", "choices": [], "usage": self._usage()}

    def _chunk(self, delta: dict[str, Any], usage: bool, finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        chunk = {**self._head, "object": f"{_OBJECT}.chunk", "choices": [choice]}
        return {**chunk, "usage": None} if usage else chunk

    def _usage(self) -> dict[str, int]:
        prompt, completion = self._prompt_tokens, len(self._tokens)
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _question(asked: dict[str, Any]) -> str:
    """The text of the last message. Raises TypeError, LookupError or ValueError where there is none."""
    content = asked["messages"][-1]["content"]
    if isinstance(content, list):
        content = " ".join(part["text"] for part in content if part["type"] == "text")
    if not isinstance(content, str):
        raise ValueError
    return content


def _wants_usage(asked: dict[str, Any]) -> bool:
    options = asked.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


def _refused(message: str) -> Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return JSONResponse({"error": error}, status_code=400)
