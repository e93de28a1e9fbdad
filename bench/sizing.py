"""`python -m bench.sizing`: bytes of a chunk in a trace, CPU of the Collector's tiers, and what follows from them.

Streams go through three stages of an application (`provider`, `emit`, `socket_write`), and what would be exported is
encoded as OTLP. Where there is a Collector (`make collector`), the same requests go through the configurations of
deploy/collector.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

import otel_sse
from bench import chunks, page, record
from bench.apps import receive, scope, send
from bench.sizing_plan import Load, Measured, tables
from bench.sizing_tiers import Tier, measure
from otel_sse.options import ChunkEvents
from otel_sse.stream.stages import PROVIDER

MARKS: Final = ("<!-- bench sizing: begins -->", "<!-- bench sizing: ends -->")
DETAILS: Final[tuple[ChunkEvents, ...]] = ("all", "packed", "findings", "off")
STAGES: Final = 3
CHUNKS: Final = 500
"""Chunks of a stream: an answer of about 450 tokens."""

RATES: Final = (1_000, 100_000, 10_000_000)
"""Chunks a second that the page works out."""

STREAMS: Final = {True: 10, False: 100}
"""How many streams, by whether the run is a short one."""

_RESOURCE: Final = Resource.create({"service.name": "chat", "service.instance.id": "chat-7d9f8b6c5-x2x4q"})


class KeptRequests(SpanExporter):
    """Encodes each batch as the OTLP exporter does, and keeps the bytes."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Encode."""
        self.bodies.append(encode_spans(spans).SerializeToString())
        return SpanExportResult.SUCCESS


@dataclass(frozen=True, slots=True)
class Bytes:
    """What one level of detail takes, a chunk and a stage.

    Args:
        detail: The level.
        plain: Bytes of OTLP.
        zipped: The same as gzip makes it, which is about what a columnar store keeps.
        bodies: The requests.
    """

    detail: str
    plain: float
    zipped: float
    bodies: list[bytes]


def sizes(detail: ChunkEvents, streams: int) -> Bytes:
    """Return the bytes of a level of detail.

    Args:
        detail: One of `DETAILS`.
        streams: How many streams to serve.
    """
    exporter = KeptRequests()
    provider = TracerProvider(resource=_RESOURCE, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=100_000))
    app = Starlette(routes=[Route("/", _endpoint)])
    otel_sse.instrument(app, tracer_provider=provider, chunk_events=detail)
    for _ in range(streams):
        asyncio.run(app(scope(), receive, send))
        otel_sse.flush()
    provider.force_flush()
    otel_sse.uninstrument(app)
    provider.shutdown()
    crossings = streams * CHUNKS * STAGES
    plain, zipped = sum(map(len, exporter.bodies)), sum(len(gzip.compress(body)) for body in exporter.bodies)
    return Bytes(detail, plain / crossings, zipped / crossings, exporter.bodies)


async def _endpoint(request: Request) -> StreamingResponse:
    return StreamingResponse(otel_sse.observe(_answer(), stage=PROVIDER), media_type="text/event-stream")


async def _answer() -> AsyncIterator[bytes]:
    for frame in chunks.large(CHUNKS):
        yield frame


def tiers(bodies: list[bytes], events: int) -> Iterator[Tier]:
    """Measure each tier that the Collector can be found for; says so where it can't."""
    try:
        yield from measure(bodies, events)
    except FileNotFoundError as missing:
        print(missing, file=sys.stderr)


def main(arguments: Sequence[str]) -> None:
    """Run with the command line's arguments."""
    parser = argparse.ArgumentParser(prog="python -m bench.sizing", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few streams; the figures are rough")
    parser.add_argument("--page", type=Path, help="page whose tables are replaced, between its marks (docs/sizing.md)")
    given = parser.parse_args(arguments)
    streams = STREAMS[given.quick]
    found = {detail: sizes(detail, streams) for detail in DETAILS}
    # An answer of 500 chunks is no burst of a million, so the recorder's queue has dropped nothing of it.
    events = streams * CHUNKS * STAGES
    measured = Measured(
        {detail: (each.plain, each.zipped) for detail, each in found.items()},
        list(tiers(found["all"].bodies, events)),
        events,
    )
    command = " ".join(["python -m bench.sizing", *arguments])
    circumstances = record.circumstances(arguments)
    where = ", ".join([circumstances["python"], circumstances["system"], f"{circumstances['cpus']} CPUs"])
    head = f"`{command}` on {circumstances['date'][:10]}: {where}."
    text = f"{head}\n\n{tables(measured, [Load(rate) for rate in RATES])}"
    print(text)
    if given.page is not None:
        page.fill(given.page, text, MARKS)


if __name__ == "__main__":
    main(sys.argv[1:])
