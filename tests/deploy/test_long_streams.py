"""A stream of 30,000 chunks through every tier: agent, balancing, gateway, backend."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from opentelemetry.sdk.trace import SpanLimits

from tests.deploy.backend import Backend
from tests.deploy.collectors import Collector
from tests.deploy.streams import counting
from tests.deploy.waiting import until

pytestmark = [
    pytest.mark.backend,
    pytest.mark.server,
    pytest.mark.retried("a port that was free may be taken when a program asks for it"),
]

CHUNKS = 30_000
EVERY_CHUNK_ONCE = list(range(1, CHUNKS + 1))
GRPC_LIMIT_BYTES = 4 * 1024 * 1024
"""What a gRPC server takes by default."""


class Tiers(NamedTuple):
    """Where applications send to, and where it arrives."""

    url: str
    backend: Backend


@pytest.fixture(scope="module")
def tiers() -> Iterator[Tiers]:
    with (
        Backend() as backend,
        Collector("gateway", tempo=backend.url, backends="[otlp_http/tempo]", share_percent=100) as gateway,
        Collector("balance", "resolver-static", gateways=[gateway.grpc]) as balance,
        Collector("agent", next=balance.url) as agent,
    ):
        yield Tiers(agent.url, backend)


def arrives(tiers: Tiers, trace_id: str, spans: int) -> None:
    until(lambda: len(tiers.backend.spans(trace_id)) >= spans, "all spans arriving")
    for stage in ("emit", "socket_write"):
        assert tiers.backend.chunk_numbers(trace_id, stage) == EVERY_CHUNK_ONCE


def test_every_chunk_arrives_once_as_an_event(tiers: Tiers) -> None:
    """With the trace's budget raised, each of 30,000 chunks is one event at each stage, and none is lost."""
    with counting(tiers.url, max_chunk_events_per_trace=10 * CHUNKS) as app:
        trace_id = app.ask(chunks=CHUNKS)
        arrives(tiers, trace_id, len(app.spans(trace_id)))


def test_every_chunk_arrives_once_with_the_default_budget(tiers: Tiers) -> None:
    """By default the stream goes on in packs after 10,000 events, and still every chunk arrives once."""
    with counting(tiers.url) as app:
        trace_id = app.ask(chunks=CHUNKS)
        arrives(tiers, trace_id, len(app.spans(trace_id)))


def test_a_span_above_the_limit_of_grpc_arrives(tiers: Tiers) -> None:
    """Where content is recorded, one span may have more than 4 MiB, which no batching can cut: it arrives."""
    limits = SpanLimits(max_events=1024)
    with counting(tiers.url, limits, capture_content=True, emit=False, segment_seconds=600.0) as app:
        trace_id = app.ask(chunks=1_000, size=8_000)
        until(lambda: len(tiers.backend.spans(trace_id)) >= len(app.spans(trace_id)), "all spans arriving")
    assert tiers.backend.chunk_numbers(trace_id, "socket_write") == list(range(1, 1_001))
    assert max(span.ByteSize() for span in tiers.backend.spans(trace_id)) > GRPC_LIMIT_BYTES
