"""What random requests and answers are made of: what is usual, what is allowed, and what is neither."""

from __future__ import annotations

import json
from random import Random
from typing import Any

HOSTILE = (
    b"", b"\xff", b"\xff\\", b"Andr\xe9 C:\\", b"\\u12", b"\\x", b"\\N{", b"\xed\xa0\x80", b"\xc3", b"%ff%", b"%",
    b"\x00", b"\t", b"a" * 5_000, "é".encode(), b"\xe9", b"\xb2", b"-1", b"1e9", b"9" * 40,
    b"user:pass@example.org/?token=x#y", b"[::1", b"//@[",
)  # fmt: skip
TRACES = (
    b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-\xff",
    b"00-00000000000000000000000000000000-0000000000000000-00",
    b"ff-\xff\\",
)
OFFERS = (b"1", b"1,2", b"1;p=3f2a9c11", b"1;p=\xff;s=a b", b"1;s=s1;m=4096", b"2", b"1;m=\xb2", b";;;", b"1;p=")
NAMES = (
    b"host", b"user-agent", b"traceparent", b"tracestate", b"baggage", b"cookie", b"x-forwarded-for",
    b"x-forwarded-proto", b"x-forwarded-host", b"forwarded", b"last-event-id", b"x-otel-sse", b"content-length",
    b"content-type", b"accept", b"referer",
)  # fmt: skip
RESPONSE_NAMES = (
    b"x-foo", b"set-cookie", b"cache-control", b"etag", b"x-accel-buffering", b"vary", b"X-Trace", b"traceparent",
    b"link", b"server-timing", b"x-otel-sse", b"traceresponse", b"x-trace-id",
)  # fmt: skip
METHODS = ("GET", "POST", "HEAD", "OPTIONS", "get", "QUERY", "BREW", "M" * 200, "é", "")
PATHS = (
    "/", "/chat", "/a/b", "", "*", "/é", "/\udcff", "/?token=x", "//me:secret@host/x", "http://me:secret@host/x",
    "/" + "a" * 5_000,
)  # fmt: skip
QUERIES = (b"", b"token=secret", b"a=1&b=2", b"a=\xff", b"%ff=%ff", b"=&&=;;", b"a" * 9_000, b"x%3Dy=z", "é=1".encode())
STREAMS = (b"text/event-stream", b"text/event-stream; charset=utf-8", b"TEXT/Event-Stream")
OTHER_TYPES = (
    b"text/plain",
    b"application/json",
    b"application/x-ndjson",
    b"text/",
    b"text/event-streams",
    b"\xff\\",
    b"",
)


class Odd:
    """An object that no protocol knows, and that can't say whether it is true."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __bool__(self) -> bool:
        raise ValueError(self.name)

    def __repr__(self) -> str:
        return f"<odd {self.name}>"


class OddBytes(bytes):
    """Bytes that can't say how many they are."""

    def __len__(self) -> int:
        raise ValueError("no length")

    def __bytes__(self) -> bytes:
        raise ValueError("no bytes")


def released() -> memoryview:
    """Return bytes that can't be read any more."""
    view = memoryview(b"x")
    view.release()
    return view


def odd(rng: Random) -> Any:
    """Return a value where none of its kind is expected."""
    return rng.choice(
        [None, 0, -1, 10**30, 1.5, "", "x", b"", b"\xff", [], {}, (), [None], [()], [(1, 2)], [(b"a",)], ["ab"],
         [("a", "b")], {"a": 1}, True, Odd("1"), float("nan"), {b"a"}, range(3)]
    )  # fmt: skip


def odd_body(rng: Random) -> Any:
    """Return a body that can't be read, or not in the usual way."""
    return rng.choice([OddBytes(b"data: a\n\n"), released(), bytearray(b"data: a\n\n"), memoryview(b"data")[::2]])


def hostile_bytes(rng: Random) -> bytes:
    """Return bytes that a client may send in a header."""
    if rng.random() < 0.6:
        return rng.choice(HOSTILE)
    return rng.randbytes(rng.randrange(40))


def header(rng: Random) -> tuple[bytes, bytes]:
    """Return one header of a request."""
    name = rng.choice(NAMES) if rng.random() < 0.9 else rng.randbytes(rng.randrange(6))
    if name == b"traceparent" and rng.random() < 0.7:
        return name, rng.choice(TRACES)
    if name == b"x-otel-sse" and rng.random() < 0.8:
        return name, rng.choice(OFFERS)
    return name, hostile_bytes(rng)


def response_headers(rng: Random) -> list[tuple[bytes, bytes]]:
    """Return some headers of a response, names more than once among them."""
    names = rng.choices(RESPONSE_NAMES, k=rng.randrange(5))
    return [(name, hostile_bytes(rng) if rng.random() < 0.3 else b"v%d" % rng.randrange(9)) for name in names]


def truth(rng: Random, more: bool) -> Any:
    """Return something that counts as true or as false where a message says whether more follows."""
    return rng.choice([1, "yes", [0], Odd("more")]) if more else rng.choice([None, 0, "", [], 0.0])


def body(rng: Random) -> bytes:
    """Return a whole body: events, lines of JSON, JSON, or any bytes."""
    kind = rng.randrange(5)
    if kind == 0:
        return rng.randbytes(rng.randrange(200))
    if kind == 1:
        return b"".join(json.dumps({"content": _words(rng)}).encode() + b"\n" for _ in range(rng.randrange(8)))
    if kind == 2:
        return json.dumps({"choices": [{"message": {"content": _words(rng)}}]}).encode()
    return b"".join(_event(rng) for _ in range(rng.randrange(12)))


def _event(rng: Random) -> bytes:
    kind = rng.randrange(9)
    if kind == 0:
        return b": ping\n\n"
    if kind == 1:
        return b"data: [DONE]\n\n"
    if kind == 2:
        return b"data: " + rng.randbytes(rng.randrange(30)) + rng.choice([b"\n\n", b"\r\r", b"\r\n\r\n", b"\n"])
    if kind == 3:
        return (
            b"event: content_block_delta\ndata: "
            + json.dumps(
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": _words(rng)}}
            ).encode()
            + b"\n\n"
        )
    if kind == 4:
        return f"id: {rng.randrange(5)}\ndata: {_words(rng)}\n\n".encode()
    delta = {"role": "assistant"} if kind == 5 else {"content": _words(rng)}
    return b"data: " + json.dumps({"id": "c1", "choices": [{"index": 0, "delta": delta}]}).encode() + b"\n\n"


def _words(rng: Random) -> str:
    return " ".join(
        rng.choice(["Hello", "world", "é", "\n", "data:", "", "🐈", "the"]) for _ in range(rng.randrange(4))
    )


def split(rng: Random, whole: bytes) -> list[bytes]:
    """Return a body cut anywhere, with empty parts among the others."""
    cuts = sorted(rng.randrange(len(whole) + 1) for _ in range(rng.randrange(6)))
    return [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
