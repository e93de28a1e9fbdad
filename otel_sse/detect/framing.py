"""Frames that were framed twice, and bytes that were not framed at all."""

from __future__ import annotations

import re
from typing import Final

from otel_sse import limits
from otel_sse.stream import kinds
from otel_sse.stream.chunk import CERTAIN, SUSPECTED, Finding
from otel_sse.stream.facts import Facts
from otel_sse.wire import events
from otel_sse.wire.events import Violation

FIELDS: Final = ("data:", "event:")
"""What data begins with that was framed twice."""

_FIELD_LIKE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,31}")
_FRAMED: Final = re.compile(r"data: ?[{\[\"]|event: ?[\w.\-]*\n(?:data: ?)?[{\[\"]")
_SUSPECTED_LINES: Final = 3
"""Events in a row whose text begins as a field does, before that is told: an answer may quote a few such lines."""

_CERTAIN_LINES: Final = limits.EVERY_CHUNK_CONTENTS
"""The same before it is certain, if no event of the stream was another."""

_VIOLATIONS: Final = {events.OVERSIZE: kinds.OVERSIZE, events.INVALID_UTF8: kinds.INVALID_UTF8}
"""What the parser met that is told as it is."""

_PLACES: Final = frozenset({"data", "event", "id", "line", "retry"})


def check_frame(stage: str, seq: int, data: str, facts: Facts, run: int = 1, *, sure: bool = True) -> Finding | None:
    """Return what is wrong with how this event was framed, or None.

    Args:
        stage: The stage's name.
        seq: The chunk.
        data: The event's data.
        facts: What the dialect read.
        run: How many events in a row look so, this one included. An answer may hold a frame, in one piece, as its
            content, and a line of it may begin as a field does.
        sure: Whether the frame within is one of a protocol's, or stands in a stream whose events are known to be
            frames; what an application sends as its content may be JSON lines, or an event stream that it shows.
    """
    # Where the whole data is the text of the answer, a model may be writing about server-sent events.
    throughout = run >= _CERTAIN_LINES and run == seq
    if data.startswith(FIELDS) and _FRAMED.match(data):
        certainty = CERTAIN if throughout or (sure and facts.content != data) else SUSPECTED
        return Finding(kinds.DOUBLE_FRAMING, certainty, stage, seq, evidence="data begins with a field of its own")
    if facts.nested:
        # A frame as an event's data is one; as the content of a frame it may be what the model says.
        alone = run < 2 and facts.content is not None and data[:1] == "{"
        certainty = CERTAIN if sure and not alone else SUSPECTED
        return Finding(kinds.NESTED_JSON, certainty, stage, seq, evidence="a frame stands inside a JSON string")
    if data.startswith(FIELDS) and run >= _SUSPECTED_LINES:
        evidence = f"{run} events in a row have data that begins with a field of its own"
        certainty = CERTAIN if throughout else SUSPECTED
        return Finding(kinds.DOUBLE_FRAMING, certainty, stage, seq, evidence=evidence)
    return None


def check_violation(stage: str, seq: int, violation: Violation) -> Finding | None:
    """Return the finding for something the parser met that is not an event, or None where it is harmless.

    Args:
        stage: The stage's name.
        seq: The last chunk before it.
        violation: What the parser met. That a field breaks off (`truncated`) is told by the stream's outcome and not
            here; that text without framing does, is.
    """
    kind = violation.kind
    if kind == events.UNKNOWN_FIELD or (
        kind == events.TRUNCATED and not _FIELD_LIKE.fullmatch(violation.detail or "data")
    ):
        return _unknown_field(stage, seq, violation.detail)
    if kind in _VIOLATIONS:
        # The detail of bytes that are no UTF-8 can be what somebody wrote, which no finding may hold.
        where = violation.detail if violation.detail in _PLACES else "line"
        return Finding(_VIOLATIONS[kind], CERTAIN, stage, seq, evidence=f"{where} after chunk {seq}")
    return None


def _unknown_field(stage: str, seq: int, name: str) -> Finding:
    # A name that could be a field's may be an extension that readers ignore. Anything else is text that
    # somebody wrote into the stream without framing it, and every reader loses it.
    if _FIELD_LIKE.fullmatch(name):
        return Finding(kinds.UNKNOWN_FIELD, SUSPECTED, stage, seq, evidence=f"a field of {len(name)} letters")
    return Finding(kinds.UNFRAMED, CERTAIN, stage, seq, evidence=f"a line without framing after chunk {seq}")
