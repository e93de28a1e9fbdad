"""One random request: what the server says, what the application does, and where either fails. Made from a seed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import Any

from otel_sse.hops.envelope import HEADER, agree
from otel_sse.integrations.protocol import pairs
from tests.fuzz import pieces

Message = Any


class Kind(str, Enum):  # noqa: UP042 - as servers have it, whose `str()` is another
    """A message's type as a member of an enumeration, which compares equal to its text."""

    BODY = "http.response.body"


class Own(Exception):
    """An application's own exception, with a module and a message that nobody expects."""

    __module__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        raise RuntimeError("no message")


EXCEPTIONS: tuple[Callable[[], BaseException], ...] = (
    lambda: ValueError("the prompt"),
    lambda: OSError("gone"),
    lambda: ConnectionResetError(),
    lambda: RuntimeError("no"),
    lambda: StopAsyncIteration(),
    lambda: AssertionError(),
    Own,
    asyncio.CancelledError,
    KeyboardInterrupt,
    lambda: SystemExit(3),
    GeneratorExit,
    lambda: type("Bare", (BaseException,), {})(),
)


@dataclass
class Case:
    """One request.

    Args:
        scope: As the server makes it.
        steps: What the application does: `("send", message, keeps on)`, `("receive", keeps on)`, `("pause",)`,
            `("raise", error)`, `("return", value)`.
        received: What the server's `receive` gives or raises, in order; the last again and again.
        refused: What the server's `send` raises, by the number of the call.
        thrown: What is thrown into the request at which of its pauses; 0 for never.
        agrees: Whether the client offers the envelope, so that messages of a WebSocket may have one.
    """

    scope: dict[str, Any]
    steps: list[tuple[Any, ...]] = field(default_factory=list)
    received: list[Any] = field(default_factory=list)
    refused: dict[int, BaseException] = field(default_factory=dict)
    thrown: tuple[int, BaseException | None] = (0, None)

    agrees: bool = False


def make(seed: object, number: int) -> Case:
    """Return the case of this number: the same each time, of objects of its own each time."""
    rng = Random(f"{seed}/{number}")
    case = Case(_scope(rng))
    if case.scope["type"] == "http":
        messages, received = (
            _http(rng),
            [{"type": "http.request", "body": b"hi", "more_body": False}, {"type": "http.disconnect"}],
        )
    else:
        case.agrees = _agrees(case.scope)
        messages, received = _websocket(rng, case.agrees), _from_client(rng, case.agrees)
    if rng.random() < 0.2:
        received.insert(rng.randrange(len(received) + 1), pieces.odd(rng))
    if rng.random() < 0.15:
        received.insert(rng.randrange(len(received) + 1), _error(rng))
    case.received = received
    if rng.random() < 0.2:
        messages = _spoilt(rng, messages)
    case.steps = _steps(rng, messages)
    if rng.random() < 0.2:
        case.refused = {rng.randrange(1, len(messages) + 2): _error(rng)}
    if rng.random() < 0.15:
        case.thrown = (rng.randrange(1, 8), _error(rng))
    return case


def _scope(rng: Random) -> dict[str, Any]:
    kind = "websocket" if rng.random() < 0.3 else "http"
    scope: dict[str, Any] = {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": rng.choice(["2.0", "2.1", "2.3", "2.4"])},
        "http_version": rng.choice(["1.0", "1.1", "2", "9.9"]),
        "method": rng.choice(pieces.METHODS) if rng.random() < 0.5 else "GET",
        "scheme": rng.choice(["http", "https", "ws", "javascript"]),
        "path": rng.choice(pieces.PATHS),
        "raw_path": b"/",
        "query_string": rng.choice(pieces.QUERIES) if rng.random() < 0.8 else rng.randbytes(20),
        "root_path": rng.choice(["", "/v1"]),
        "headers": [pieces.header(rng) for _ in range(rng.randrange(8))],
        "client": rng.choice([("127.0.0.1", 5), None, ("", 0)]),
        "server": rng.choice([("127.0.0.1", 80), ("/run/app.sock", None), None]),
        "state": {},
    }
    if rng.random() < 0.25:
        scope["headers"] = _shaped(rng, scope["headers"])
    for key in list(scope):
        if key != "type" and rng.random() < 0.04:
            del scope[key]
        elif key != "type" and rng.random() < 0.03:
            scope[key] = pieces.odd(rng)
    return scope


def _shaped(rng: Random, headers: list[tuple[bytes, bytes]]) -> Any:
    """Headers in some shape that ASGI allows."""
    shape = rng.randrange(8)
    if shape == 0:
        return tuple(headers)
    if shape == 1:
        return iter(headers)
    if shape == 2:
        return (pair for pair in headers)
    return [list(pair) for pair in headers] if shape == 3 else headers


def _http(rng: Random) -> list[Message]:
    kind = rng.choice(pieces.STREAMS if rng.random() < 0.7 else pieces.OTHER_TYPES)
    headers: Any = pieces.response_headers(rng)
    headers.insert(rng.randrange(len(headers) + 1), (b"content-type", kind))
    if rng.random() < 0.3:
        headers.insert(rng.randrange(len(headers) + 1), pieces.header(rng))
    if rng.random() < 0.1:
        headers.append(rng.choice([(b"content-encoding", b"gzip"), (b"traceresponse", b"x"), (b"X-Trace-Id", b"y")]))
    headers = _shaped(rng, headers)
    start = {
        "type": "http.response.start",
        "status": rng.choice([200, 200, 200, 204, 404, 500, 599]),
        "headers": headers,
    }
    if rng.random() < 0.1:
        start["trailers"] = True
    messages: list[Message] = [start]
    for part in pieces.split(rng, pieces.body(rng)):
        messages.append(
            {"type": Kind.BODY if rng.random() < 0.05 else "http.response.body", "body": part, "more_body": True}
        )
    end = rng.randrange(4)
    if end == 0:
        messages.append({"type": "http.response.body", "body": b"", "more_body": False})
    elif end == 1:
        messages.append({"type": "http.response.body"})
    elif end == 2 and len(messages) > 1:
        messages[-1]["more_body"] = False
    for message in messages:
        if rng.random() < 0.1 and "more_body" in message:
            message["more_body"] = pieces.truth(rng, message["more_body"])
        if rng.random() < 0.03 and "body" in message:
            message["body"] = pieces.odd_body(rng)
    if start.get("trailers"):
        messages.append({"type": "http.response.trailers", "headers": [(b"x", b"\xff")], "more_trailers": False})
    if rng.random() < 0.1:
        extra = rng.choice(
            ["http.response.pathsend", "http.response.zerocopysend", "http.response.debug", "http.response.push"]
        )
        messages.insert(rng.randrange(len(messages) + 1), {"type": extra, "path": "/x", "info": {}})
    return messages


def _websocket(rng: Random, agrees: bool) -> list[Message]:
    accept: dict[str, Any] = {"type": "websocket.accept"}
    if rng.random() < 0.5:
        accept["headers"] = _shaped(rng, [pieces.header(rng)])
    if rng.random() < 0.2:
        accept["subprotocol"] = rng.choice(["chat", None])
    messages: list[Message] = [accept, *_payloads(rng, "websocket.send", agrees)]
    if rng.random() < 0.5:
        messages.append({"type": "websocket.close", "code": rng.choice([1000, 1011, 4000])})
    return messages


def _agrees(scope: dict[str, Any]) -> bool:
    offers = [value for name, value in pairs(scope.get("headers")) if name.lower() == HEADER.encode()]
    return bool(offers) and agree(offers[0].decode("latin-1")) is not None


def _from_client(rng: Random, agrees: bool) -> list[Any]:
    messages = _payloads(rng, "websocket.receive", agrees)
    return [
        {"type": "websocket.connect"},
        *messages,
        {"type": "websocket.disconnect", "code": rng.choice([1000, 1006])},
    ]


def _payloads(rng: Random, kind: str, agrees: bool) -> list[dict[str, Any]]:
    messages = [_payload(rng, kind) for _ in range(rng.randrange(6))]
    # Between ends that agree on the envelope it is taken off, which is no difference that is looked for here.
    return [message for message in messages if not (agrees and str(message.get("text")).startswith("otel-sse/"))]


def _payload(rng: Random, kind: str) -> dict[str, Any]:
    whole = pieces.body(rng)
    text = rng.choice(
        [
            '{"type": "CHUNK", "content": "a"}',
            '{"type": "END"}',
            "otel-sse/1 s1 1 1\nx",
            "otel-sse/1 ",
            whole.decode("latin-1"),
        ]
    )
    shape = rng.randrange(4)
    if shape == 0:
        return {"type": kind, "text": text}
    if shape == 1:
        return {"type": kind, "bytes": whole}
    return {"type": kind, "text": text, "bytes": None} if shape == 2 else {"type": kind, "bytes": whole, "text": None}


def _spoilt(rng: Random, messages: list[Message]) -> list[Message]:
    """Some message in a state that is no ASGI."""
    spoilt, at = list(messages), rng.randrange(len(messages))
    if rng.random() < 0.3:
        spoilt[at] = pieces.odd(rng)
    else:
        message = dict(spoilt[at])
        key = rng.choice([*message, "status", "headers", "body", "more_body"])
        if rng.random() < 0.5:
            message[key] = pieces.odd(rng)
        else:
            message.pop(key, None)
        spoilt[at] = message
    if rng.random() < 0.2:
        spoilt.insert(rng.randrange(len(spoilt) + 1), rng.choice(messages))
    return spoilt


def _steps(rng: Random, messages: list[Message]) -> list[tuple[Any, ...]]:
    keeps_on = rng.random() < 0.15
    steps: list[tuple[Any, ...]] = [("send", message, keeps_on) for message in messages]
    for extra in (("receive", keeps_on), ("receive", keeps_on), ("pause",), ("pause",)):
        if rng.random() < 0.5:
            steps.insert(rng.randrange(len(steps) + 1), extra)
    if rng.random() < 0.25:
        steps.insert(rng.randrange(len(steps) + 1), ("raise", _error(rng)))
    elif rng.random() < 0.1:
        steps.insert(rng.randrange(len(steps) + 1), ("return", rng.choice([None, 1, "x"])))
    return steps


def _error(rng: Random) -> BaseException:
    return rng.choice(EXCEPTIONS)()
