"""What one event means, in the vendor's own terms: the value a dialect returns."""

from __future__ import annotations

from typing import Final

import msgspec

NO_REASONS: Final = frozenset({"", "null", "none", "None", "FINISH_REASON_UNSPECIFIED"})
"""What services write for a finish reason while an answer goes on: words, where JSON's `null` is meant."""

_NOT_COMPARED: Final = frozenset({"plain", "carried", "finishes"})


class ToolCall(msgspec.Struct, gc=False, frozen=True):
    """What one event says of one tool call whose arguments are JSON.

    Args:
        channel: The channel of its arguments, as in `Facts`.
        arguments: The piece of its arguments that this event carries; "" for none.
        id: The call's id, or None where this event does not say it.
        name: The function's name, or None where this event does not say it.
        identified: Whether the protocol gives this call an id and a name by now, here or in what is still to come.
        done: Whether the protocol says here that the arguments are whole.
    """

    channel: str
    arguments: str = ""
    id: str | None = None
    name: str | None = None
    identified: bool = False
    done: bool = False


class Facts(msgspec.Struct, gc=False, eq=False):
    """What a dialect read out of one event.

    Args:
        kind: One of the kinds of chunks in docs/reference.md, e.g. `content`.
        content: All answer text of this event, in order, or None where it carries none. An empty delta is None.
        channel: Where `content` belongs: choice, output item, block or tool call, e.g. `0`, `0/tool:1`; "" if there is
            one only.
        deltas: `(channel, text)` pairs where one event carries several deltas; () where there is at most one.
        terminal: The protocol's own name of the end (`[DONE]`, `message_stop`, `response.completed`), or None.
            A terminal event closes the answer: content after it is a fault.
        finish_reason: Why a choice or message ended, as the vendor says it.
        partial: Whether that is the finish reason of one choice, and another one of the answer goes on.
        finishes: `(choice, reason)` pairs of the choices that finish with this event, where the protocol numbers them;
            () where it does not. A choice's channels begin with its number: `0`, `0/tool:1`.
        opens: Identity of the answer that this event belongs to (a message or response id) where the event before had
            none or another one, or None.
        carried: Whether that identity is one that each event of the answer carries, so that a new one may mean little.
            An event of its own that begins an answer has it False.
        part: Name of a part (a content block's index) that begins with this event, or None. It begins once an answer.
        sequence: The event's sequence number where the payload carries one, or None.
        number: A number under a name that often counts an application's own frames (`seq`), or None. Unlike `sequence`
            it may mean anything else.
        error: The error's type or code where the event is an error, or None. Never its message.
        input_tokens: Tokens of the prompt where the event says so, or None.
        output_tokens: Tokens of the answer so far where the event says so, or None.
        nested: Whether a string in the payload is itself a whole serialised frame or JSON object that should have been
            an object.
        grammar: How the event breaks the order that the vendor's SDK holds its events to, in words without numbers, or
            None where it does not.
        calls: What it says of tool calls; () where it says nothing.
        plain: Whether the event is one delta in a JSON object and says nothing else: all fields after `channel` have
            their defaults. Nearly every event is plain, and is then handled by a shorter way. False is always safe.
    """

    kind: str
    content: str | None = None
    channel: str = ""
    deltas: tuple[tuple[str, str], ...] = ()
    terminal: str | None = None
    finish_reason: str | None = None
    opens: str | None = None
    part: str | None = None
    sequence: int | None = None
    number: int | None = None
    error: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    nested: bool = False
    partial: bool = False
    finishes: tuple[tuple[str, str], ...] = ()
    carried: bool = False
    grammar: str | None = None
    calls: tuple[ToolCall, ...] = ()
    plain: bool = False

    def __eq__(self, other: object) -> bool:
        # Which way an event was read says nothing about what it means; whose its id and its finish reason are is asked
        # for by itself.
        return isinstance(other, Facts) and all(
            getattr(self, name) == getattr(other, name) for name in self.__struct_fields__ if name not in _NOT_COMPARED
        )
