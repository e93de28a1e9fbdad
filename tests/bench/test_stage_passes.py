"""Every stage that is measured sees every chunk."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bench.stage_passes import MESSAGE_BYTES, Passes, make, messages, openai_objects, staged_cpu_ns
from otel_sse import semconv
from otel_sse.integrations.apps import end_recorder
from otel_sse.options import Options
from otel_sse.recording.registry import new_recorder

COUNT = 12
STAGES = {
    "observe, objects": ["provider"],
    "observe, text": ["provider"],
    "policy, in and out, objects": ["policy.bench", "policy.bench"],
    "policy, in and out, text": ["policy.bench", "policy.bench"],
    "envelope, both ends": ["ws.receive", "ws.send"],
    "client, httpx": ["provider"],
    "client, httpx2": ["provider"],
}


def _chunks(passes: Passes) -> Counter[tuple[str, int]]:
    """Let a stage's chunks pass once; count its spans by their stage and how many chunks each tells of."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    recorder = new_recorder(Options.resolve(None, emit=False, websockets=False), provider, None)
    asyncio.run(staged_cpu_ns(passes, recorder))
    end_recorder(recorder)
    told = [dict(span.attributes or {}) for span in exporter.get_finished_spans()]
    return Counter((str(each[semconv.STAGE]), int(str(each[semconv.STREAM_CHUNKS]))) for each in told)


@pytest.mark.parametrize("passes", make(COUNT), ids=lambda passes: passes.name)
def test_stage_sees_every_chunk(passes: Passes) -> None:
    """What is measured is a stage that observes, not one that looks away."""
    assert _chunks(passes) == Counter((stage, COUNT) for stage in STAGES[passes.name])


def test_plain_pass_makes_no_stage() -> None:
    """It can run where nothing is instrumented."""
    for passes in make(COUNT):
        asyncio.run(passes.plain())


def test_messages_are_json_of_the_size_that_is_said() -> None:
    """All but the start and the end."""
    made = messages(COUNT)
    assert len(made) == COUNT
    assert {len(each) for each in made[1:-1]} == {MESSAGE_BYTES}
    assert [json.loads(each)["type"] for each in (*made[:2], made[-1])] == ["START", "CHUNK", "END"]


def test_objects_are_an_answer_of_the_sdk() -> None:
    """It has the role first and the finish reason last."""
    made = openai_objects(COUNT)
    assert len(made) == COUNT
    assert made[0].choices[0].delta.role == "assistant"
    assert made[-1].choices[0].finish_reason == "stop"
