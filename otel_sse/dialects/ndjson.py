"""The dialect `ndjson-in-data`: one event's data holds several JSON lines."""

from __future__ import annotations

from otel_sse.dialects.dialect import Dialect
from otel_sse.dialects.parts import Deltas, gather
from otel_sse.dialects.payload import NOT_JSON, decode
from otel_sse.stream.chunk import COMPLETE, CONTENT, CONTROL, ERROR, HEARTBEAT
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event

# Where the lines of one event differ in kind, the one that says most; content has its own way.
_WEIGHTS = (CONTROL, HEARTBEAT, COMPLETE, ERROR)


class NDJSONInData:
    """Reads each line of an event as an event of its own, and puts their facts together.

    Args:
        lines: The dialect of the lines.
    """

    name = "ndjson-in-data"
    __slots__ = ("_lines",)

    def __init__(self, lines: Dialect) -> None:
        self._lines = lines

    @property
    def expects(self) -> str:
        """What the lines' dialect expects."""
        return self._lines.expects

    def read(self, event: Event) -> Facts:
        """Return what `event` means. Never raises, whatever the event holds."""
        read = self._lines.read
        return _together([read(Event(line, event.event)) for line in event.data.split("\n") if line.strip()])


def _together(parts: list[Facts]) -> Facts:
    deltas: Deltas = []
    for part in parts:
        deltas.extend(part.deltas or ([(part.channel, part.content)] if part.content is not None else []))
    whole = gather(deltas)
    for part in parts:
        _add(whole, part)
    return whole


def _add(whole: Facts, part: Facts) -> None:
    if whole.kind != CONTENT and _WEIGHTS.index(part.kind) > _WEIGHTS.index(whole.kind):
        whole.kind = part.kind
    whole.terminal = whole.terminal or part.terminal
    if whole.opens is None:
        whole.opens, whole.carried = part.opens, part.carried
    whole.finishes += part.finishes
    whole.error = whole.error or part.error
    if part.finish_reason is not None:
        whole.finish_reason, whole.partial = part.finish_reason, part.partial
    whole.input_tokens = whole.input_tokens if part.input_tokens is None else part.input_tokens
    whole.output_tokens = whole.output_tokens if part.output_tokens is None else part.output_tokens
    whole.nested = whole.nested or part.nested
    whole.grammar = whole.grammar or part.grammar
    whole.calls += part.calls


def recognise(event: Event, payload: object) -> bool:
    """Whether an event's data is not JSON as a whole, but at least two lines of JSON objects."""
    if payload is not NOT_JSON or "\n" not in event.data:
        return False
    lines = [line for line in event.data.split("\n") if line.strip()]
    return len(lines) > 1 and all(type(decode(line)) is dict for line in lines)
