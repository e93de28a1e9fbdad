"""A backend on loopback: takes OTLP over HTTP, and keeps the spans of each trace and the names of metrics."""

from __future__ import annotations

import gzip
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_sse.semconv import CHUNK_EVENT, CHUNK_SEQ, CHUNKS_EVENT, PACK_COUNT, PACK_FIRST_SEQ, STAGE


class Backend:
    """The backend. A context manager; `url` is what an exporter is to be given, `services` who sent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._traces: defaultdict[str, list[Span]] = defaultdict(list)
        self.services: set[str] = set()
        self.metrics: set[tuple[str, str]] = set()
        """Who sent a metric, and its name."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Backend:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def traces(self) -> set[str]:
        """Return the ids of all traces of which a span came."""
        with self._lock:
            return set(self._traces)

    def spans(self, trace_id: str) -> list[Span]:
        """Return the spans of one trace, as they came."""
        with self._lock:
            return list(self._traces.get(trace_id, ()))

    def span_ids(self, trace_id: str) -> list[str]:
        """Return the ids of the spans of one trace, sorted; one that came twice stands there twice."""
        return sorted(span.span_id.hex() for span in self.spans(trace_id))

    def chunk_numbers(self, trace_id: str, stage: str) -> list[int]:
        """Return the number of every chunk of a stage, by time of its span; those of packs too."""
        segments = [span for span in self.spans(trace_id) if _text(span.attributes, STAGE) == stage]
        segments.sort(key=lambda span: span.start_time_unix_nano)
        return [number for span in segments for number in _numbers(span)]

    def take(self, body: bytes) -> None:
        """Keep the spans of one request."""
        request = ExportTraceServiceRequest.FromString(body)
        with self._lock:
            for resource in request.resource_spans:
                self.services.add(_text(resource.resource.attributes, "service.name"))
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        self._traces[span.trace_id.hex()].append(span)

    def take_metrics(self, body: bytes) -> None:
        """Keep the names of the metrics of one request."""
        with self._lock:
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                service = _text(resource.resource.attributes, "service.name")
                self.metrics.update((service, each.name) for scope in resource.scope_metrics for each in scope.metrics)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        backend = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                body = gzip.decompress(body) if self.headers["content-encoding"] == "gzip" else body
                if self.path == "/v1/traces":
                    backend.take(body)
                elif self.path == "/v1/metrics":
                    backend.take_metrics(body)
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        return Handler


def _text(attributes: Iterable[KeyValue], name: str) -> str:
    return next((each.value.string_value for each in attributes if each.key == name), "")


def _numbers(span: Span) -> Iterator[int]:
    for event in span.events:
        values = {each.key: each.value.int_value for each in event.attributes}
        if event.name == CHUNK_EVENT:
            yield values[CHUNK_SEQ]
        elif event.name == CHUNKS_EVENT:
            yield from range(values[PACK_FIRST_SEQ], values[PACK_FIRST_SEQ] + values[PACK_COUNT])
