from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openai import OpenAI

from otel_sse.demo import gateway, model_server
from otel_sse.demo.answers import QUESTIONS, answer
from otel_sse.demo.asking import Reply, ask, connect
from otel_sse.demo.faults import FAULTS
from otel_sse.demo.pacing import Pace
from otel_sse.demo.providers import Providers
from otel_sse.demo.run import _wait_for_traces
from otel_sse.demo.servers import LoopbackServer
from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.diagnosis.trace.streams import TraceStream, trace_of
from otel_sse.exporters.plain_spans import plain_span
from otel_sse.integrations.apps import uninstrument

pytestmark = pytest.mark.server


class Pipeline:
    """The demo's servers with no pauses between tokens, and what is recorded of them."""

    def __init__(self, url: str, model_url: str, providers: Providers) -> None:
        self.url = url
        self.model_url = model_url
        self.providers = providers

    def ask(self, question: str, fault: str | None = None) -> tuple[Reply, TraceStream]:
        """Ask, and return what came back with its stream."""
        with connect(self.url) as client:
            reply = ask(client, question, fault, lambda piece: None)
        assert re.fullmatch("[0-9a-f]{32}", reply.trace_id)
        _wait_for_traces(self.providers, [reply.trace_id])
        trace = trace_of(map(plain_span, self.providers.store.spans(reply.trace_id)))
        assert trace is not None
        (stream,) = trace.streams
        return reply, stream


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    providers = Providers({})
    # So slow that a burst is told from an answer that came piece by piece.
    with LoopbackServer(model_server.build(Pace(1, 0.01))) as model:
        app = gateway.build(model.url, providers.tracers, providers.meters)
        with LoopbackServer(app) as front:
            yield Pipeline(front.url, model.url, providers)
        uninstrument(app)
    providers.close()


def test_an_answer_arrives_whole_and_every_chunk_stands_in_the_trace(pipeline: Pipeline) -> None:
    """What the model said arrives, and the trace has each chunk once, in order, below the request's span."""
    reply, stream = pipeline.ask(QUESTIONS[0])
    assert (reply.text, reply.error) == (answer(QUESTIONS[0]), "")
    spans = pipeline.providers.store.spans(reply.trace_id)
    (root,) = [span for span in spans if span.parent is None]
    assert root.name == "POST /chat"
    (stage,) = [stage for stage in stream.stages if stage.name == "socket_write"]
    assert [chunk.seq for chunk in stage.chunks] == list(range(1, stage.total + 1))
    assert stage.outcome == "completed"
    assert stage.findings_total == 0


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.gateway is not None])
def test_each_fault_is_diagnosed_as_promised(pipeline: Pipeline, name: str) -> None:
    """What the catalogue promises of the simple demo is what the diagnosis says, and nothing else."""
    place = FAULTS[name].gateway
    assert place is not None
    _, stream = pipeline.ask(QUESTIONS[1], name)
    found = diagnose(stream)
    told = [(each.service, each.stage, each.kind, each.certain) for each in found.faults]
    assert told == [(place.service, place.stage, place.kind, place.certain)], found.verdict


def test_a_doubled_answer_reads_doubled(pipeline: Pipeline) -> None:
    """The client gets every token of a doubled answer twice."""
    reply, _ = pipeline.ask(QUESTIONS[1], "doubled")
    assert len(reply.text) == 2 * len(answer(QUESTIONS[1]))


def test_an_unknown_fault_is_refused(pipeline: Pipeline) -> None:
    """A fault that does not exist gets status 422 and the names of those that do."""
    body = {"question": "joke", "fault": "nope"}
    response = httpx.post(f"{pipeline.url}/chat", json=body, trust_env=False)
    assert response.status_code == 422
    assert response.json()["detail"].startswith("fault must be one of double_emission, ")


def test_a_refused_question_is_told_in_the_reply(pipeline: Pipeline) -> None:
    """A status that is no answer becomes the reply's error."""
    with connect(pipeline.url) as client:
        reply = ask(client, "joke", "nope", lambda piece: None)
    assert reply.error == "status 422"


def test_a_gateway_that_is_not_there_is_told_in_the_reply() -> None:
    """A connection that fails becomes the reply's error."""
    with LoopbackServer(model_server.build(Pace())) as server:
        url = server.url
    with connect(url) as client:
        assert ask(client, "joke", None, lambda piece: None).error.startswith("ConnectError: ")


def test_the_model_server_satisfies_the_openai_package(pipeline: Pipeline) -> None:
    """The real client reads the model server's list of models and its whole answers."""
    client: Any = OpenAI(base_url=f"{pipeline.model_url}/v1", api_key="demo", max_retries=0)
    with client:
        assert [model.id for model in client.models.list()] == ["demo-1"]
        messages = [{"role": "user", "content": "joke"}]
        completion = client.chat.completions.create(model="demo-1", messages=messages)
    assert completion.choices[0].message.content == answer("joke")
