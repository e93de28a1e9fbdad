"""The same application with all of it in code: where spans go, and that streams are instrumented."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import otel_sse

resource = Resource.create({"service.name": "chat"})
provider = TracerProvider(resource=resource)
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
reader = PeriodicExportingMetricReader(OTLPMetricExporter())
metrics.set_meter_provider(MeterProvider([reader], resource=resource))

app = otel_sse.instrument(FastAPI())


async def answer() -> AsyncIterator[str]:
    for word in ("One", " chunk", " at", " a", " time."):
        yield f'data: {{"content": "{word}", "done": false}}\n\n'
        await asyncio.sleep(0.05)
    yield 'data: {"content": "", "done": true}\n\n'


@app.get("/chat")
async def chat() -> StreamingResponse:
    return StreamingResponse(answer(), media_type="text/event-stream")
