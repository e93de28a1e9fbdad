"""A stream's context in a carrier."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from opentelemetry.context import get_current
from opentelemetry.trace import get_current_span

from otel_sse.options import Options
from otel_sse.recording.live_stream import Stream, current_stream
from otel_sse.recording.propagation import Entered, read, read_trace, trace_of, write
from otel_sse.recording.recorder import Recorder

TRACE = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"


@pytest.fixture
def stream() -> Stream:
    """A stream of a recorder that has no provider."""
    return Stream(Recorder(Options()), 1, None, "6f0e")


def test_what_was_read_is_written(stream: Stream) -> None:
    """A carrier's trace context and stream come out at the other end, tracestate too."""
    carrier = {"traceparent": TRACE, "tracestate": "vendor=x", "sse_stream_id": "6f0e", "prompt": "hi"}
    remote = read(carrier)
    stream.context = remote.context
    written: dict[str, Any] = {}
    write(written, stream)
    assert written == {"traceparent": TRACE, "tracestate": "vendor=x", "sse_stream_id": "6f0e"}
    assert remote.stream_id == "6f0e"


@pytest.mark.parametrize(
    "carrier",
    [{}, {"traceparent": 7, "sse_stream_id": None}, {"traceparent": "nonsense"}, {"tracestate": "a=b"}],
    ids=["nothing", "other types", "nonsense", "no traceparent"],
)
def test_a_carrier_that_says_nothing_is_no_error(carrier: dict[str, Any]) -> None:
    """It leaves the present context and names no stream."""
    remote = read(carrier)
    assert not remote.span.is_valid
    assert remote.context == get_current()
    assert remote.stream_id == ""


def test_outside_of_any_stream_and_span_nothing_is_written() -> None:
    """The carrier stays as it is."""
    carrier = {"prompt": "hi"}
    write(carrier, None)
    assert carrier == {"prompt": "hi"}


def test_a_trace_comes_back_as_it_was() -> None:
    """`trace_of` undoes `read_trace`; an invalid span gives nothing."""
    assert trace_of(read_trace(TRACE, "a=b").span) == (TRACE, "a=b")
    assert trace_of(read_trace("").span) == ("", "")


def test_a_block_has_its_stream_and_context(stream: Stream) -> None:
    """Both are current inside and gone after, however the block ends."""
    remote = read_trace(TRACE)
    with pytest.raises(KeyError), Entered(stream, remote.context) as entered:  # noqa: PT012
        assert entered is stream is current_stream()
        assert get_current_span().get_span_context() == remote.span
        raise KeyError
    assert current_stream() is None
    assert not get_current_span().get_span_context().is_valid


async def test_an_await_inside_is_fine(stream: Stream) -> None:
    """Tasks that the block starts keep the stream; others never see it."""
    seen: list[Stream | None] = []

    async def look() -> None:
        seen.append(current_stream())

    with Entered(stream, read_trace(TRACE).context):
        await asyncio.sleep(0)
        task = asyncio.create_task(look())
        await asyncio.sleep(0)
    await task
    assert seen == [stream]
    assert current_stream() is None


async def test_a_block_that_another_context_ends_is_left_alone(
    stream: Stream, caplog: pytest.LogCaptureFixture
) -> None:
    """A generator that is dropped inside the block logs nothing: there is nothing that could be undone."""

    async def chunks() -> AsyncIterator[int]:
        with Entered(stream, read_trace(TRACE).context):
            yield 1
            yield 2

    async def first() -> AsyncIterator[int]:
        generator = chunks()
        await generator.__anext__()
        return generator

    with caplog.at_level(logging.DEBUG):
        generator = await asyncio.create_task(first())
        await generator.aclose()  # type: ignore[attr-defined]
        del generator
        gc.collect()
    assert caplog.records == []
    assert current_stream() is None
