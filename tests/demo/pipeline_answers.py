"""What the pipeline's client asks and gets, and what its trace has of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from otel_sse.demo.pipeline_policies import POLICIES
from otel_sse.diagnosis.trace.stages import TraceStage
from otel_sse.diagnosis.trace.streams import Trace, TraceStream, trace_of
from otel_sse.sources.otlp_file import OtlpFiles
from otel_sse.stream.chunk import CONTENT, Chunk

QUESTIONS = ("a table of teas", "how to count words", "a joke", "what else", "another joke")
"""Five answers, each through each of the four policies: 20 streams."""


class Reply(NamedTuple):
    """What came back for one question."""

    question: str
    policy: str
    trace_id: str
    body: bytes

    @property
    def pieces(self) -> list[str]:
        """The pieces of content that the client got."""
        frames = [frame.removeprefix("data: ") for frame in self.body.decode().split("\n\n") if frame]
        return [json.loads(frame)["content"] for frame in frames if frame != "[DONE]"]


def ask_all(url: str, questions: Sequence[str] = QUESTIONS) -> list[Reply]:
    """Ask every question through every policy, all at once."""
    return asyncio.run(_ask_all(url, [(question, policy) for policy in POLICIES for question in questions]))


async def _ask_all(url: str, asked: Sequence[tuple[str, str]]) -> list[Reply]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60, limits=limits) as client:

        async def ask(question: str, policy: str) -> Reply:
            response = await client.post("/chat", json={"question": question, "policy": policy})
            assert response.status_code == 200
            return Reply(question, policy, response.headers.get("x-trace-id", ""), response.content)

        return await asyncio.gather(*(ask(*each) for each in asked))


def streams(files: Sequence[Path]) -> dict[str, list[TraceStream]]:
    """The streams of each trace in some files."""
    return {trace_id: trace.streams for trace_id, trace in traces(files).items()}


def traces(files: Sequence[Path]) -> dict[str, Trace]:
    """The traces of some files that have streams, by their ids."""
    by_trace: dict[str, list[Any]] = {}
    read = OtlpFiles(files)
    for span in read.spans():
        by_trace.setdefault(span.trace_id, []).append(span)
    assert read.damage() is None
    found = {trace_id: trace_of(spans) for trace_id, spans in by_trace.items()}
    return {trace_id: trace for trace_id, trace in found.items() if trace is not None}


def content(stage: TraceStage) -> list[Chunk]:
    """A stage's chunks with content."""
    return [chunk for chunk in stage.chunks if chunk.kind == CONTENT]


def labels(stream: TraceStream) -> list[str]:
    """Process and name of each stage, in order."""
    return [f"{stage.service}: {stage.label}" for stage in stream.stages]
