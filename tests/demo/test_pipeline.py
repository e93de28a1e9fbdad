"""The pipeline in three real processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from otel_sse.demo.answers import answer, tokens
from otel_sse.demo.pipeline import Pipeline
from otel_sse.demo.pipeline_gateway import LOST
from otel_sse.demo.pipeline_policies import BLOCKED, POLICIES, WITHHELD
from otel_sse.demo.pipeline_process import CONTROL, GATEWAY, MODEL, ROLES
from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.diagnosis.faults.edge_fates import edge_fates
from otel_sse.diagnosis.matrix import matrix_of
from otel_sse.diagnosis.matrix_text import matrix_text
from otel_sse.diagnosis.path import way
from otel_sse.diagnosis.trace.streams import TraceStream
from tests.demo.pipeline_answers import QUESTIONS, Reply, ask_all, content, labels, streams
from tests.diagnosis.made_trace import digest

pytestmark = pytest.mark.server

CALLBACK = ["gateway: callback"] if find_spec("litellm") is None else ["gateway: callback.in", "gateway: callback.out"]


def stages(policy: str) -> list[str]:
    """The stages of an answer, in the order of the data."""
    return [
        "model: emit",
        "model: socket_write",
        "gateway: provider",
        *CALLBACK,
        "gateway: ws.send",
        "control: ws.receive",
        "control: endpoint",
        f"control: policy.{policy}.in",
        f"control: policy.{policy}.out",
        "control: ws.send",
        "gateway: ws.receive",
        "gateway: normalize",
        "gateway: emit",
        "gateway: socket_write",
    ]


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is still speaking when somebody leaves."""
    monkeypatch.setenv("CHUNK_DELAY_MS", "15")


class Ran(NamedTuple):
    """Twenty answers, and the streams of their traces."""

    replies: list[Reply]
    streams: dict[str, list[TraceStream]]

    def each(self, *policies: str) -> Iterator[tuple[Reply, TraceStream]]:
        """Each reply through one of the policies, with its stream."""
        for reply in self.replies:
            if reply.policy in (policies or POLICIES):
                (stream,) = self.streams[reply.trace_id]
                yield reply, stream


@pytest.fixture(scope="module", autouse=True)
def _pace() -> Iterator[None]:
    """A fast model, and nothing from the environment that would change what is recorded."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("OTEL_")]:
            patch.delenv(name)
        patch.setenv("CHUNK_DELAY_MS", "5")
        yield


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, _pace: None) -> Ran:
    """The pipeline, run once with 20 streams at a time."""
    with Pipeline(tmp_path_factory.mktemp("pipeline")) as pipeline:
        replies = ask_all(pipeline.url)
    return Ran(replies, streams(pipeline.files))


def test_every_answer_is_one_stream_in_one_trace_over_three_processes(ran: Ran) -> None:
    """20 concurrent answers are 20 traces; each has all stages, linked in the order of the data, all completed."""
    assert len({reply.trace_id for reply in ran.replies}) == len(ran.streams) == 20
    for reply, stream in ran.each():
        assert labels(stream) == stages(reply.policy)
        assert stream.upstream == [(), *((n,) for n in range(len(stream.stages) - 1))]
        assert {stage.outcome for stage in stream.stages} == {"completed"}
        assert not stream.orphans
        assert diagnose(stream).in_order


def test_every_chunk_is_found_at_every_stage(ran: Ran) -> None:
    """Each stage before the policy has the model's tokens, each stage behind it what the client got, in order."""
    for reply, stream in ran.each():
        asked, got = [list(map(digest, texts)) for texts in (tokens(answer(reply.question)), reply.pieces)]
        behind = stages(reply.policy).index(f"control: policy.{reply.policy}.out")
        for n, stage in enumerate(stream.stages):
            assert [chunk.digest for chunk in content(stage)] == (asked if n < behind else got)
            assert stage.is_whole


def test_every_chunk_knows_the_one_it_came_from(ran: Ran) -> None:
    """Between stages that hand on one to one, each chunk with content was made from its counterpart upstream."""
    for reply, stream in ran.each():
        changing = stages(reply.policy).index(f"control: policy.{reply.policy}.out")
        for n in range(1, len(stream.stages)):
            if n == changing and reply.policy != "pass":
                continue
            origins = [stream.made_from(n).get(chunk.seq) for chunk in content(stream.stages[n])]
            assert origins == [(n - 1, chunk.seq, chunk.seq) for chunk in content(stream.stages[n - 1])]
            assert set(edge_fates(stream, n - 1, n).counts) == {Fate.SAME}


def test_what_a_policy_made_knows_what_it_was_made_from(ran: Ran) -> None:
    """The pieces that a merged chunk names are its text, the piece that a split chunk names holds it."""
    for reply, stream in ran.each("merge", "split"):
        n = stages(reply.policy).index(f"control: policy.{reply.policy}.out")
        numbers = {chunk.seq: position for position, chunk in enumerate(content(stream.stages[n - 1]))}
        said = tokens(answer(reply.question))
        for piece, chunk in zip(reply.pieces, content(stream.stages[n]), strict=True):
            _, first, last = stream.made_from(n)[chunk.seq]
            text = "".join(said[numbers[first] : numbers[last] + 1])
            assert piece == text if reply.policy == "merge" else piece in text
        counts = edge_fates(stream, n - 1, n).counts
        # A long token is a line of its own, and a short one is not cut.
        assert set(counts) <= (
            {Fate.MERGED, Fate.SAME} if reply.policy == "merge" else {Fate.SPLIT, Fate.DOUBLED, Fate.SAME}
        )
        assert len(counts) >= 2 or reply.policy == "merge"


def test_a_replacement_is_followed_to_the_client(ran: Ran) -> None:
    """From the model's token in a blocked sentence the way leads to the judge, which replaced it, and to the client."""
    for reply, stream in ran.each("judge"):
        judged = stages("judge").index("control: policy.judge.out")
        blocked = [token.strip().lower() for token in tokens(answer(reply.question))]
        if BLOCKED not in blocked:
            assert WITHHELD not in reply.pieces
            continue
        token = content(stream.stages[0])[blocked.index(BLOCKED)]
        steps = {step.stage: step for step in way(stream, 0, token.seq)}
        assert list(steps) == list(range(len(stream.stages)))
        assert [steps[n].fate for n in steps] == [
            None,
            *[Fate.SAME] * (judged - 1),
            Fate.REPLACED,
            *[Fate.SAME] * (len(steps) - judged - 1),
        ]
        assert {chunk.digest for n in steps for chunk in steps[n].chunks if n >= judged} == {digest(WITHHELD)}
        replaced = content(stream.stages[judged - 1])
        made_of = [chunk for chunk in replaced if steps[judged].first <= chunk.seq <= steps[judged].last]
        assert steps[judged - 1].chunks[0] in made_of
        back = way(stream, len(stream.stages) - 1, steps[len(stream.stages) - 1].chunks[0].seq)
        assert [chunk.digest for chunk in back[judged - 1].chunks] == [chunk.digest for chunk in made_of]
        assert WITHHELD in reply.pieces


def test_every_answer_is_diagnosed_as_in_order(ran: Ran) -> None:
    """Through all stages, frames, hops and policies, 20 answers at a time: no fault and no note."""
    for reply, stream in ran.each():
        found = diagnose(stream)
        assert (found.faults, found.notes) == ((), ()), reply.policy
        assert ("rewrote some, as declared" in found.verdict) is (reply.policy != "pass" and "~" in signs(stream))


def signs(stream: TraceStream) -> str:
    """The stream's matrix, in a width that has signs in the place of numbers."""
    return matrix_text(matrix_of(stream), 60)


def test_every_step_has_its_latency(ran: Ran) -> None:
    """Between each two neighbours, in process and over a hop, the time of every chunk is measured."""
    for _, stream in ran.each():
        for (_, n), edge in stream.descents.items():
            assert edge.latency is not None
            assert edge.latency.count >= len(content(stream.stages[n]))
            assert 0 <= edge.latency.median_ns <= edge.latency.max_ns < 20_000_000_000


@pytest.mark.parametrize(
    "plain", [ROLES, (CONTROL,), (GATEWAY, MODEL)], ids=["none", "control plane not", "only control plane"]
)
def test_the_clients_bytes_are_the_same_without_instrumentation(
    ran: Ran, plain: tuple[str, ...], tmp_path: Path
) -> None:
    """Whichever processes are instrumented, the client gets the very same bytes through every policy."""
    with Pipeline(tmp_path, plain=plain) as pipeline:
        replies = ask_all(pipeline.url, QUESTIONS[:3])
    bodies = {(reply.question, reply.policy): reply.body for reply in ran.replies}
    assert len(replies) == 12
    for reply in replies:
        assert reply.body == bodies[reply.question, reply.policy]
    if plain == ROLES:
        assert list(tmp_path.iterdir()) == []
        assert not any(reply.trace_id for reply in replies)


def broken_off(pipeline: Pipeline, end: bool) -> tuple[str, bytes]:
    """Ask, and take the control plane away in mid-answer; return trace id and bytes."""
    with httpx.stream(
        "POST", f"{pipeline.url}/chat", json={"question": "a joke"}, timeout=60, trust_env=False
    ) as response:
        parts = response.iter_raw()
        body = b""
        while body.count(b"\n\n") < 10:
            body += next(parts)
        process = pipeline.process(CONTROL)
        process.terminate() if end else process.kill()
        body += b"".join(parts)
        # Until it has ended it may accept a connection that nobody will answer.
        process.wait(60)
        return response.headers.get("x-trace-id", ""), body


def error_frame(name: str) -> bytes:
    """What the gateway sends where it has caught this exception."""
    return f'data: {{"error": {{"message": "{LOST}: {name}"}}}}\n\n'.encode()


@pytest.mark.parametrize("end", [False, True], ids=["killed", "terminated"])
def test_a_lost_control_plane_is_told_at_every_stage(
    tmp_path: Path, end: bool, slow: None, capfd: pytest.CaptureFixture[str]
) -> None:
    """The answer ends at once with the gateway's own error; no stage calls it complete, and nothing hangs."""
    with Pipeline(tmp_path) as pipeline:
        trace_id, body = broken_off(pipeline, end)
        asked = {"question": "x"}
        later = httpx.post(f"{pipeline.url}/chat", json=asked, timeout=60, trust_env=False)
    assert body.endswith(error_frame("ConnectionClosedError"))
    assert b"[DONE]" not in body
    assert later.content == error_frame("ConnectionRefusedError")
    (stream,) = streams([path for path in pipeline.files if end or path.name != "control.jsonl"])[trace_id]
    assert labels(stream) == [label for label in stages("pass") if end or not label.startswith("control")]
    outcomes = {stage.label: stage.outcome for stage in stream.stages if stage.service == "gateway"}
    assert outcomes["ws.receive"] == outcomes["ws.send"] == "disconnected"
    assert {outcomes["normalize"], outcomes["emit"], outcomes["socket_write"]} == {"failed"}
    assert all(stage.outcome not in ("completed", "") for stage in stream.stages)
    (fault,) = diagnose(stream).faults
    # Killed, it has left no spans: what read from it is the first to show that it is gone.
    assert (fault.kind, fault.stage) == ("outcome/disconnected", "ws.receive")
    assert fault.service == ("control" if end else "gateway")
    assert bool(stream.orphans) != end
    assert not diagnose(stream).in_order
    assert "different Context" not in capfd.readouterr().err


def test_the_application_sees_the_same_end_without_instrumentation(tmp_path: Path, slow: None) -> None:
    """Without instrumentation the gateway meets the same exceptions, and ends its answers with the same frames."""
    with Pipeline(tmp_path, plain=ROLES) as pipeline:
        _, body = broken_off(pipeline, end=False)
        later = httpx.post(f"{pipeline.url}/chat", json={"question": "x"}, timeout=60, trust_env=False)
    assert body.endswith(error_frame("ConnectionClosedError"))
    assert later.content == error_frame("ConnectionRefusedError")


def test_a_client_that_leaves_ends_every_stage(tmp_path: Path, slow: None, capfd: pytest.CaptureFixture[str]) -> None:
    """When the client leaves in mid-answer, each stage of all processes ends, once, and none calls it complete."""
    with Pipeline(tmp_path) as pipeline:
        url, asked = f"{pipeline.url}/chat", {"question": "a joke"}
        with httpx.stream("POST", url, json=asked, timeout=60, trust_env=False) as response:
            body = b""
            for part in response.iter_raw():
                body += part
                if body.count(b"\n\n") >= 10:
                    break
        assert httpx.post(url, json=asked, timeout=60, trust_env=False).content.endswith(b"[DONE]\n\n")
    (stream,) = streams(pipeline.files)[response.headers["x-trace-id"]]
    assert labels(stream) == stages("pass")
    assert all(stage.outcome not in ("completed", "") for stage in stream.stages)
    assert stream.stages[-1].outcome == "disconnected"
    told = capfd.readouterr().err
    assert "different Context" not in told
    assert "Traceback" not in told


def test_an_unknown_policy_is_an_error_that_reaches_the_client(tmp_path: Path) -> None:
    """What the control plane refuses comes back as the gateway's error frame."""
    with Pipeline(tmp_path) as pipeline:
        asked = {"question": "a joke", "policy": "none"}
        response = httpx.post(f"{pipeline.url}/chat", json=asked, timeout=60, trust_env=False)
    assert response.text.startswith(
        'data: {"error": {"message": "policy must be one of pass, judge, merge, split, got '
    )
    (stream,) = streams(pipeline.files)[response.headers["x-trace-id"]]
    assert stream.stages[-1].outcome == "failed"
