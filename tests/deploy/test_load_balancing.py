"""deploy/collector/balance.yaml: two gateways, and every trace whole at one of them."""

from __future__ import annotations

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

from tests.deploy.backend import Backend
from tests.deploy.collectors import Collector
from tests.deploy.streams import demo
from tests.deploy.waiting import until

pytestmark = [
    pytest.mark.backend,
    pytest.mark.server,
    pytest.mark.retried("a port that was free may be taken when a program asks for it"),
]

QUESTIONS = 12
"""That all their traces go to the same one of two gateways has a chance of 1 in 2,048."""


def test_two_gateways_never_share_a_trace() -> None:
    """Each trace arrives whole behind one gateway and leaves the other alone, and both have their part."""
    with (
        Backend() as one,
        Backend() as two,
        Collector("gateway", tempo=one.url, backends="[otlp_http/tempo]", share_percent=100) as first,
        Collector("gateway", tempo=two.url, backends="[otlp_http/tempo]", share_percent=100) as second,
        Collector("balance", "resolver-static", gateways=[first.grpc, second.grpc]) as balance,
        demo(balance.url) as app,
    ):
        sent = {trace_id: app.span_ids(trace_id) for trace_id in (app.ask(question="joke") for _ in range(QUESTIONS))}
        until(lambda: arrived(one, two) >= sum(map(len, sent.values())), "all spans arriving")
        assert one.traces() | two.traces() == sent.keys()
        assert not one.traces() & two.traces()
        assert one.traces()
        assert two.traces()
        assert {t: one.span_ids(t) or two.span_ids(t) for t in sent} == sent


def test_the_balancing_tier_decides_the_same_in_every_process() -> None:
    """Two processes of the tier send the two halves of a trace to the same gateway, so any number of them may run."""
    with (
        Backend() as one,
        Backend() as two,
        Collector("gateway", tempo=one.url, backends="[otlp_http/tempo]", share_percent=100) as first,
        Collector("gateway", tempo=two.url, backends="[otlp_http/tempo]", share_percent=100) as second,
        Collector("balance", "resolver-static", gateways=[first.grpc, second.grpc]) as left,
        Collector("balance", "resolver-static", gateways=[second.grpc, first.grpc]) as right,
        demo(left.url) as app,
    ):
        sent = {trace_id: app.span_ids(trace_id) for trace_id in (app.ask(question="joke") for _ in range(QUESTIONS))}
        exporter = OTLPSpanExporter(f"{right.url}/v1/traces")
        exporter.export([span for trace_id in sent for span in app.spans(trace_id)])
        exporter.shutdown()
        twice = {trace_id: sorted(2 * ids) for trace_id, ids in sent.items()}
        until(lambda: arrived(one, two) >= sum(map(len, twice.values())), "all spans arriving from both")
        assert {t: one.span_ids(t) or two.span_ids(t) for t in sent} == twice
        assert not one.traces() & two.traces()


def arrived(*backends: Backend) -> int:
    """How many spans arrived at these backends."""
    return sum(len(backend.spans(trace_id)) for backend in backends for trace_id in backend.traces())
