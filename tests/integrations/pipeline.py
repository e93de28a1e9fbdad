"""Stages of one process, watched: what they were given, and what became of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

import otel_sse
from otel_sse.options import Options
from otel_sse.recording import registry
from otel_sse.recording.recorder import Recorder
from tests.integrations.seen import Stage, Telemetry, attributes, until

TEXTS = ("The", " cat", " sat", " on", " the", " mat", ".")
"""An answer, as the items of an iterator."""


class Item:
    """An object that an application yields; two are never equal."""

    __slots__ = ("content",)

    def __init__(self, content: str) -> None:
        self.content = content

    def model_dump_json(self) -> str:
        """Return what it is sent as."""
        return f'{{"content": "{self.content}"}}'


def items(texts: Iterable[str] = TEXTS) -> list[Item]:
    """An answer as objects."""
    return [Item(text) for text in texts]


async def produced(each: Iterable[Any] = TEXTS) -> AsyncIterator[Any]:
    """Yield an answer from an async generator."""
    for one in each:
        yield one


def produced_at_once(each: Iterable[Any] = TEXTS) -> Iterator[Any]:
    """Yield an answer from a generator."""
    yield from each


def recorder_outside(telemetry: Telemetry, **options: Any) -> Recorder:
    """Return a recorder for stages outside of any request that writes to the test's providers."""
    # On a machine that others load a short stream may take longer than a segment lasts, which is tested elsewhere.
    resolved = Options.resolve({}, flush_interval_seconds=0.01, interval_sample=1, segment_seconds=3600.0, **options)
    recorder = registry.new_recorder(resolved, telemetry.tracer_provider, telemetry.meter_provider)
    telemetry._recorders.append(recorder)
    return recorder


def label(stage: Stage) -> str:
    """A stage's name with its direction."""
    way = stage.attributes.get("sse.stage.direction")
    return f"{stage.attributes['sse.stage']}.{way}" if way else str(stage.attributes["sse.stage"])


def ended(telemetry: Telemetry, count: int) -> list[Stage]:
    """Wait until so many stages have ended; return them, in the order of their ends. There must not be more."""
    until(lambda: len(_ended(telemetry)) >= count, f"the end of {count} stages")
    otel_sse.flush()
    found = _ended(telemetry)
    assert len(found) == count, [label(Stage([span])) for span in found]
    # Short streams have one segment a stage, as long as nobody flushes in their middle.
    assert [attributes(span)["sse.segment.index"] for span in found] == [0] * count
    return [Stage([span]) for span in found]


def _ended(telemetry: Telemetry) -> list[ReadableSpan]:
    stages = [span for span in telemetry.spans() if span.name.startswith("stream ")]
    return [span for span in stages if "sse.stream.outcome" in attributes(span)]


def stages(telemetry: Telemetry, *labels: str) -> dict[str, Stage]:
    """Wait until the stages with these labels, all different, have ended; return each. There must be no others."""
    found = {label(stage): stage for stage in ended(telemetry, len(labels))}
    assert sorted(found) == sorted(labels)
    return found


def outcomes(telemetry: Telemetry, *labels: str) -> dict[str, str]:
    """Wait until these stages have ended; return how."""
    return {name: stage.outcome for name, stage in stages(telemetry, *labels).items()}


def upstream(stage: Stage) -> list[tuple[int, int]]:
    """Which upstream chunks each chunk of a stage was made from."""
    firsts = [chunk.get("sse.chunk.upstream.first", 0) for chunk in stage.chunks]
    return [(first, one.get("sse.chunk.upstream.last", first)) for first, one in zip(firsts, stage.chunks, strict=True)]


def one_to_one(stage: Stage) -> bool:
    """Whether each chunk of a stage is one upstream chunk, in order."""
    return upstream(stage) == [(seq, seq) for seq in range(1, len(stage.chunks) + 1)]
