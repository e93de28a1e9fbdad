"""Events that no reader of their stream can take: JSON that breaks off, frames glued together, comments as data."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from otel_sse import limits
from otel_sse.stream import kinds
from otel_sse.stream.chunk import CERTAIN, SUSPECTED, Finding

_BEGINS: Final = re.compile(r"[ \t\r\n]*(?:\{|\[)")
_BEGINS_WITH_KEY: Final = re.compile(r"[ \t\r\n]*\{[ \t\r\n]*\"")
_BETWEEN: Final = re.compile(r"(?:[ \t\r\n]|\[DONE\])*")
"""What may stand between two frames that were glued together."""

_MARK: Final = "[DONE]"
_WORD: Final = re.compile(r"\S{0,32}")
"""One word of an application's own (`ready`, `<eos>`): a mark that its reader knows, perhaps."""

_GLUED: Final = "frames in one event: a blank line is missing"

_scan: Final = json.JSONDecoder(strict=False).raw_decode


class OddDetector:
    """Reports events that are no JSON in a stream of JSON.

    Until it is known what the stream's events are, what is odd is held back; in plain text nothing is.

    Args:
        stage: The stage's name, for findings.
        is_vendor_frame: Whether a JSON object has a form that only a vendor's stream frames have.
    """

    __slots__ = ("_held", "_is_vendor_frame", "_mixed", "_named", "_stage")

    def __init__(self, stage: str, is_vendor_frame: Callable[[dict[str, Any]], bool]) -> None:
        self._stage = stage
        self._is_vendor_frame = is_vendor_frame
        self._held: list[Finding] = []
        self._mixed = False
        """Whether text stands between the JSON, so that text that begins as JSON does may be just that."""
        self._named: set[str] = set()

    def check(self, seq: int, data: str, name: str, *, known: bool, vendors: bool) -> list[Finding]:
        """Return what is odd about an event whose data is no JSON, and, once it is known, about those before it.

        Args:
            seq: The chunk.
            data: The event's data, not empty; it can't be decoded.
            name: The event's name, or "".
            known: Whether the dialect is known, and one whose events are JSON.
            vendors: Whether it is a vendor's, so that text of the application's own is odd in it too.
        """
        finding = self._judge(seq, data, name, vendors=vendors)
        if finding is not None and len(self._held) < limits.MAX_HELD_ODD:
            self._held.append(finding)
        return self.release(vendors=vendors) if known else []

    def release(self, *, vendors: bool) -> list[Finding]:
        """Return what was held back, now that the stream's events are known to be JSON.

        Args:
            vendors: As in `check`.
        """
        held, self._held = self._held, []
        return held if vendors or not self._mixed else []

    def close(self, is_open: bool) -> list[Finding]:
        """Return what is certain of a stream whose events never became known, now that it has ended.

        Args:
            is_open: Whether they may still be frames of a vendor; else they are plain text.
        """
        found = self.release(vendors=False)
        return [one for one in found if is_open and one.certainty == CERTAIN and one.evidence.endswith(_GLUED)]

    def no_data(self, seq: int, name: str) -> Finding | None:
        """Return the finding for an event that has a name and no data, once for each name.

        Args:
            seq: The last chunk before it.
            name: Its name.
        """
        if name in self._named or len(self._named) >= limits.MAX_HELD_ODD:
            return None
        self._named.add(name)
        shown = f"the event {name}" if name.isidentifier() else "an event"
        evidence = f"{shown} after chunk {seq} has no data line, so that readers drop it"
        return Finding(kinds.NO_DATA, SUSPECTED, self._stage, seq, evidence=evidence)

    def _judge(self, seq: int, data: str, name: str, *, vendors: bool) -> Finding | None:
        if _BEGINS.match(data):
            return self._broken(seq, data, vendors=vendors)
        if data.startswith(":"):
            evidence = "a comment (`: …`) was sent as data"
            return Finding(kinds.ODD_DATA, SUSPECTED, self._stage, seq, evidence=evidence)
        if not vendors:
            # An application may send its text as it is, next to frames of its own.
            self._mixed = self._mixed or not name
            return None
        if name or _WORD.fullmatch(data.strip()):
            return None
        return Finding(kinds.ODD_DATA, SUSPECTED, self._stage, seq, evidence="text among events that are JSON")

    def _broken(self, seq: int, data: str, *, vendors: bool) -> Finding | None:
        frames, apart = _frames(data)
        if len(frames) < 2:
            certainty = CERTAIN if vendors or _BEGINS_WITH_KEY.match(data) else SUSPECTED
            evidence = "begins as JSON and can't be decoded"
            return Finding(kinds.JSON_ERROR, certainty, self._stage, seq, evidence=evidence)
        # Several lines of its own JSON in one event may be how an application writes them.
        proof = not apart or None in frames or all(one is not None and self._is_vendor_frame(one) for one in frames)
        certainty = CERTAIN if vendors or proof else SUSPECTED
        how_many = "two" if len(frames) == 2 else str(len(frames))
        evidence = f"{how_many} {_GLUED}"
        return Finding(kinds.JSON_ERROR, certainty, self._stage, seq, evidence=evidence)


def _frames(data: str) -> tuple[list[dict[str, Any] | None], bool]:
    """Return what was glued together in data, and whether each frame has a line of its own.

    Example: of `{"a":1}`, a line end and `{"a":2}` both objects and True; of `{"a":1}[DONE]` the object, None for the
    mark, and False. What stands behind something that is no object is not looked at.
    """
    found: list[dict[str, Any] | None] = []
    at, apart = 0, True
    while len(found) < limits.MAX_GLUED_FRAMES:
        between = _BETWEEN.match(data, at)
        if between is not None:  # pragma: no branch - it matches nothing as well
            found += [None] * between[0].count(_MARK)
            at = between.end()
            apart = apart and (not found or "\n" in between[0] or at == len(data))
        try:
            value, at = _scan(data, at)
        except (ValueError, RecursionError):
            break
        if type(value) is not dict:
            break
        found.append(value)
    return found, apart
