"""Groups of patches: a holder that is gone holds nothing, a library of another release is left alone."""

from __future__ import annotations

import gc
import logging
import sys
import types
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import wrapt
from starlette.responses import StreamingResponse

from otel_sse.integrations.patching import Library, PatchGroup, Seam
from otel_sse.options import Options
from otel_sse.recording.recorder import Recorder
from tests.integrations.seen import Telemetry


def test_an_application_that_is_let_go_keeps_nothing(telemetry: Telemetry) -> None:
    """A recorder that is gone without a word holds no patch for longer than until the next one goes."""
    group, libraries = PatchGroup(), (_library("starlette.responses", "StreamingResponse", "__call__"),)
    gone, stays = (Recorder(Options(), telemetry.tracer_provider) for _ in range(2))
    group.hold(gone, libraries)
    group.hold(gone, libraries)
    group.hold(stays, libraries)
    gone.shutdown()
    del gone
    gc.collect()
    assert isinstance(vars(StreamingResponse)["__call__"], wrapt.FunctionWrapper)
    group.release(stays)
    group.release(stays)
    stays.shutdown()


def _library(module: str, name: str, method: str) -> Library:
    return Library(module, lambda: (Seam(name, method, _nothing),))


def _nothing(inner: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
    return inner(*args, **kwargs)


def test_a_release_that_lacks_the_seam(caplog: pytest.LogCaptureFixture, telemetry: Telemetry) -> None:
    """A library whose method has gone is left alone, with a line that says which stage is missing."""
    module: Any = types.ModuleType("a_library_of_later")
    module.Client = type("Client", (), {})
    sys.modules[module.__name__] = module
    recorder = Recorder(Options(), telemetry.tracer_provider)
    try:
        group = PatchGroup()
        libraries = (_library("a_library_of_later", "Client", "send"), _library("json", "Nobody", "x"))
        with caplog.at_level(logging.WARNING, "otel_sse"):
            group.hold(recorder, libraries)
        group.release(recorder)
    finally:
        recorder.shutdown()
        del sys.modules[module.__name__]
    assert [record.getMessage().split()[0] for record in caplog.records] == [
        "a_library_of_later.Client.send",
        "json.Nobody.x",
    ]


def test_an_alias_is_not_patched_twice(telemetry: Telemetry) -> None:
    """httpx2 can stand in for httpx: one class, two names, one patch."""
    group = PatchGroup()
    libraries = (
        _library("starlette.responses", "StreamingResponse", "__call__"),
        _library("fastapi.responses", "StreamingResponse", "__call__"),
    )
    original = vars(StreamingResponse)["__call__"]
    recorder = Recorder(Options(), telemetry.tracer_provider)
    group.hold(recorder, libraries)
    assert vars(StreamingResponse)["__call__"].__wrapped__ is original
    group.release(recorder)
    recorder.shutdown()
    assert vars(StreamingResponse)["__call__"] is original


def test_seams_are_asked_for_where_the_library_is_there_alone(telemetry: Telemetry) -> None:
    """A library that nobody has imported costs nothing: what patches it is not even asked for."""
    asked: list[str] = []

    def seams_of(module: str) -> tuple[Seam, ...]:
        asked.append(module)
        return ()

    group = PatchGroup()
    libraries = tuple(Library(name, partial(seams_of, name)) for name in ("json", "a_library_of_nobody"))
    recorder = Recorder(Options(), telemetry.tracer_provider)
    group.hold(recorder, libraries)
    group.release(recorder)
    recorder.shutdown()
    assert set(asked) == {"json"}
