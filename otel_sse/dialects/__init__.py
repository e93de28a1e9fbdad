"""What an event of a streamed answer means. Pure: events come in, facts go out."""

from __future__ import annotations

from otel_sse.dialects.builtin import BUILTIN
from otel_sse.dialects.dialect import FINISH, NOTHING, TERMINAL, Dialect
from otel_sse.dialects.payload import NOT_JSON
from otel_sse.dialects.reader import Reader
from otel_sse.dialects.registry import add, names, register, unregister
from otel_sse.stream.facts import Facts

__all__ = [
    "FINISH",
    "NOTHING",
    "NOT_JSON",
    "TERMINAL",
    "Dialect",
    "Facts",
    "Reader",
    "names",
    "register",
    "unregister",
]

for _entry in reversed(BUILTIN):
    add(_entry)
