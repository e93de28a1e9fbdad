"""deploy/jaeger behind deploy/collector/gateway.yaml: a long stream goes in, and comes out of the query whole."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from otel_sse.semconv import CHUNK_EVENT, CHUNK_SEQ
from tests.deploy.collectors import Collector, free_ports
from tests.deploy.streams import counting
from tests.deploy.tools import DEPLOY, jaeger
from tests.deploy.waiting import until

pytestmark = [
    pytest.mark.backend,
    pytest.mark.server,
    pytest.mark.retried("a port that was free may be taken when a program asks for it"),
]

CHUNKS = 30_000


@contextmanager
def running(log: Path) -> Iterator[tuple[str, str]]:
    """Run Jaeger with the configuration of deploy/; gives where it takes OTLP and where it answers."""
    names = ["METRICS_PORT", "HTTP", "GRPC", "HEALTH", "OTLP_GRPC", "OTLP_HTTP"]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    addresses = {f"JAEGER_{name}": f"127.0.0.1:{port}" for name, port in ports.items()}
    own = {**addresses, "JAEGER_METRICS_PORT": str(ports["METRICS_PORT"]), "JAEGER_LISTEN_HOST": "127.0.0.1"}
    command = [str(jaeger()), f"--config={DEPLOY / 'jaeger/jaeger.yaml'}"]
    with log.open("w") as output:
        process = subprocess.Popen(command, env={"PATH": os.environ["PATH"], **own}, stdout=output, stderr=output)
        try:
            health = f"http://127.0.0.1:{ports['HEALTH']}/status"
            until(lambda: process.poll() is not None or _is_up(health), "Jaeger answering")
            assert process.poll() is None, log.read_text()
            yield f"http://127.0.0.1:{ports['OTLP_HTTP']}", f"http://127.0.0.1:{ports['HTTP']}"
        finally:
            process.terminate()
            process.wait(60)


def _is_up(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False


def numbers(query: str, trace_id: str) -> Counter[int]:
    """Return how often each chunk's number stands in a trace that Jaeger gives back."""
    answer = httpx.get(f"{query}/api/v3/traces/{trace_id}", timeout=60, trust_env=False)
    found: list[dict[str, Any]] = answer.json()["result"]["resourceSpans"]
    events = [
        event
        for resource in found
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
        for event in span.get("events", ())
        if event["name"] == CHUNK_EVENT
    ]
    return Counter(
        int(each["value"]["intValue"]) for event in events for each in event["attributes"] if each["key"] == CHUNK_SEQ
    )


def test_jaeger_gives_a_long_stream_back_whole(tmp_path: Path) -> None:
    """Each of 30,000 chunks comes back once for each of the two stages that it crossed."""
    with (
        running(tmp_path / "jaeger.log") as (otlp, query),
        Collector("gateway", jaeger=otlp, backends="[otlp_http/jaeger]", share_percent=100) as gateway,
        counting(gateway.url, max_chunk_events_per_trace=10 * CHUNKS) as app,
    ):
        trace_id = app.ask(chunks=CHUNKS)
        spans = len(app.spans(trace_id))
        until(lambda: gateway.telemetry("otelcol_exporter_sent_spans_total") >= spans, "Jaeger taking all spans")
        assert numbers(query, trace_id) == Counter(dict.fromkeys(range(1, CHUNKS + 1), 2))
