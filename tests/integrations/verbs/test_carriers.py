"""`inject` and `extract`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.trace import get_current_span

from otel_sse.integrations.verbs.carriers import extract, inject
from otel_sse.integrations.verbs.observe import observe
from otel_sse.options import Options
from otel_sse.recording import registry
from otel_sse.recording.live_stream import Stream, current_stream, enter, leave
from otel_sse.recording.recorder import Recorder
from otel_sse.telemetry.clock import now_ns
from tests.integrations.seen import Telemetry, attributes


@pytest.fixture
def recorder(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """The recorder of stages outside of any application."""
    made = registry.new_recorder(Options(), telemetry.tracer_provider, telemetry.meter_provider)
    monkeypatch.setattr(registry, "_default", made)
    yield made
    made.shutdown()


def injected(recorder: Recorder, **how: Any) -> tuple[dict[str, Any], Stream]:
    """A message that a stream with one stage has written itself into, and the stream."""
    stream = Stream(recorder, now_ns())
    token = enter(stream)
    list(observe(["a", "b"], "provider"))
    message = inject({"type": "START", "prompt": "hi"}, **how)
    leave(token)
    return message, stream


def test_a_message_carries_the_stream_and_its_latest_stage(recorder: Recorder) -> None:
    """The message itself is changed and returned; its own keys stay."""
    message, stream = injected(recorder)
    span = stream.order.stages[-1].span_context
    assert message["sse_stream_id"] == stream.id
    assert message["traceparent"] == f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"
    assert (message["type"], message["prompt"]) == ("START", "hi")
    assert inject(message) is message


def test_a_key_of_the_users_own(recorder: Recorder) -> None:
    """Under `_meta`, where the Model Context Protocol has it, beside what is there."""
    message, stream = injected(recorder, key="_meta")
    assert set(message) == {"type", "prompt", "_meta"}
    inject(message := {"_meta": {"progressToken": 1}}, key="_meta")
    assert message == {"_meta": {"progressToken": 1}}
    with extract(injected(recorder, key="_meta")[0], key="_meta") as found:
        assert found.id != stream.id


def test_a_key_without_a_dict(recorder: Recorder) -> None:
    """None is no dict yet; anything else is the application's own; and nothing is left where nothing is to be said."""
    token = enter(Stream(recorder, now_ns(), None, "mine"))
    assert inject({"_meta": None}, key="_meta") == {"_meta": {"sse_stream_id": "mine"}}
    assert inject({"_meta": 5}, key="_meta") == {"_meta": 5}
    assert inject({"_meta": "x"}, key="_meta") == {"_meta": "x"}
    leave(token)
    message: dict[str, Any]
    for message in ({}, {"_meta": None}, {"_meta": {}}):
        assert inject(dict(message), key="_meta") == message


def test_the_other_end_goes_on_with_the_stream(recorder: Recorder, telemetry: Telemetry) -> None:
    """Same id, same trace, the first stage linked to the sender's; gone after the block."""
    message, stream = injected(recorder)
    with extract(message) as found:
        assert current_stream() is found is not stream
        list(observe(["a", "b"], "endpoint"))
        list(observe(["a", "b"], "next"))
    assert current_stream() is None
    assert not get_current_span().get_span_context().is_valid
    recorder.flush()
    spans = {attributes(span)["sse.stage"]: span for span in telemetry.spans()}
    sender, endpoint, following = spans["provider"], spans["endpoint"], spans["next"]
    assert attributes(endpoint)["sse.stream.id"] == attributes(sender)["sse.stream.id"] == stream.id
    assert endpoint.context.trace_id == sender.context.trace_id
    assert [link.context.span_id for link in endpoint.links] == [sender.context.span_id]
    assert sender.context.span_id not in [link.context.span_id for link in following.links]


def test_a_stream_that_is_current_is_that_one_again(recorder: Recorder) -> None:
    """Inside of its own process a message leads back to the very stream."""
    message, stream = injected(recorder)
    token = enter(stream)
    with extract(message) as found:
        assert found is stream
    leave(token)


@pytest.mark.parametrize("message", [{}, {"sse_stream_id": 7}, {"sse_stream_id": "a b"}, "text", None, []], ids=repr)
def test_a_message_that_says_nothing_is_no_error(recorder: Recorder, message: Any) -> None:
    """Outside of any stream it gives a new one, inside it leaves the one that is there."""
    with extract(message) as found:
        assert current_stream() is found
        with extract(message) as again:
            assert again is found


def test_outside_of_any_stream_only_the_trace_is_written(telemetry: Telemetry) -> None:
    """A stream's id is written only where there is a stream."""
    assert inject({}) == {}
    with telemetry.tracer_provider.get_tracer("test").start_as_current_span("request"):
        assert set(inject({})) == {"traceparent"}
