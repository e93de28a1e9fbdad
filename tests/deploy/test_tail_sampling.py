"""deploy/collector/gateway.yaml: what is wrong is always kept, and whole; of the rest its share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deploy.backend import Backend
from tests.deploy.collectors import Collector
from tests.deploy.streams import Application, demo
from tests.deploy.waiting import until

pytestmark = [
    pytest.mark.backend,
    pytest.mark.server,
    pytest.mark.retried("a port that was free may be taken when a program asks for it"),
]

DECISIONS = "otelcol_processor_tail_sampling_global_count_traces_sampled_total"


class Sampled:
    """An application, the gateway that its spans go to, and the backend behind it."""

    def __init__(self, app: Application, gateway: Collector, backend: Backend) -> None:
        self.app, self.gateway, self.backend = app, gateway, backend

    def rejected(self) -> float:
        """How many traces the gateway has decided to drop so far."""
        return self.gateway.telemetry(DECISIONS, sampled="false")


def run(**settings: object) -> Iterator[Sampled]:
    with Backend() as backend:
        own = {"tempo": backend.url, "backends": "[otlp_http/tempo]", "wait_after_root": "1s", **settings}
        with Collector("gateway", **own) as gateway, demo(gateway.url) as app:
            yield Sampled(app, gateway, backend)


@pytest.fixture(scope="module")
def none_of_the_rest() -> Iterator[Sampled]:
    yield from run(share_percent=0)


@pytest.fixture
def all_of_the_rest() -> Iterator[Sampled]:
    yield from run(share_percent=100)


@pytest.fixture
def slow_is_a_tenth_of_a_millisecond() -> Iterator[Sampled]:
    yield from run(share_percent=0, slow_first_content_s=0.0001)


def arrives_whole(sampled: Sampled, trace_id: str) -> None:
    """Wait until the backend has every span of the trace that the application sent, each once."""
    sent = sampled.app.span_ids(trace_id)
    assert sent
    until(lambda: len(sampled.backend.spans(trace_id)) >= len(sent), f"trace {trace_id} arriving whole")
    assert sampled.backend.span_ids(trace_id) == sent


@pytest.mark.parametrize("fault", ["doubled", "after_done", "nested_json", "stall", "missing_terminal"])
def test_a_faulty_stream_is_kept_whole(none_of_the_rest: Sampled, fault: str) -> None:
    """Every span of it arrives once: of all stages, segments from before the finding, and the request's."""
    trace_id = none_of_the_rest.app.ask(question="Tell me a joke.", fault=fault)
    arrives_whole(none_of_the_rest, trace_id)


def test_a_clean_stream_is_dropped_where_its_share_is_nothing(none_of_the_rest: Sampled) -> None:
    """It is decided on after its root came, counted as not sampled, and none of its spans arrives."""
    before = none_of_the_rest.rejected()
    trace_id = none_of_the_rest.app.ask(question="Tell me a joke.")
    until(lambda: none_of_the_rest.rejected() == before + 1, "the decision to drop the clean stream")
    faulty = none_of_the_rest.app.ask(question="Tell me a joke.", fault="doubled")
    arrives_whole(none_of_the_rest, faulty)
    assert trace_id not in none_of_the_rest.backend.traces()


def test_a_clean_stream_is_kept_where_its_share_is_all(all_of_the_rest: Sampled) -> None:
    """With a share of 100 % it arrives whole."""
    arrives_whole(all_of_the_rest, all_of_the_rest.app.ask(question="Tell me a joke."))


def test_a_stream_with_slow_first_content_is_kept(slow_is_a_tenth_of_a_millisecond: Sampled) -> None:
    """A clean stream is kept where its first content took longer than the threshold."""
    sampled = slow_is_a_tenth_of_a_millisecond
    arrives_whole(sampled, sampled.app.ask(question="Tell me a joke."))
