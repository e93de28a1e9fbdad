"""Assertions about streams for an application's own tests: each chunk once, none lost, the end as it should be.

    import otel_sse

    def test_answer(client):
        with otel_sse.testing.record() as streams:
            client.get("/chat")
        streams.assert_each_chunk_once()
        streams.assert_outcome("completed")

Needs the extra `sdk`. pytest finds the fixtures `sse_streams` and `sse_clock` by itself.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_sse.testing.clock import FakeClock, fake_clock
    from otel_sse.testing.recording import record
    from otel_sse.testing.streams import RecordedStream, RecordedStreams

__all__ = ["FakeClock", "RecordedStream", "RecordedStreams", "fake_clock", "record"]

_MODULE_OF = {
    "FakeClock": "otel_sse.testing.clock",
    "RecordedStream": "otel_sse.testing.streams",
    "RecordedStreams": "otel_sse.testing.streams",
    "fake_clock": "otel_sse.testing.clock",
    "record": "otel_sse.testing.recording",
}
"""Names that load on first use: pytest imports this package in every suite of a user's."""


def _load(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)


# Hidden from type checkers: a visible `__getattr__` would make every misspelt name valid to them.
if not TYPE_CHECKING:
    __getattr__ = _load
