"""Every byte that a client's socket gets, with and without us."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

import otel_sse
from tests.integrations.answers import ANSWER, FRAMES, plain
from tests.integrations.made import fastapi_app, plain_app, starlette_app
from tests.integrations.seen import Telemetry
from tests.integrations.servers import Uvicorn, read_raw

MAKERS = [plain_app, starlette_app, fastapi_app]
OFF = {"traceresponse_header": False, "trace_id_header": False}


async def odd() -> AsyncIterator[bytes]:
    """Bytes that no parser likes: cut characters, NULs, bare CRs, an endless line, a tail without an end."""
    yield b"\xef\xbb\xbf: hi\r"
    yield b"\ndata: \xe8\xaf"
    yield b"\x8d\n\r\rid: a\x00b\n\n"
    yield b"data" * 5000
    yield b""
    yield b"\xff\xfe\x00"


def without(received: bytes, *names: bytes) -> bytes:
    """What a socket got, without the lines of these headers."""
    head, _, rest = received.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if line.partition(b":")[0].lower() not in names]
    return b"\r\n".join(lines) + b"\r\n\r\n" + rest


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("parts", [None, odd], ids=["answer", "odd"])
def test_only_two_headers_differ(make: Any, parts: Any, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """At the socket an instrumented answer is the bare one, byte for byte, but for our two headers."""
    app = make(parts) if parts else make()
    address = uvicorn_server.serve(app)
    bare = read_raw(address)
    watched = read_raw(uvicorn_server.serve(telemetry.instrument(app)))
    assert without(watched, b"traceresponse", b"x-trace-id") == bare
    assert watched != bare
    telemetry.stage()
    assert read_raw(uvicorn_server.serve(otel_sse.uninstrument(app) if make is not plain_app else app)) == bare


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("parts", [None, odd], ids=["answer", "odd"])
def test_without_the_headers_nothing_differs(
    make: Any, parts: Any, telemetry: Telemetry, uvicorn_server: Uvicorn
) -> None:
    """With both headers switched off every byte is the same."""
    app = make(parts) if parts else make()
    bare = read_raw(uvicorn_server.serve(app))
    assert read_raw(uvicorn_server.serve(telemetry.instrument(app, **OFF))) == bare
    telemetry.stage()


@pytest.mark.parametrize("path", ["/openapi.json", "/nowhere", "/docs"])
def test_other_responses_do_not_differ(path: str, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """Responses that are no streams are the same, headers included."""
    app = fastapi_app()
    bare = read_raw(uvicorn_server.serve(app), path)
    assert read_raw(uvicorn_server.serve(telemetry.instrument(app)), path) == bare
    telemetry.request()
    assert telemetry.segments() == []


def test_a_head_request_does_not_differ(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """HEAD is the same, headers included."""
    app = starlette_app()
    bare = read_raw(uvicorn_server.serve(app), "/chat", "HEAD")
    assert read_raw(uvicorn_server.serve(telemetry.instrument(app)), "/chat", "HEAD") == bare
    assert b"text/event-stream" in bare


def test_http_chunks_do_not_differ(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """Bodies are neither merged nor split: HTTP's own chunks are those of the application."""
    received = read_raw(uvicorn_server.serve(telemetry.instrument(plain(), **OFF)))
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in FRAMES)
    assert received.endswith(chunks + b"0\r\n\r\n")
    assert ANSWER in b"".join(FRAMES)
