"""The catalogue of faults that the demo makes to order: what each is, where it happens, what the diagnosis says of it.

Facts alone, so that they can be listed where the demo's packages are missing. The mistakes themselves stand in
`fault_frames.py`, `fault_pieces.py`, `fault_replies.py` and `fault_model.py`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from otel_sse.stream import kinds
from otel_sse.stream.stages import CALLBACK, EMIT, PROVIDER, SOCKET_WRITE, WS_RECEIVE, WS_SEND, of_policy

SILENCE_THRESHOLD_S: Final = 2.4
"""The demo's threshold for silence in an answer; lower than the default, so that a demo need not wait 15 s."""

FIRST_BYTE_THRESHOLD_S: Final = 2.4
"""The demo's threshold for the first byte; the default is 5 s. A gathered answer takes 1.7 s on a busy machine."""

PAUSE_S: Final = 3.0
"""How long `stall` and `no_first_byte` wait: longer than both thresholds."""

_RULE: Final = "markdown_leak"

CONTENT_CHECKS: Final = {_RULE: r"\*\*"}
"""The demo's rule of its own on content: answers are shown as HTML, so no Markdown may be in them."""

_PASS: Final = "pass"
"""The pipeline's policy that changes nothing."""


class Place(NamedTuple):
    """Where a fault happens, and what is said of it there.

    Args:
        service: The process.
        stage: The stage that the diagnosis names.
        kind: The kind that it gives.
        certain: Whether it is certain.
    """

    service: str
    stage: str
    kind: str
    certain: bool = True


class Fault(NamedTuple):
    """One mistake of a real program.

    Args:
        brief: What goes wrong, in one line.
        pipeline: Where in the pipeline it happens; None where it can't be made there.
        gateway: Where in the simple demo; likewise.
        why_not: Why one of the two can't make it, or "".
        policy: The pipeline's policy that it needs.
    """

    brief: str
    pipeline: Place | None
    gateway: Place | None
    why_not: str = ""
    policy: str = _PASS

    @property
    def by_client(self) -> bool:
        """Whether it is the client that makes it."""
        return self.brief.startswith("the client ")


def _model(kind: str, certain: bool = True) -> Place:
    return Place("model", EMIT, kind, certain)


def _callback(kind: str) -> Place:
    return Place("gateway", CALLBACK, kind)


def _sent(kind: str, certain: bool = True) -> Place:
    return Place("gateway", WS_SEND, kind, certain)


def _control(stage: str, kind: str, certain: bool = True) -> Place:
    return Place("control", stage, kind, certain)


def _policy(kind: str) -> Place:
    return _control(f"{of_policy(_PASS)}.out", kind)


def _front(stage: str, kind: str, certain: bool = True) -> Place:
    return Place("gateway", stage, kind, certain)


def _simple(kind: str, stage: str = EMIT, certain: bool = True) -> Place:
    return Place("otel-sse-demo", stage, kind, certain)


_NO_HOP: Final = "the simple demo has no WebSocket"
_NO_POLICY: Final = "the simple demo has no policy"

FAULTS: Final = {
    "double_emission": Fault("two code paths push each chunk: A A B B", _policy(kinds.DOUBLED), _simple(kinds.DOUBLED)),
    "lagged_emission": Fault(
        "a second code path pushes each chunk too, one chunk late: A B A C B",
        _sent(kinds.DOUBLED),
        _simple(kinds.DOUBLED),
    ),
    "double_iteration": Fault(
        "an answer that was kept is iterated twice", _sent(kinds.REPLAYED), _simple(kinds.REPLAYED)
    ),
    "second_start": Fault(
        "the model is asked again in mid-answer, and the new answer is appended",
        _sent(kinds.RESTARTED, False),
        _simple(kinds.RESTARTED, certain=False),
    ),
    "reconnect_replay": Fault(
        "after a reconnect, events are sent again that were sent already",
        _front(EMIT, kinds.REPLAYED),
        _simple(kinds.REPLAYED),
    ),
    "hop_resend": Fault(
        "after a reconnect, the sender of a WebSocket sends again what had arrived",
        _control(WS_RECEIVE, kinds.RESENT),
        None,
        _NO_HOP,
    ),
    "final_full_message": Fault(
        "the last chunk carries the whole answer once more",
        _front(EMIT, kinds.ACCUMULATED),
        _simple(kinds.ACCUMULATED),
    ),
    "duplicate_terminal": Fault(
        "two layers each close the stream: [DONE] twice",
        _front(EMIT, kinds.TERMINAL),
        _simple(kinds.TERMINAL),
    ),
    "content_after_done": Fault(
        "a late chunk comes after [DONE]", _front(EMIT, kinds.AFTER_DONE), _simple(kinds.AFTER_DONE)
    ),
    "reasserted": Fault(
        "the model says its sentence again behind a tool's step",
        _model(kinds.REASSERTED, False),
        _simple(kinds.REASSERTED, PROVIDER, False),
    ),
    "dropped": Fault(
        "a filter takes a chunk that equals one of the last few for a duplicate",
        _callback(kinds.LOST),
        _simple(kinds.LOST),
    ),
    "blocked_reply_lost": Fault(
        "a policy's own reply is dropped behind it",
        _control(WS_SEND, kinds.REPLY_LOST),
        None,
        _NO_POLICY,
        "judge",
    ),
    "reordered": Fault("two tasks write to one stream", _sent(kinds.MOVED), _simple(kinds.MOVED)),
    "corrupted": Fault("each chunk is trimmed", _control("endpoint", kinds.CHANGED), _simple(kinds.CHANGED)),
    "nested_json": Fault(
        "each frame is serialised to JSON twice",
        _front(EMIT, kinds.NESTED_JSON),
        _simple(kinds.NESTED_JSON),
    ),
    "double_framing": Fault(
        "each frame is framed twice: data: data: {...}",
        _front(EMIT, kinds.DOUBLE_FRAMING),
        _simple(kinds.DOUBLE_FRAMING),
    ),
    "unframed": Fault(
        "a traceback is written into the stream unframed",
        _front(EMIT, kinds.UNFRAMED),
        _simple(kinds.UNFRAMED),
    ),
    "colon_content": Fault(
        "content with a colon is taken for a framed line, and sent without data:",
        _front(EMIT, kinds.COLON_CONTENT),
        _simple(kinds.COLON_CONTENT),
    ),
    "missing_terminal": Fault(
        "the answer breaks off before its end", _model(kinds.OUTCOME_INCOMPLETE), _simple(kinds.OUTCOME_INCOMPLETE)
    ),
    "no_first_byte": Fault(f"nothing is sent for {PAUSE_S:g} s", _model(kinds.FIRST_BYTE), _simple(kinds.FIRST_BYTE)),
    "stall": Fault(
        f"the answer pauses for {PAUSE_S:g} s in its middle; heartbeats go on",
        _policy(kinds.STALL_CONTENT),
        _simple(kinds.STALL_CONTENT),
    ),
    "coalesced": Fault(
        "a buffer gathers the whole body before it is sent",
        _front(SOCKET_WRITE, kinds.BURST),
        _simple(kinds.BURST, SOCKET_WRITE),
    ),
    "id_regression": Fault(
        "the counter behind the events' ids goes back",
        _front(EMIT, kinds.REORDER_SEQUENCE),
        _simple(kinds.REORDER_SEQUENCE),
    ),
    "disconnect": Fault(
        "the client leaves in mid-answer",
        _front(SOCKET_WRITE, kinds.OUTCOME_DISCONNECTED),
        _simple(kinds.OUTCOME_DISCONNECTED, SOCKET_WRITE),
    ),
    "cancel": Fault(
        "a deadline cancels the task that serves the answer",
        _front(SOCKET_WRITE, kinds.OUTCOME_CANCELLED),
        _simple(kinds.OUTCOME_CANCELLED, SOCKET_WRITE),
    ),
    "error": Fault("the generator raises in mid-answer", _policy(kinds.OUTCOME_FAILED), _simple(kinds.OUTCOME_FAILED)),
    "abandon": Fault(
        "the iterator is dropped in mid-answer",
        _front(SOCKET_WRITE, kinds.OUTCOME_ABANDONED),
        _simple(kinds.OUTCOME_ABANDONED, SOCKET_WRITE),
    ),
    "cap": Fault(
        "a stream is ended by a cap on its duration",
        None,
        None,
        "otel-sse has no such cap yet; an application's own looks like `cancel` or `error`",
    ),
    "oversize": Fault(
        "a whole document is sent in one event of more than a mebibyte",
        _front(EMIT, kinds.OVERSIZE),
        _simple(kinds.OVERSIZE),
    ),
    "content_check": Fault(
        "Markdown leaks into an answer that must have none",
        _policy(kinds.of_rule(_RULE)),
        _simple(kinds.of_rule(_RULE), PROVIDER),
    ),
}
"""Every row of the catalogue by its name. What each one promises is held against real runs by the tests."""

ALIASES: Final = {"doubled": "double_emission", "after_done": "content_after_done", "first_byte": "no_first_byte"}
"""Shorter names, that are understood as well."""

SIMPLE: Final = tuple(name for name, fault in FAULTS.items() if fault.gateway is not None and not fault.by_client)
"""What the simple demo's gateway can be told to make."""


def full_name(name: str) -> str:
    """Return a fault's name in the catalogue; the name itself where there is no such alias."""
    return ALIASES.get(name, name)
