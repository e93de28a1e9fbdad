"""Real servers and frameworks whose streams are diagnosed: clean ones are in order, and who damages one is named."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

import otel_sse
from otel_sse.diagnosis.diagnose import Diagnosis, diagnose
from otel_sse.diagnosis.trace.streams import trace_of
from otel_sse.exporters.otlp_lines import to_line
from otel_sse.sources.otlp_json import spans_of
from tests.integrations.frameworks_made import ANSWERING
from tests.integrations.seen import Telemetry
from tests.integrations.servers import Uvicorn

TOKENS = ["The", " cat", " sat", " ha", " ha", " ha", " on", " the", " mat", ".", "\n", "\n", "The", " end"] * 3
"""An answer that repeats itself as models do."""


def diagnoses(telemetry: Telemetry) -> list[Diagnosis]:
    """What is said of the streams that have ended."""
    telemetry.requests()
    otel_sse.flush()
    trace = trace_of(spans_of(to_line(telemetry.spans()).encode()))
    assert trace is not None
    return [diagnose(stream) for stream in trace.streams]


@pytest.mark.parametrize("name", ANSWERING)
def test_every_frameworks_clean_stream_is_in_order(name: str, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """Framing, keep-alives and ends of a framework's own are no faults."""
    app = telemetry.instrument(ANSWERING[name]())
    httpx.get(uvicorn_server.serve(app) + "/chat")
    (found,) = diagnoses(telemetry)
    assert (found.faults, found.notes) == ((), ())
    assert found.verdict.startswith("In order")


Pieces = AsyncIterator[str]


async def as_they_are(pieces: Pieces) -> Pieces:
    async for piece in pieces:
        yield piece


async def doubled(pieces: Pieces) -> Pieces:
    async for piece in pieces:
        yield piece
        yield piece


async def lagging(pieces: Pieces) -> Pieces:
    before = None
    async for piece in pieces:
        yield piece
        if before is not None:
            yield before
        before = piece
    yield str(before)


async def read_twice(pieces: Pieces) -> Pieces:
    every = [piece async for piece in pieces]
    for piece in (*every, *every):
        yield piece


async def begun_again(pieces: Pieces) -> Pieces:
    every = [piece async for piece in pieces]
    for piece in (*every[:30], *every):
        yield piece


async def deduplicated(pieces: Pieces) -> Pieces:
    last = None
    async for piece in pieces:
        if piece != last:
            yield piece
        last = piece


async def swapped(pieces: Pieces) -> Pieces:
    every = [piece async for piece in pieces]
    every[7], every[8] = every[8], every[7]
    for piece in every:
        yield piece


async def trimmed(pieces: Pieces) -> Pieces:
    async for piece in pieces:
        yield piece.strip(" ")


async def with_the_whole_text(pieces: Pieces) -> Pieces:
    text = ""
    async for piece in pieces:
        text += piece
        yield piece
    yield text


async def by_words(pieces: Pieces) -> Pieces:
    """Puts pieces together until there is a word's end: other cuts, the same text."""
    gathered = ""
    async for piece in pieces:
        if gathered and piece.startswith((" ", "\n")):
            yield gathered
            gathered = ""
        gathered += piece
    yield gathered


async def greeted(pieces: Pieces) -> Pieces:
    yield "Hello! "
    async for piece in pieces:
        yield piece
    yield " Bye."


def gateway(change: Callable[[Pieces], Pieces]) -> Starlette:
    """An application that changes its model's answer and streams it, framed in its own way."""

    async def model() -> Pieces:
        for token in TOKENS:
            await asyncio.sleep(0)
            yield token

    async def frames() -> AsyncIterator[str]:
        async for piece in change(otel_sse.observe(model(), stage="provider")):
            yield f"data: {json.dumps({'content': piece})}\n\n"
        yield "data: [DONE]\n\n"

    async def chat(request: Request) -> StreamingResponse:
        return StreamingResponse(frames(), media_type="text/event-stream")

    return Starlette(routes=[Route("/chat", chat)])


def asked(change: Callable[[Pieces], Pieces], telemetry: Telemetry, server: Uvicorn, **options: Any) -> Diagnosis:
    app = telemetry.instrument(gateway(change), **options)
    httpx.get(server.serve(app) + "/chat")
    (found,) = diagnoses(telemetry)
    return found


@pytest.mark.parametrize("events", ["all", "packed"])
@pytest.mark.parametrize("harmless", [as_they_are, by_words, greeted])
def test_an_applications_own_frames_cuts_and_additions_are_no_faults(
    harmless: Callable[[Pieces], Pieces], events: str, telemetry: Telemetry, uvicorn_server: Uvicorn
) -> None:
    """The same text in other frames, cut elsewhere, with a greeting before it."""
    found = asked(harmless, telemetry, uvicorn_server, chunk_events=events)
    assert found.faults == ()


@pytest.mark.parametrize("events", ["all", "packed"])
@pytest.mark.parametrize(
    ("damage", "kind", "count"),
    [
        (doubled, "duplicate/doubled", 42),
        (lagging, "duplicate/doubled", 42),
        (read_twice, "duplicate/replayed", 42),
        (begun_again, "duplicate/restarted", 30),
        (deduplicated, "gap/lost", 9),
        (swapped, "reorder/moved", 1),
        (trimmed, "corruption/changed", 27),
        (with_the_whole_text, "duplicate/accumulated", 1),
    ],
)
def test_what_an_application_does_to_an_answer_is_found(
    damage: Callable[[Pieces], Pieces],
    kind: str,
    count: int,
    events: str,
    telemetry: Telemetry,
    uvicorn_server: Uvicorn,
) -> None:
    """One fault, certain, between the model's stream and what the application yielded."""
    found = asked(damage, telemetry, uvicorn_server, chunk_events=events)
    edges = [fault for fault in found.faults if fault.upstream is not None]
    assert [(fault.kind, fault.stage, fault.count) for fault in edges] == [(kind, "emit", count)]
    assert edges[0].certain
