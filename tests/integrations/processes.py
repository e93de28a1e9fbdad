"""Applications in processes of their own, and the spans that they wrote."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.integrations.seen import until

ROOT = Path(__file__).resolve().parents[2]

TO_FILE = """
import json
import os

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

import otel_sse
from otel_sse.telemetry import internal
from tests.integrations.driver import call

internal.reraise = True


class ToFile(SpanExporter):
    def export(self, spans):
        with open(os.environ["SPANS"], "a") as file:
            for span in spans:
                file.write(json.dumps({"pid": os.getpid(), **json.loads(span.to_json())}) + "\\n")
        return SpanExportResult.SUCCESS


provider = TracerProvider(shutdown_on_exit=False)
provider.add_span_processor(SimpleSpanProcessor(ToFile()))
"""
"""The beginning of a script whose spans go to the file that the variable SPANS names, with the process's id."""


class Served:
    """A server in a process of its own.

    Args:
        command: Arguments of Python.
        folder: Where it runs; modules there can be imported.
        announced: What it prints to stderr once it listens, the port in a group.
        environment: Further variables.
    """

    def __init__(self, command: list[str], folder: Path, announced: str, **environment: str) -> None:
        path = os.pathsep.join([str(folder), str(ROOT)])
        self._process = subprocess.Popen(
            [sys.executable, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path, **environment},
        )
        self._announced = re.compile(announced)
        self._out: list[str] = []
        self._err: list[str] = []
        self._readers = [
            threading.Thread(target=_collect, args=(self._process.stdout, self._out)),
            threading.Thread(target=_collect, args=(self._process.stderr, self._err)),
        ]
        for reader in self._readers:
            reader.start()

    @property
    def address(self) -> str:
        """The server's address, once it listens."""
        return "http://127.0.0.1:" + until(self._port, "the server's start")

    def stop(self, by: signal.Signals = signal.SIGINT) -> str:
        """Stop the server by a signal, and wait; return what it printed to stdout.

        After SIGTERM uvicorn ends itself by the same signal, so that no exit handler runs; after SIGINT they do.
        """
        self._process.send_signal(by)
        self._process.wait(60)
        self._close()
        assert "Traceback" not in self.errors, self.errors
        return "".join(self._out)

    def kill(self) -> None:
        """End the server at once, if it is still there."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._close()

    def _close(self) -> None:
        for reader in self._readers:
            reader.join()
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()

    @property
    def errors(self) -> str:
        """What the server printed to stderr so far."""
        return "".join(self._err)

    def _port(self) -> str:
        assert self._process.poll() is None, self.errors
        found = self._announced.search(self.errors)
        return found[1] if found else ""


def _collect(pipe: Any, lines: list[str]) -> None:
    for line in pipe:
        lines.append(line)


def read_spans(path: Path) -> list[dict[str, Any]]:
    """Return the spans in a file, in the order they were written."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def printed_spans(output: str) -> Iterator[dict[str, Any]]:
    """Yield the spans that OpenTelemetry's console exporter printed."""
    decoder, at = json.JSONDecoder(), 0
    while (at := output.find("{", at)) >= 0:
        span, at = decoder.raw_decode(output, at)
        yield span


def stages(spans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return those that are the last segment of a stage `socket_write`."""
    written = [span for span in spans if span["name"] == "stream socket_write"]
    return [span for span in written if "sse.stream.outcome" in span["attributes"]]


def chunks(span: dict[str, Any], key: str = "sse.chunk.digest") -> list[Any]:
    """Return one attribute of a segment's chunk events."""
    return [event["attributes"][key] for event in span["events"] if event["name"] == "sse.chunk"]
