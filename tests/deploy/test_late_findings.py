"""deploy/collector/gateway.yaml and streams that run long: what deploy/README.md says is kept, seen early, or lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from opentelemetry.sdk.trace import SpanLimits

from tests.deploy.backend import Backend
from tests.deploy.collectors import Collector
from tests.deploy.streams import Application, counting
from tests.deploy.waiting import until

pytestmark = [
    pytest.mark.backend,
    pytest.mark.server,
    pytest.mark.retried("a port that was free may be taken when a program asks for it"),
]

LONG: dict[str, Any] = {"chunks": 40, "pause_ms": 50}
"""About two seconds, in segments of five chunks or a quarter of a second."""

SHORT: dict[str, Any] = {"chunks": 5}
FAULTY: dict[str, Any] = {"ends": 2}


class Sampled(NamedTuple):
    """An application, and the backend behind the gateway that it sends to."""

    app: Application
    backend: Backend

    def arrives_whole(self, trace_id: str) -> None:
        """Wait until every span that was sent has arrived, each once."""
        sent = self.app.span_ids(trace_id)
        until(lambda: len(self.backend.spans(trace_id)) >= len(sent), f"trace {trace_id} arriving whole")
        assert self.backend.span_ids(trace_id) == sent


@contextmanager
def sampling(**settings: object) -> Iterator[Sampled]:
    with Backend() as backend:
        own = {"tempo": backend.url, "backends": "[otlp_http/tempo]", "wait_after_root": "1s", **settings}
        few = SpanLimits(max_events=5)
        with Collector("gateway", **own) as gateway, counting(gateway.url, few, segment_seconds=0.25) as app:
            yield Sampled(app, backend)


@contextmanager
def asking(app: Application, **how: int) -> Iterator[None]:
    """A stream that runs for as long as the block lasts."""
    asked = threading.Thread(target=app.ask, kwargs={**LONG, "until_released": 1, **how})
    asked.start()
    try:
        yield
        assert asked.is_alive()
    finally:
        app.released.set()
        asked.join()


def test_a_finding_at_the_end_keeps_the_stream_from_its_beginning() -> None:
    """A stream of many segments whose last chunk is faulty arrives with all the segments before it."""
    with sampling(share_percent=0, longest_stream="60s") as sampled:
        trace_id = sampled.app.ask(**LONG, **FAULTY)
        sampled.arrives_whole(trace_id)
        assert sampled.backend.chunk_numbers(trace_id, "socket_write") == list(range(1, 42))
        assert len(sampled.app.span_ids(trace_id)) > 10


def test_a_finding_later_than_the_longest_stream_is_lost() -> None:
    """Where a stream outlives `SSE_LONGEST_STREAM` before its first finding, its trace is gone; the next one is not."""
    with sampling(share_percent=0, longest_stream="1s") as sampled:
        late = sampled.app.ask(**LONG, **FAULTY)
        sampled.arrives_whole(sampled.app.ask(**SHORT, **FAULTY))
        assert late not in sampled.backend.traces()


def test_a_stream_of_the_share_arrives_while_it_runs() -> None:
    """What is kept by its share alone is not held back until the stream ends."""
    with sampling(share_percent=100) as sampled, asking(sampled.app):
        until(sampled.backend.traces, "the first segments arriving")


def test_a_faulty_stream_arrives_while_it_runs() -> None:
    """A stream whose finding came early is seen before it ends, though its share is nothing."""
    with sampling(share_percent=0) as sampled, asking(sampled.app, early=1):
        until(sampled.backend.traces, "the first segments arriving")
