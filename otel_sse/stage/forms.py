"""What the pieces of an answer look like at a stage, and whether a frame that holds all of it looks likewise."""

from __future__ import annotations

from typing import Final

from otel_sse import limits
from otel_sse.dialects.forms import Form, form_of
from otel_sse.dialects.payload import decode, fields
from otel_sse.stream.chunk import CERTAIN, SUSPECTED
from otel_sse.wire import Event

_MESSAGE_KEYS: Final = (
    "message_id", "messageId", "response_id", "responseId", "turn_id", "turnId", "turn", "run_id", "runId", "id",
)  # fmt: skip
"""Keys whose value names the message that a frame belongs to, where two frames in a row have the same one."""

_ENVELOPES: Final = ("data", "message", "delta")


class Forms:
    """Keeps the latest piece of each channel, to compare its form with that of a frame that says everything again.

    Protocols end with the whole text, for whoever did not follow the pieces: under another event's name, another type,
    other keys, or in the frame that says that all is done. Who appends pieces passes over it. In the pieces' own form
    it is one more piece to everybody.
    """

    __slots__ = ("_before", "_latest", "_pieces")

    def __init__(self) -> None:
        self._pieces: dict[str, tuple[Event, str]] = {}
        self._latest: Event | None = None
        self._before: Event | None = None

    @property
    def has_two(self) -> bool:
        """Whether two pieces of the answer are kept, by which its message's id is known."""
        return self._before is not None

    def begin(self) -> None:
        """Take note that another answer begins, which may be another message."""
        self._before = self._latest = None

    def keep(self, channel: str, event: Event, text: str) -> None:
        """Take note of a piece that is not the answer's end.

        Args:
            channel: Its channel.
            event: The event.
            text: Its content.
        """
        if len(event.data) <= limits.MAX_FORM_CHARS and (
            channel in self._pieces or len(self._pieces) < limits.MAX_CHANNELS
        ):
            self._pieces[channel] = (event, text)
            self._before, self._latest = self._latest, event

    def certainty(self, channel: str, event: Event, text: str, *, own: bool) -> str | None:
        """Return how sure it is that a frame with all of the text is one more piece; None where it is none.

        Args:
            channel: Its channel.
            event: The event.
            text: Its content.
            own: Whether the frames are an application's own, so that any of their keys may say what they are.
        """
        whole = form_of(event, text)
        if channel not in self._pieces:
            return self._certainty_of_another(whole)
        piece = form_of(*self._pieces[channel])
        if piece == whole or (not own and piece[:3] == whole[:3]):
            return CERTAIN
        # A pair of message and metadata comes where pieces come; a message's own type tells a whole one from a piece.
        alike = piece.paired and whole.paired and (piece.event, piece.path) == (whole.event, whole.path)
        return SUSPECTED if alike else None

    def _certainty_of_another(self, whole: Form) -> str:
        """A channel that began late has no piece here: its pieces stand where those of the other channels do."""
        pieces = [form_of(*kept) for kept in self._pieces.values()]
        return CERTAIN if not pieces or any(_side_by_side(piece.path, whole.path) for piece in pieces) else SUSPECTED

    def is_other_message(self, event: Event) -> bool:
        """Return whether an event belongs to another message than the latest pieces, by an id that they share."""
        if self._latest is None or self._before is None:
            return False
        latest, before, this = _ids(self._latest), _ids(self._before), _ids(event)
        shared = {key for key, value in latest.items() if before.get(key) == value}
        return any(key in this and this[key] != latest[key] for key in shared)


def _side_by_side(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Return whether two texts stand in one object, or one of them further inside the other's."""
    depth = max(min(len(one), len(other)) - 1, 0)
    return one[:depth] == other[:depth]


def _ids(event: Event) -> dict[str, str | int]:
    payload = fields(decode(event.data))
    holders = [payload, *(fields(payload.get(key)) for key in _ENVELOPES)]
    return {
        key: value
        for holder in holders
        for key in _MESSAGE_KEYS
        if isinstance(value := holder.get(key), str | int) and value != ""
    }
