"""One process of the pipeline: `python -m otel_sse.demo.pipeline_process ROLE`. Ends when its stdin does."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final

import uvicorn
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import otel_sse
from otel_sse.demo.pacing import Pace
from otel_sse.demo.servers import bind
from otel_sse.exporters.otlp_lines import OTLPLinesExporter

MODEL: Final = "model"
GATEWAY: Final = "gateway"
CONTROL: Final = "control"
ROLES: Final = (MODEL, CONTROL, GATEWAY)
"""In the order in which they are started: the gateway has to know where the others are."""

_EXPORT_MS: Final = 200
_STOP_S: Final = 1


def main(arguments: Sequence[str]) -> None:
    """Serve one role on a free port of loopback; the first line on stdout is its number.

    Args:
        arguments: What stands behind the module's name.
    """
    asked = _asked(arguments)
    if asked.plain:
        os.environ["OTEL_SSE_ENABLED"] = "false"
    provider = None if asked.plain else _provider(asked.role, asked.traces)
    app = _app(asked)
    _complain_briefly(asked.role)
    if provider is not None:
        app = otel_sse.instrument(app)
    # uvicorn raises the signal again once it has stopped; without this, that would be the end of the process.
    signal.signal(signal.SIGTERM, _leave)
    try:
        _serve(app)
    finally:
        if provider is not None:
            otel_sse.shutdown()
            provider.shutdown()


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("--model-url", default="")
    parser.add_argument("--control-url", default="")
    parser.add_argument("--traces", type=Path)
    parser.add_argument("--plain", action="store_true", help="leave the application uninstrumented")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(arguments)


def _provider(role: str, traces: Path | None) -> TracerProvider:
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: role}))
    if traces is not None:
        lines = OTLPLinesExporter(traces)
        provider.add_span_processor(BatchSpanProcessor(lines, schedule_delay_millis=_EXPORT_MS))
    if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider


def _app(asked: argparse.Namespace) -> Any:
    if asked.role == MODEL:
        from otel_sse.demo import model_server

        return model_server.build(Pace.read(os.environ, asked.seed))
    if asked.role == CONTROL:
        from otel_sse.demo import pipeline_control

        return pipeline_control.build()
    from otel_sse.demo import pipeline_gateway

    return pipeline_gateway.build(asked.model_url, asked.control_url)


class _InOneLine(logging.Formatter):
    """What the server says of an application's exception, without the traceback: it may have been ordered.

    Args:
        role: The process.
    """

    def __init__(self, role: str) -> None:
        super().__init__()
        self._role = role

    def format(self, record: logging.LogRecord) -> str:
        """Return the first line of a message, and the exception's class."""
        raised = f": {record.exc_info[0].__name__}" if record.exc_info and record.exc_info[0] else ""
        return f"{self._role}: {record.getMessage().strip()}{raised}"


def _complain_briefly(role: str) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_InOneLine(role))
    logger = logging.getLogger("uvicorn.error")
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.ERROR)


def _serve(app: Any) -> None:
    config = uvicorn.Config(
        app, lifespan="on", log_config=None, access_log=False, timeout_graceful_shutdown=_STOP_S, proxy_headers=False
    )
    server = uvicorn.Server(config)
    with bind(0) as socket:
        threading.Thread(target=_stop_with_stdin, args=(server,), daemon=True).start()
        socket.listen()
        print(socket.getsockname()[1], flush=True)
        server.run(sockets=[socket])


def _stop_with_stdin(server: uvicorn.Server) -> None:
    # Whoever started this process holds the other end, and lets go of it in whatever way it ends.
    sys.stdin.buffer.read()
    server.should_exit = True


if __name__ == "__main__":
    main(sys.argv[1:])
