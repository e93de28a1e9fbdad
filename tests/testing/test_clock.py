"""Time passes where a test says so, and nowhere else."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest
from starlette.testclient import TestClient

from otel_sse.telemetry import clock
from otel_sse.testing import FakeClock, fake_clock, record
from tests.testing.made import WORDS, frame


def test_silence_is_found_without_waiting(make_app: Callable[..., Any]) -> None:
    """An application that is silent for 20 seconds of the fake clock has a stall."""
    with fake_clock() as now, record() as streams:

        async def silent(words: AsyncIterator[str]) -> AsyncIterator[str]:
            async for word in words:
                now.advance(20 if word == WORDS[3] else 0.5)
                yield frame(word)
            yield "data: [DONE]\n\n"

        TestClient(make_app(silent)).get("/chat/1")
        # The client reads in a thread of its own, and may see the clock move before the chunk that came before.
        with pytest.raises(AssertionError, match=r"stall/content at \w+ \(certain, seq [34]\)"):
            streams.assert_no_findings()
        chunks = streams.stage("emit").chunks
        assert [b.time_ns - a.time_ns for a, b in pairwise(chunks)][1:4] == [
            500_000_000,
            20_000_000_000,
            500_000_000,
        ]


def test_clock_stands_still_until_it_is_moved() -> None:
    """Every module of the package reads the fake one; afterwards all have the real one again."""
    real = clock.now_ns
    with fake_clock() as now:
        first = clock.now_ns()
        assert clock.now_ns() == first == now()
        now.advance(1.5)
        assert clock.now_ns() == first + 1_500_000_000
        held = [module for name, module in sys.modules.items() if name.startswith("otel_sse.")]
        assert not [module for module in held if vars(module).get("now_ns") is real]
    assert not [module for module in held if isinstance(vars(module).get("now_ns"), FakeClock)]
    assert clock.now_ns is real


def test_module_that_is_imported_meanwhile_gets_the_real_clock_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that was bound to the fake clock is bound to the real one at the end."""
    late: Any = ModuleType("otel_sse.late")
    with fake_clock():
        late.now_ns = clock.now_ns
        monkeypatch.setitem(sys.modules, "otel_sse.late", late)
    assert late.now_ns is clock.now_ns


def test_time_does_not_go_back() -> None:
    """A negative step is refused."""
    with fake_clock() as now, pytest.raises(ValueError, match="seconds must be 0 or more, got -1"):
        now.advance(-1)
