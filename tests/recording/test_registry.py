"""The recorders of a process, and the stream that is here."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest

import otel_sse
from otel_sse.errors import ConfigurationError
from otel_sse.recording import registry
from otel_sse.recording.live_stream import Stream, enter, leave
from otel_sse.recording.recorder import Recorder
from otel_sse.recording.registry import (
    StreamLater,
    any_recorder,
    default_recorder,
    own_stream,
    stream_here,
    tell_unusable,
)
from otel_sse.stream.stage import StageSpec
from otel_sse.telemetry import internal
from otel_sse.telemetry.clock import now_ns
from tests.integrations.pipeline import ended, recorder_outside
from tests.integrations.seen import Telemetry


@pytest.fixture(autouse=True)
def none_yet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No recorder has been made for what is outside of requests; one that is made is shut down."""
    monkeypatch.setattr(registry, "_default", None)
    yield
    if registry._default is not None:
        registry._default.shutdown()


def test_default_recorder_is_made_once() -> None:
    """What is outside of requests has one recorder, with the settings of the environment."""
    assert default_recorder() is default_recorder()


def test_default_recorder_is_made_anew_after_a_shutdown() -> None:
    """Whoever goes on after `shutdown` is recorded again."""
    first = default_recorder()
    otel_sse.shutdown()
    assert first.closed
    assert default_recorder() is not first


def test_wrong_setting_is_raised_to_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default recorder can't be made of settings that can't be used; a stream of one's own is then none."""
    monkeypatch.setenv("OTEL_SSE_QUEUE_SIZE", "many")
    with pytest.raises(ConfigurationError):
        default_recorder()
    assert own_stream() is None


def test_wrong_setting_harms_nobody_in_the_middle_of_a_stream(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever asks for a stream outside of requests gets one that records no chunks, and the log says why, once."""
    monkeypatch.setenv("OTEL_SSE_QUEUE_SIZE", "many")
    tell_unusable.cache_clear()
    recorder = any_recorder()
    assert recorder is any_recorder()
    assert (recorder.options.enabled, recorder.options.chunk_events) == (False, "off")
    assert stream_here().recorder is recorder
    with otel_sse.extract({"sse_stream_id": "abc"}) as stream:
        assert (stream.id, stream.recorder) == ("abc", recorder)
    (told,) = caplog.records
    assert told.getMessage().startswith("event streams are not observed: OTEL_SSE_QUEUE_SIZE must be a whole number")
    recorder.shutdown()
    assert any_recorder() is not recorder


def test_stream_here_is_the_requests_or_a_new_one(telemetry: Telemetry) -> None:
    """Inside a request its stream is here, outside of any a new one each time."""
    current = Stream(recorder_outside(telemetry), now_ns())
    token = enter(current)
    assert stream_here() is current
    leave(token)
    assert stream_here() is not stream_here()
    assert stream_here().recorder is default_recorder()


def test_flush_and_shutdown_reach_every_recorder(telemetry: Telemetry) -> None:
    """What is pending is written out, and what is open is ended, of every recorder of the process."""
    made = [recorder_outside(telemetry) for _ in range(2)]
    for recorder in made:
        Stream(recorder, now_ns()).stage(StageSpec("emit"))
    otel_sse.flush()
    assert ended(telemetry, 0) == []
    otel_sse.shutdown()
    assert [stage.outcome for stage in ended(telemetry, 2)] == ["abandoned", "abandoned"]


def test_error_while_a_stage_begins_is_not_raised(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage that can't be begun is none, and is counted."""
    monkeypatch.setattr(internal, "reraise", False)

    def fail(*args: object, **how: object) -> None:
        raise RuntimeError("ours")

    recorder = recorder_outside(telemetry)
    token = enter(Stream(recorder, now_ns()))
    monkeypatch.setattr(Recorder, "open", fail)
    assert StreamLater().stage(StageSpec("emit")) is None
    leave(token)
    assert telemetry.value("sse.internal_errors", site="open") == 1


def test_flush_while_applications_are_instrumented(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recorders that are made while `flush` goes through them are no error."""
    # What a flush does is not the subject, and would leave little time for going through them.
    monkeypatch.setattr(Recorder, "flush", lambda recorder, timeout_s: True)
    errors: list[RuntimeError] = []
    before, over = sys.getswitchinterval(), threading.Event()

    def flush() -> None:
        while not over.is_set() and not errors:
            try:
                otel_sse.flush()
            except RuntimeError as error:
                errors.append(error)

    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=flush) for _ in range(2)]
    try:
        for thread in threads:
            thread.start()
        made = [recorder_outside(telemetry) for _ in range(300)]
    finally:
        over.set()
        sys.setswitchinterval(before)
        for thread in threads:
            thread.join()
    assert (len(made), errors) == (300, [])
