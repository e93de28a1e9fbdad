"""Reading an event stream with any client, in any way, makes a stage; the bytes are those that were sent."""

from __future__ import annotations

import asyncio
import gzip
import logging
import time
import zlib
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest
from opentelemetry.sdk.trace import ReadableSpan

import otel_sse
from tests.integrations.answers import ANSWER, DIGESTS, EVENT_STREAM, FRAMES, plain
from tests.integrations.clients.readers import LIBRARIES, READERS, Model, endless, gateway
from tests.integrations.seen import Telemetry
from tests.integrations.servers import RawClient, Uvicorn, read_raw

TRACE, SPAN = 0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7
TRACERESPONSE = (b"traceresponse", f"00-{TRACE:032x}-{SPAN:016x}-01".encode())


def links(span: ReadableSpan) -> list[tuple[int, int, str]]:
    """Trace, span and meaning of a span's links."""
    return [(e.context.trace_id, e.context.span_id, str((e.attributes or {})["sse.link"])) for e in span.links]


@pytest.mark.parametrize("name", READERS)
def test_what_is_read_inside_a_request_is_a_provider(
    name: str, telemetry: Telemetry, uvicorn_server: Uvicorn, model_server: Uvicorn
) -> None:
    """Each chunk is seen once, at the provider, with host, link and outcome, and goes on as it came."""
    address = model_server.serve(Model(plain(FRAMES, EVENT_STREAM, TRACERESPONSE)))
    app = gateway(READERS[name], address)
    plainly = httpx.get(uvicorn_server.serve(app) + "/chat").content
    assert httpx.get(uvicorn_server.serve(telemetry.instrument(app)) + "/chat").content == plainly == ANSWER
    provider, written = telemetry.stage("provider"), telemetry.stage()
    assert provider.digests == DIGESTS
    assert provider.attributes["sse.source"] == "127.0.0.1"
    assert provider.attributes["sse.stream.dialect"] == "openai-chat"
    assert provider.attributes["sse.stream.bytes"] == len(ANSWER)
    assert provider.outcome == "completed"
    assert links(provider.first) == [(TRACE, SPAN, "upstream")]
    assert provider.stream_id == written.stream_id
    assert provider.parent_id == telemetry.request().context.span_id
    telemetry.settled()


@pytest.mark.parametrize("name", LIBRARIES)
async def test_what_is_read_outside_is_a_client(name: str, outside: Telemetry, model_server: Uvicorn) -> None:
    """Outside of any request the stage is `client`, below the span that was current when the request was sent."""
    app = outside.instrument(plain())
    address = model_server.serve(app)
    with outside.tracer_provider.get_tracer("test").start_as_current_span("asking") as span:
        received = [part async for part in READERS[LIBRARIES[name]](address)]
    assert b"".join(received) == ANSWER
    client, written = outside.stage("client"), outside.stage()
    assert client.digests == DIGESTS
    assert client.outcome == "completed"
    assert client.parent_id == span.get_span_context().span_id
    assert links(client.first) == [(written.first.context.trace_id, written.first.context.span_id, "upstream")]
    assert client.first.context.trace_id == written.first.context.trace_id
    assert client.stream_id != written.stream_id


@pytest.mark.parametrize("name", LIBRARIES)
async def test_other_answers_are_left_alone(name: str, outside: Telemetry, model_server: Uvicorn) -> None:
    """A response that is no event stream makes no stage."""
    outside.instrument(plain())
    address = model_server.serve(Model(plain(FRAMES, (b"content-type", b"application/json"))))
    assert b"".join([part async for part in READERS[LIBRARIES[name]](address)]) == ANSWER
    otel_sse.flush()
    assert outside.spans() == []


@pytest.mark.parametrize("name", LIBRARIES)
def test_further_content_types(name: str, telemetry: Telemetry, uvicorn_server: Uvicorn, model_server: Uvicorn) -> None:
    """A type named in `content_types` is a stream; newline-delimited JSON is read by line."""
    lines = [b'{"message":{"content":"a"}}\n', b'{"message":{"content":"b"}}\n']
    address = model_server.serve(Model(plain(lines, (b"content-type", b"application/x-ndjson"))))
    app = gateway(READERS[LIBRARIES[name]], address, "application/x-ndjson")
    telemetry.instrument(app, content_types=("application/x-ndjson",))
    assert httpx.get(uvicorn_server.serve(app) + "/chat").content == b"".join(lines)
    stages = [telemetry.stage(each) for each in ("provider", "emit", "socket_write")]
    assert [len(stage.chunks) for stage in stages] == [2, 2, 2]
    assert len({tuple(stage.digests) for stage in stages}) == 1


def raw_deflate(data: bytes) -> bytes:
    """Deflate without zlib's header, as some servers send it."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


@pytest.mark.parametrize("name", [*LIBRARIES, "httpx aiter_raw"])
@pytest.mark.parametrize(
    ("coding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", raw_deflate)]
)
def test_compressed_streams_are_read(
    name: str, coding: str, compress: Any, telemetry: Telemetry, uvicorn_server: Uvicorn, model_server: Uvicorn
) -> None:
    """gzip and deflate are undone for the stage, whether or not the application has them undone."""
    sent = compress(ANSWER)
    parts = [sent[at : at + 20] for at in range(0, len(sent), 20)]
    address = model_server.serve(Model(plain(parts, EVENT_STREAM, (b"content-encoding", coding.encode()))))
    app = telemetry.instrument(gateway(READERS[LIBRARIES.get(name, name)], address))
    received = httpx.get(uvicorn_server.serve(app) + "/chat").content
    assert received == (sent if name.endswith("raw") else ANSWER)
    provider = telemetry.stage("provider")
    assert provider.digests == DIGESTS
    assert provider.outcome == "completed"


def test_a_coding_that_is_not_known(telemetry: Telemetry, uvicorn_server: Uvicorn, model_server: Uvicorn) -> None:
    """Bytes that can't be read are counted, and the stage says why nothing else is known."""
    address = model_server.serve(Model(plain([b"\x8b\x00", b"\x03"], EVENT_STREAM, (b"content-encoding", b"br"))))
    app = telemetry.instrument(gateway(READERS["httpx aiter_raw"], address))
    assert httpx.get(uvicorn_server.serve(app) + "/chat").content == b"\x8b\x00\x03"
    provider = telemetry.stage("provider")
    assert provider.attributes["sse.stream.encoding"] == "br"
    assert provider.attributes["sse.stream.bytes"] == 3
    assert provider.outcome == "unparsed"


@pytest.mark.parametrize("name", LIBRARIES)
def test_incomplete_answers(name: str, telemetry: Telemetry, uvicorn_server: Uvicorn, model_server: Uvicorn) -> None:
    """An answer whose body ends before the protocol's end is incomplete at every stage."""
    app = gateway(READERS[LIBRARIES[name]], model_server.serve(Model(plain(FRAMES[:2], EVENT_STREAM))))
    httpx.get(uvicorn_server.serve(telemetry.instrument(app)) + "/chat")
    stages = [telemetry.stage(each) for each in ("provider", "emit", "socket_write")]
    assert [stage.outcome for stage in stages] == ["incomplete"] * 3
    assert [stage.digests for stage in stages] == [DIGESTS[:2]] * 3


def broken_off() -> Any:
    """A model that promises more bytes than it sends."""
    return plain(FRAMES[:2], EVENT_STREAM, (b"content-length", b"9999"))


ERRORS = {
    "httpx": httpx.RemoteProtocolError,
    "httpx2": httpx2.RemoteProtocolError,
    "aiohttp": aiohttp.ClientPayloadError,
}


@pytest.mark.parametrize("name", LIBRARIES)
def test_connections_that_break(
    name: str,
    telemetry: Telemetry,
    uvicorn_server: Uvicorn,
    model_server: Uvicorn,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A connection that ends in the middle fails the stage with the client's own exception, which the app gets."""
    raised: list[BaseException] = []

    async def read(url: str) -> Any:
        try:
            async for part in READERS[LIBRARIES[name]](url):
                yield part
        except Exception as error:
            raised.append(error)

    caplog.set_level(logging.CRITICAL, "uvicorn.error")
    app = telemetry.instrument(gateway(read, model_server.serve(Model(broken_off()))))
    httpx.get(uvicorn_server.serve(app) + "/chat")
    provider = telemetry.stage("provider")
    assert provider.outcome == "failed"
    assert provider.digests == DIGESTS[:2]
    assert provider.attributes["error.type"] == f"{ERRORS[name].__module__}.{ERRORS[name].__qualname__}"
    assert type(raised[0]) is ERRORS[name]
    assert telemetry.stage("emit").outcome == "incomplete"


def test_time_of_a_chunk_is_that_of_its_read(outside: Telemetry, model_server: Uvicorn) -> None:
    """A chunk that was read before the application took a break bears a time before the break."""
    outside.instrument(plain())
    address = model_server.serve(Model(plain([ANSWER], EVENT_STREAM)))
    with httpx.Client() as client, client.stream("GET", address) as response:
        lines = response.iter_lines()
        next(lines)
        break_ns = time.time_ns()
        time.sleep(0.002)
        assert [line for line in lines if line]
    times = [event.timestamp for event in outside.stage("client").events]
    assert len(times) == len(DIGESTS)
    assert max(times) < break_ns


def test_the_provider_s_time_begins_with_its_own_request(
    telemetry: Telemetry, uvicorn_server: Uvicorn, model_server: Uvicorn
) -> None:
    """Time to the first event is counted from the request to the model, not from that to the application."""

    async def later(url: str) -> Any:
        await asyncio.sleep(0.1)
        async for part in READERS["httpx aiter_bytes"](url):
            yield part

    app = telemetry.instrument(gateway(later, model_server.serve(Model())))
    httpx.get(uvicorn_server.serve(app) + "/chat")
    provider, written = (telemetry.stage(name).attributes for name in ("provider", "socket_write"))
    assert written["sse.stream.time_to_first_event"] >= 0.1
    assert provider["sse.stream.time_to_first_event"] <= written["sse.stream.time_to_first_event"] - 0.1


def test_nothing_is_read_ahead(telemetry: Telemetry, uvicorn_server: Uvicorn, model_server: Uvicorn) -> None:
    """What an application reads of an endless stream is what crosses, and no more."""

    async def two(url: str) -> Any:
        async with httpx.AsyncClient() as client, client.stream("GET", url) as response:
            lines = response.aiter_lines()
            for _ in range(4):
                yield (await anext(lines)).encode() + b"\n"
            await lines.aclose()  # type: ignore[attr-defined]

    app = telemetry.instrument(gateway(two, model_server.serve(Model(plain(FRAMES, EVENT_STREAM)))))
    assert read_raw(uvicorn_server.serve(app)).count(b"data: ") == 2
    assert telemetry.stage("emit").digests == DIGESTS[:2]
    provider = telemetry.stage("provider")
    assert provider.digests == DIGESTS[: len(provider.digests)]
    assert len(provider.digests) >= 2


def test_the_application_s_client_that_leaves(
    telemetry: Telemetry, uvicorn_server: Uvicorn, model_server: Uvicorn
) -> None:
    """Where the browser leaves in the middle every stage ends once, and the trace says who left."""
    app = telemetry.instrument(gateway(READERS["httpx2 aiter_bytes"], model_server.serve(Model(endless))))
    client = RawClient(uvicorn_server.serve(app))
    client.read_until(FRAMES[0])
    client.leave()
    assert telemetry.stage().outcome == "disconnected"
    assert telemetry.stage("provider").outcome in ("abandoned", "cancelled")
    assert telemetry.stage("emit").outcome in ("abandoned", "cancelled")
    telemetry.settled()
