"""Frames that were framed twice, and bytes that were not framed at all."""

from __future__ import annotations

import re
from typing import Final

from otel_sse.stream.chunk import CERTAIN, SUSPECTED, Finding
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Violation

FIELDS: Final = ("data:", "event:")
"""What data begins with that was framed twice."""

_FIELD_LIKE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,31}")
_FRAMED: Final = re.compile(r"data: ?[{\[\"]|event: ?[\w.\-]*\n(?:data: ?)?[{\[\"]")
_PLACES: Final = frozenset({"data", "event", "id", "line", "retry"})


def check_frame(stage: str, seq: int, data: str, facts: Facts) -> Finding | None:
    """Return what is wrong with how this event was framed, or None.

    Args:
        stage: The stage's name.
        seq: The chunk.
        data: The event's data.
        facts: What the dialect read.
    """
    if data.startswith(FIELDS) and _FRAMED.match(data):
        # Where the whole data is the text of the answer, a model may be writing about server-sent events.
        certainty = SUSPECTED if facts.content == data else CERTAIN
        return Finding("protocol/double_framing", certainty, stage, seq, evidence="data begins with a field of its own")
    if facts.nested:
        return Finding("protocol/nested_json", CERTAIN, stage, seq, evidence="a frame stands inside a JSON string")
    return None


def check_violation(stage: str, seq: int, violation: Violation) -> Finding | None:
    """Return the finding for something the parser met that is not an event, or None where it is harmless.

    Args:
        stage: The stage's name.
        seq: The last chunk before it.
        violation: What the parser met. `truncated` is told by the stream's outcome and not here.
    """
    kind = violation.kind
    if kind == "unknown_field":
        return _unknown_field(stage, seq, violation.detail)
    if kind in ("oversize", "invalid_utf8"):
        # The detail of bytes that are no UTF-8 can be what somebody wrote, which no finding may hold.
        where = violation.detail if violation.detail in _PLACES else "line"
        return Finding(f"protocol/{kind}", CERTAIN, stage, seq, evidence=f"{where} after chunk {seq}")
    return None


def _unknown_field(stage: str, seq: int, name: str) -> Finding:
    # A name that could be a field's may be an extension that readers ignore. Anything else is text that
    # somebody wrote into the stream without framing it, and every reader loses it.
    if _FIELD_LIKE.fullmatch(name):
        return Finding("protocol/unknown_field", SUSPECTED, stage, seq, evidence=f"a field of {len(name)} letters")
    return Finding("protocol/unframed", CERTAIN, stage, seq, evidence=f"a line without framing after chunk {seq}")
