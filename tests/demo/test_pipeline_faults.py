"""Every fault of the catalogue, made by the real pipeline of three processes, and what the diagnosis says of it."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import pytest
from rich.console import Console

from otel_sse.cli.diagnose_view import trace_diagnosed_view
from otel_sse.demo.faults import ALIASES, FAULTS
from otel_sse.demo.pipeline import FAULT_VARIABLES, Pipeline
from otel_sse.demo.pipeline_run import Answer, ask
from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.diagnosis.trace.streams import Trace, TraceStream
from tests.demo.pipeline_answers import traces
from tests.demo.test_fault_pages import FAMILIES, section
from tests.docs import outputs
from tests.docs.pages import Block, blocks, replace

pytestmark = pytest.mark.server

QUESTION = "Tell me a joke."
MADE = tuple(name for name, fault in FAULTS.items() if fault.pipeline is not None)
BROKEN_OFF = {"cancel": "RemoteProtocolError", "abandon": "RemoteProtocolError", "error": "error"}
"""Faults of which the client is told that there is no whole answer, and how."""


TOGETHER = 2
"""How many faults are made at a time. An answer is mostly pauses, but many at a time would be late by themselves."""


class Asked(NamedTuple):
    """What came back for a question with a fault, and for one without that was asked at the same time."""

    faulty: Answer
    clean: Answer


class Ran(NamedTuple):
    """All that was asked, by fault, and the traces, by their ids."""

    asked: dict[str, Asked]
    traces: dict[str, Trace]

    def stream(self, answer: Answer) -> TraceStream:
        """The one stream of an answer."""
        (stream,) = self.traces[answer.trace_id].streams
        return stream


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """One pipeline that is asked for each fault, two at a time, and at the same time for answers without."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("OTEL_")]:
            patch.delenv(name)
        # So slow that a burst is told from an answer that came piece by piece.
        patch.setenv("CHUNK_DELAY_MS", "7")
        with (
            Pipeline(tmp_path_factory.mktemp("faults"), variables=FAULT_VARIABLES) as pipeline,
            ThreadPoolExecutor(TOGETHER) as pool,
        ):
            asked = dict(zip(MADE, pool.map(partial(_ask, pipeline.url), MADE), strict=True))
        yield Ran(asked, traces(pipeline.files))


def _ask(url: str, name: str) -> Asked:
    policy = FAULTS[name].policy
    with ThreadPoolExecutor(2) as pool:
        clean = pool.submit(ask, url, policy, QUESTION, lambda piece: None)
        faulty = pool.submit(ask, url, policy, QUESTION, lambda piece: None, name)
    return Asked(faulty.result(), clean.result())


@pytest.mark.parametrize("name", MADE)
def test_the_diagnosis_names_the_stage_that_did_it_and_nothing_else(ran: Ran, name: str) -> None:
    """One fault is told: its kind, how certain it is, and the process and the stage that made it."""
    place = FAULTS[name].pipeline
    assert place is not None
    found = diagnose(ran.stream(ran.asked[name].faulty))
    told = [(each.service, each.stage, each.kind, each.certain) for each in found.faults]
    assert told == [(place.service, place.stage, place.kind, place.certain)], found.verdict
    assert found.verdict.startswith(f"{place.service} {place.stage} ")


@pytest.mark.parametrize("name", MADE)
def test_an_answer_beside_it_is_in_order(ran: Ran, name: str) -> None:
    """What is asked at the same time without a fault is whole, and no fault is told of it."""
    clean = ran.asked[name].clean
    assert clean.error == ""
    found = diagnose(ran.stream(clean))
    assert (found.faults, found.notes) == ((), ()), found.verdict


@pytest.mark.parametrize("name", MADE)
def test_the_client_is_told_of_an_answer_that_broke_off(ran: Ran, name: str) -> None:
    """A fault that ends an answer shows at the client as an error; any other one leaves an answer that seems whole."""
    error = ran.asked[name].faulty.error
    assert BROKEN_OFF[name] in error if name in BROKEN_OFF else error == ""


def test_what_was_sent_twice_reads_twice(ran: Ran) -> None:
    """The client sees what the diagnosis speaks of: every word twice, a lost notice, words without spaces."""
    whole = ran.asked["double_emission"].clean.text
    assert len(ran.asked["double_emission"].faulty.text) == 2 * len(whole)
    assert ran.asked["final_full_message"].faulty.text == 2 * whole
    assert len(ran.asked["dropped"].faulty.text) < len(whole)
    assert ran.asked["corrupted"].faulty.text.startswith("Aduckwalks")


def test_heartbeats_of_a_stall_are_counted(ran: Ran) -> None:
    """While the answer pauses heartbeats go through the hop to the client, and the evidence says how many."""
    stream = ran.stream(ran.asked["stall"].faulty)
    counted = {
        stage.label: sum(chunk.kind in ("heartbeat", "comment") for chunk in stage.chunks) for stage in stream.stages
    }
    assert min(counted[label] for label in ("ws.send", "emit", "socket_write")) >= 3
    (fault,) = diagnose(stream).faults
    assert re.search(r", [3-6] heartbeats meanwhile", fault.evidence)


@pytest.mark.parametrize("name", MADE)
def test_its_page_shows_what_the_command_says(ran: Ran, name: str, request: pytest.FixtureRequest) -> None:
    """What the tool says, as the page of the fault has it, is what it says now; `--rewrite` writes that there."""
    block = _shown(name)
    said = _said(ran.traces[ran.asked[name].faulty.trace_id])
    found = block.difference(said)
    if found is not None and request.config.getoption("--rewrite"):
        assert replace(block, outputs.rewritten(block.source, said)) is None
    elif found is not None:
        pytest.fail(f"{block}: {name}\n{found}\n`make outputs` writes it anew.", pytrace=False)


def _shown(name: str) -> Block:
    """The one output in a fault's section."""
    every = [block for page in FAMILIES for block in blocks(f"docs/faults/{page}") if block.language == "text"]
    (only,) = [block for block in every if block.source in section(name)]
    return only


def _said(trace: Trace) -> str:
    """What `diagnose` prints of a trace, from the verdict on, without the usual cause and where to look."""
    screen = Console(file=io.StringIO(), width=100)
    screen.print(trace_diagnosed_view(trace, [diagnose(stream) for stream in trace.streams], 100))
    assert isinstance(screen.file, io.StringIO)
    text = screen.file.getvalue()
    return re.sub(r"^  (?:cause|look at) .*\n(?: {10}.*\n)*", "", text, flags=re.M)


@pytest.mark.parametrize("name", ["cap", "nope"])
def test_a_fault_that_cannot_be_made_is_refused(name: str) -> None:
    """The gateway answers 422, with the names of those that it can make."""
    from fastapi.testclient import TestClient

    from otel_sse.demo import pipeline_gateway

    app = pipeline_gateway.build("http://127.0.0.1:9", "ws://127.0.0.1:9/answers")
    with TestClient(app) as client:
        response = client.post("/chat", json={"question": "joke", "fault": name})
    assert response.status_code == 422
    assert response.json()["detail"].startswith("fault must be one of double_emission, ")


def test_every_alias_is_a_fault() -> None:
    """A shorter name stands for a row of the catalogue, and is none itself."""
    assert set(ALIASES.values()) <= FAULTS.keys()
    assert not ALIASES.keys() & FAULTS.keys()
