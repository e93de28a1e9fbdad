"""How one stage's chunks are read can be said where the stage is made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

import otel_sse
from otel_sse import policies
from otel_sse.errors import ConfigurationError
from otel_sse.integrations.verbs.reading import checked
from otel_sse.recording import registry
from otel_sse.recording.live_stream import Stream, enter, leave
from otel_sse.telemetry.clock import now_ns
from tests.integrations.pipeline import recorder_outside
from tests.integrations.seen import Telemetry


def under_said(value: Any) -> str | None:
    """Find the content of a frame of one's own; other frames are the dialect's."""
    return str(value["said"]) if isinstance(value, dict) and "said" in value else None


def nothing(value: Any) -> str | None:
    """Find no content anywhere."""
    return ""


async def answer() -> AsyncIterator[dict[str, Any]]:
    """Frames of two forms."""
    for frame in ({"said": "Moss"}, {"content": "!"}, {"meta": "none"}):
        yield frame


async def content_bytes(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, stream: Any, **options: Any
) -> list[int]:
    """Read a stream to its end, and return how many bytes of content each of its stages saw."""
    recorder = recorder_outside(telemetry, **options)
    monkeypatch.setattr(registry, "_default", recorder)
    token = enter(current := Stream(recorder, now_ns()))
    try:
        async for _ in stream():
            pass
        records = [record.monitor.totals.content_bytes for record in current.order.stages]
        current.end("completed")
    finally:
        leave(token)
    recorder.flush()
    return records


async def test_each_stage_may_be_read_in_its_own_way(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a stage says of its own chunks overrules the option, which the others keep."""

    def stages() -> Any:
        inner = otel_sse.observe(answer(), "provider", content_of=under_said)
        return otel_sse.observe(otel_sse.observe(inner, "middle"), "end", dialect="plain-text")

    assert await content_bytes(telemetry, monkeypatch, stages, content_of={"middle": nothing}) == [5, 0, 45]


async def test_a_policy_s_sides_are_read_alike(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decorated or wrapped."""

    @otel_sse.policy("judge", content_of=under_said)
    async def judged(chunks: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for chunk in chunks:
            yield chunk

    class Policy:
        async def run(self, chunks: AsyncIterator[Any]) -> AsyncIterator[Any]:
            async for chunk in chunks:
                yield chunk

    def stages() -> Any:
        return policies.wrap(Policy(), "run", name="outer", content_of=nothing)(judged(answer()))

    assert await content_bytes(telemetry, monkeypatch, stages) == [5, 5, 0, 0]


@pytest.mark.parametrize(
    "make",
    [
        lambda how: otel_sse.observe(answer(), "emit", **how),
        lambda how: otel_sse.policy("judge", **how),
        lambda how: policies.wrap(answer(), "asend", name="judge", **how),
    ],
)
def test_what_is_wrong_is_told_where_it_is_said(make: Callable[[dict[str, Any]], Any]) -> None:
    """And not in a stream."""
    with pytest.raises(ConfigurationError, match="dialect must be"):
        make({"dialect": "openai-chats"})
    with pytest.raises(ConfigurationError, match="dialect must be a dialect"):
        make({"dialect": object})
    with pytest.raises(TypeError, match="content_of must be a function or None"):
        make({"content_of": "said"})


def test_what_is_right_is_handed_on() -> None:
    """As `StageSpec` takes it."""
    assert checked(None, None) == {"dialect": None, "content_of": None}
    assert checked("gemini", under_said) == {"dialect": "gemini", "content_of": under_said}
