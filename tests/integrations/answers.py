"""Made-up answers, and applications that stream them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

WORDS = ("Streams ", "flöw ", "词 ", "by.")
"""An answer of four chunks; two of them have characters of several bytes."""

DONE = b"data: [DONE]\n\n"
EVENT_STREAM = (b"content-type", b"text/event-stream")


def payload(text: str) -> str:
    """Return the data of one chunk as OpenAI's chat completions write it."""
    delta = {"choices": [{"index": 0, "delta": {"content": text}}], "object": "chat.completion.chunk"}
    return json.dumps(delta, ensure_ascii=False)


def frame(text: str) -> bytes:
    """Return one chunk as an event."""
    return b"data: " + payload(text).encode() + b"\n\n"


PAYLOADS = (*(payload(word) for word in WORDS), "[DONE]")
FRAMES = (*(frame(word) for word in WORDS), DONE)
ANSWER = b"".join(FRAMES)


def digest(text: str) -> str:
    """Return the digest that a chunk with this content has."""
    return hashlib.sha1(text.encode()).hexdigest()[:12]


DIGESTS = [*(digest(word) for word in WORDS), digest("[DONE]")]


async def frames(parts: Iterable[bytes] = FRAMES) -> AsyncIterator[bytes]:
    """Yield the answer, part by part."""
    for part in parts:
        yield part


def start(*headers: tuple[bytes, bytes], status: int = 200, **more: Any) -> Message:
    """Return the message that begins a response; of an event stream where no headers are given."""
    return {"type": "http.response.start", "status": status, "headers": list(headers or (EVENT_STREAM,)), **more}


def body(part: bytes, *, more: bool = True) -> Message:
    """Return the message that carries a part of a body."""
    return {"type": "http.response.body", "body": part, "more_body": more}


def plain(parts: Iterable[bytes] = FRAMES, *headers: tuple[bytes, bytes], status: int = 200) -> App:
    """Return a bare ASGI application: each part a body of its own, then an empty last one."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(*headers, status=status))
        for part in parts:
            await send(body(part))
        await send(body(b"", more=False))

    return app
