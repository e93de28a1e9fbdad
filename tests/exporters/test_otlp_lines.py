from __future__ import annotations

import base64
import io
import json
from typing import Any

from google.protobuf.json_format import ParseDict
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import Link, SpanKind, format_span_id, format_trace_id

from otel_sse.exporters.otlp_lines import LinesExporter, to_line
from tests.demo.sdk_spans import Recording, chunk


def a_trace() -> Recording:
    recording = Recording()
    request = recording.request()
    first = recording.stage(request, 1_000, 2_000, 0, "socket_write", chunk(1, 1_001))
    link = Link(first.get_span_context(), {"sse.link": "segment"})
    recording.tracer.start_span("linked", links=[link], start_time=5).end(6)
    request.end(3_000)
    return recording


def spans_in(line: str) -> dict[str, dict[str, Any]]:
    (resource,) = json.loads(line)["resourceSpans"]
    return {span["name"]: span for scope in resource["scopeSpans"] for span in scope["spans"]}


def test_ids_are_hexadecimal_and_enums_are_numbers() -> None:
    """Trace, span, parent and link ids are hexadecimal and a span's kind is a number, as OTLP's JSON wants."""
    finished = a_trace().finished()
    spans = spans_in(to_line(finished))
    by_name = {span.name: span.context for span in finished}
    request, stage = by_name["POST /chat"], by_name["stream socket_write"]
    assert request is not None
    assert stage is not None
    assert spans["POST /chat"]["kind"] == 1 + SpanKind.SERVER.value
    assert spans["stream socket_write"]["traceId"] == format_trace_id(stage.trace_id)
    assert spans["stream socket_write"]["parentSpanId"] == format_span_id(request.span_id)
    assert spans["linked"]["links"][0]["spanId"] == format_span_id(stage.span_id)
    assert spans["stream socket_write"]["events"][0]["timeUnixNano"] == "1001"


def test_nothing_is_lost() -> None:
    """Put back into protobuf, a line is the request that the OTLP exporter would have sent."""
    finished = a_trace().finished()
    request = json.loads(to_line(finished))
    for scope in request["resourceSpans"][0]["scopeSpans"]:
        for span in scope["spans"]:
            for holder in (span, *span.get("links", ())):
                for name in {"traceId", "spanId", "parentSpanId"} & holder.keys():
                    holder[name] = base64.b64encode(bytes.fromhex(holder[name])).decode()
    assert ParseDict(request, ExportTraceServiceRequest()) == encode_spans(finished)


def test_each_batch_is_one_line() -> None:
    """Two batches are two lines, written at once; after the shutdown a batch is refused."""
    finished = a_trace().finished()
    file = io.StringIO()
    exporter = LinesExporter(file)
    assert [exporter.export(finished[:1]), exporter.export(finished[1:])] == [SpanExportResult.SUCCESS] * 2
    assert [len(spans_in(line)) for line in file.getvalue().splitlines()] == [1, 2]
    exporter.shutdown()
    assert exporter.export(finished) is SpanExportResult.FAILURE
