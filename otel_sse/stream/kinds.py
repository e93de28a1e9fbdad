"""Every kind of finding and of fault that the package says, once: its name, its meaning, and what the verdict calls it.

A kind is `family/detail`. A constant is named as the detail is, with the family before it where the detail alone may
mean something else. What usually causes a kind stands beside the diagnosis, in `otel_sse.diagnosis.faults.causes`, by
these constants: it is prose of several lines a kind, and nothing that runs live reads it.
"""

from __future__ import annotations

from typing import Final

import msgspec

DUPLICATE: Final = "duplicate"
REPEAT: Final = "repeat"
GAP: Final = "gap"
REORDER: Final = "reorder"
CORRUPTION: Final = "corruption"
COALESCING: Final = "coalescing"
STALL: Final = "stall"
PROTOCOL: Final = "protocol"
CHECK: Final = "check"
OUTCOME: Final = "outcome"

FAMILIES: Final = (DUPLICATE, REPEAT, GAP, REORDER, CORRUPTION, COALESCING, STALL, PROTOCOL, CHECK, OUTCOME)
"""What stands before the slash."""

TERMINAL: Final = "duplicate/terminal"
DOUBLED: Final = "duplicate/doubled"
REPLAYED: Final = "duplicate/replayed"
RESTARTED: Final = "duplicate/restarted"
ACCUMULATED: Final = "duplicate/accumulated"
RESENT: Final = "duplicate/resent"
CUMULATIVE: Final = "duplicate/cumulative"
REASSERTED: Final = "repeat/reasserted"
LOST: Final = "gap/lost"
REPLY_LOST: Final = "gap/reply_lost"
COLON_CONTENT: Final = "gap/colon_content"
GAP_SEQUENCE: Final = "gap/sequence"
GAP_HOP: Final = "gap/hop"
MOVED: Final = "reorder/moved"
REORDER_SEQUENCE: Final = "reorder/sequence"
REORDER_HOP: Final = "reorder/hop"
CHANGED: Final = "corruption/changed"
REPLACED: Final = "corruption/replaced"
BURST: Final = "coalescing/burst"
GATHERED: Final = "coalescing/gathered"
FIRST_BYTE: Final = "stall/first_byte"
STALL_CONTENT: Final = "stall/content"
DELAYED: Final = "stall/delayed"
AFTER_DONE: Final = "protocol/after_done"
NESTED_JSON: Final = "protocol/nested_json"
DOUBLE_FRAMING: Final = "protocol/double_framing"
UNFRAMED: Final = "protocol/unframed"
UNKNOWN_FIELD: Final = "protocol/unknown_field"
OVERSIZE: Final = "protocol/oversize"
INVALID_UTF8: Final = "protocol/invalid_utf8"
JSON_ERROR: Final = "protocol/json_error"
ODD_DATA: Final = "protocol/odd_data"
NO_DATA: Final = "protocol/no_data"
GRAMMAR: Final = "protocol/grammar"
TOOL_ARGUMENTS: Final = "protocol/tool_arguments"
NORMALIZE_FAILED: Final = "protocol/normalize_failed"
CHECK_NAME: Final = "check/<name>"
"""Stands for the kinds that users' own rules make; `of_rule` makes one."""

OUTCOME_FAILED: Final = "outcome/failed"
OUTCOME_INCOMPLETE: Final = "outcome/incomplete"
OUTCOME_DISCONNECTED: Final = "outcome/disconnected"
OUTCOME_CANCELLED: Final = "outcome/cancelled"
OUTCOME_ABANDONED: Final = "outcome/abandoned"
OUTCOME_CAPPED: Final = "outcome/capped"


class Kind(msgspec.Struct, frozen=True):
    """One kind.

    Args:
        name: `family/detail`.
        brief: What it says, in a sentence.
        phrase: What the verdict says that a stage did, with `{chunks}` for how many; "" where it says the kind itself.
        faults: What docs/faults and `otel-sse demo --list-faults` call the mistakes that show as this kind.
    """

    name: str
    brief: str
    phrase: str = ""
    faults: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        """The part before the slash."""
        return family_of(self.name)

    @property
    def detail(self) -> str:
        """The part after the slash."""
        return detail_of(self.name)


FINDINGS: Final = (
    Kind(
        TERMINAL,
        "A terminal event, or the finish reason of a choice, came again.",
        "sent the end twice",
        ("duplicate_terminal",),
    ),
    Kind(
        DOUBLED,
        "Each chunk twice: by lineage, by numbers, or over a run that no model says.",
        "handed on {chunks} twice",
        ("double_emission", "lagged_emission"),
    ),
    Kind(
        REPLAYED,
        "An event came again by its id or number; or, suspected, a long passage did.",
        "handed on a run of {chunks} again",
        ("double_iteration", "reconnect_replay"),
    ),
    Kind(
        RESTARTED,
        "The answer began again: the same identity, or, suspected, its opening or another one.",
        "began the answer again, {chunks} of it",
        ("second_start",),
    ),
    Kind(
        ACCUMULATED,
        "A chunk equals all that its channel has said so far.",
        "handed on the whole text once more in one chunk",
        ("final_full_message",),
    ),
    Kind(
        CUMULATIVE,
        "Each chunk holds all of the text so far; suspected, because a page may want it so.",
        "sent all of the text so far with each chunk",
    ),
    Kind(
        REASSERTED,
        "A sentence came again behind a tool's step; suspected, and the model's own doing.",
        "said a passage of {chunks} again behind another step",
        ("reasserted",),
    ),
    Kind(LOST, "A chunk came into a stage and did not go on, though later ones did.", "lost {chunks}", ("dropped",)),
    Kind(MOVED, "A chunk went on after one that had come in behind it.", "put {chunks} out of order", ("reordered",)),
    Kind(
        BURST,
        "Chunks that came one by one went on at once; suspected where only a reader saw it.",
        "got {chunks} in bursts",
        ("coalesced",),
    ),
    Kind(
        CHANGED,
        "A chunk came out of a policy that was declared with `rewrites=False` with other content than it went in with.",
        "changed {chunks}",
        ("corrupted",),
    ),
    Kind(CHECK_NAME, "A rule of `content_checks` is met; never the text.", faults=("content_check",)),
    Kind(
        GAP_SEQUENCE,
        "Numbers were skipped and did not come late; told up to 16 chunks later.",
        "lacks {chunks} by the stream's own numbers",
    ),
    Kind(
        REORDER_SEQUENCE,
        "A number went back: it comes late, or stands on another event.",
        faults=("id_regression",),
    ),
    Kind(
        FIRST_BYTE,
        "Nothing came for longer than `first_byte_threshold`.",
        "had nothing for too long",
        ("no_first_byte",),
    ),
    Kind(
        STALL_CONTENT,
        "No content came for longer than `silence_threshold`, whatever kept the connection.",
        "was silent for too long",
        ("stall",),
    ),
    Kind(
        AFTER_DONE,
        "Content came after the terminal event, or after its choice had finished.",
        "sent {chunks} behind the end",
        ("content_after_done",),
    ),
    Kind(NESTED_JSON, "A serialised frame stands inside a frame's text.", faults=("nested_json",)),
    Kind(
        DOUBLE_FRAMING,
        "Data was framed twice: `data: data: {…}`; suspected in plain text.",
        faults=("double_framing",),
    ),
    Kind(
        UNFRAMED,
        "A line that is no field: text that was written into the stream without framing.",
        faults=("unframed",),
    ),
    Kind(UNKNOWN_FIELD, "A field that readers ignore; suspected."),
    Kind(
        OVERSIZE,
        "A line or event above `max_event_bytes`; it was forwarded, but not read.",
        faults=("oversize",),
    ),
    Kind(
        RESENT,
        "A message came over a hop again, under the number that it had.",
        "got {chunks} that had been sent again over the hop",
        ("hop_resend",),
    ),
    Kind(
        GAP_HOP,
        "A message was handed to a hop and did not come out; told up to 16 messages later.",
        "did not get {chunks} that the hop's sender counted",
    ),
    Kind(REORDER_HOP, "A message came out of a hop later than the ones sent after it."),
    Kind(
        JSON_ERROR,
        "An event or WebSocket message that begins as JSON and can't be decoded: it breaks off, or frames are glued.",
        "sent {chunks} that no reader can decode",
    ),
    Kind(ODD_DATA, "A comment or text as data in a stream whose events are JSON; suspected."),
    Kind(NO_DATA, "A block that names an event and has no `data` line, which readers drop; suspected."),
    Kind(
        NORMALIZE_FAILED,
        "A function under `normalize` raised; the evidence is the exception's class and the upstream chunk.",
    ),
    Kind(INVALID_UTF8, "Bytes that are not UTF-8."),
    Kind(
        GRAMMAR,
        "An event that the vendor's SDK refuses: a delta for a part that is not open, or is of another type.",
        "sent {chunks} that the vendor's SDK refuses",
    ),
    Kind(
        TOOL_ARGUMENTS,
        "A finished tool call whose arguments are no JSON, or that never got an id or a name.",
        "sent a tool call that nobody can carry out",
    ),
)
"""What is said of a stage while a stream crosses it: the values of `sse.finding.kind`."""

FAULTS: Final = (
    Kind(
        REPLY_LOST,
        "A chunk that a policy had made of its own did not go on behind it.",
        "lost {chunks} that a policy had made",
        ("blocked_reply_lost",),
    ),
    Kind(
        COLON_CONTENT,
        "Content did not go on, and a comment came in its place.",
        "lost {chunks} of content, for which comments came",
        ("colon_content",),
    ),
    Kind(
        REPLACED,
        "Chunks were made of others, and are not the sum of them.",
        "put other content in the place of chunks, in {chunks}",
    ),
    Kind(
        GATHERED,
        "Chunks that came one by one waited for two seconds or more, and went on as one.",
        "kept chunks back and made {chunks} of them",
    ),
    Kind(DELAYED, "Chunks came much later than the others did.", "got {chunks} much later than the others"),
    Kind(OUTCOME_FAILED, "The stage ended as `failed`.", "failed", ("error",)),
    Kind(
        OUTCOME_INCOMPLETE, "The stage ended as `incomplete`.", "ended without the answer's end", ("missing_terminal",)
    ),
    Kind(OUTCOME_DISCONNECTED, "The stage ended as `disconnected`.", "lost its other end", ("disconnect",)),
    Kind(OUTCOME_CANCELLED, "The stage ended as `cancelled`.", "was cancelled", ("cancel",)),
    Kind(OUTCOME_ABANDONED, "The stage ended as `abandoned`.", "was not read to its end", ("abandon",)),
    Kind(OUTCOME_CAPPED, "The stage ended as `capped`.", "was ended by its cap", ("cap",)),
)
"""What the diagnosis alone says, of all stages of a trace together; it says what is found at a stage as well."""

PHRASES: Final = {kind.name: kind.phrase for kind in (*FINDINGS, *FAULTS) if kind.phrase}
"""What a stage did, by kind."""


def family_of(kind: str) -> str:
    """Return the part of a kind before the slash."""
    return kind.partition("/")[0]


def detail_of(kind: str) -> str:
    """Return the part of a kind after the slash; "" where there is none."""
    return kind.partition("/")[2]


def findings_of(family: str) -> tuple[Kind, ...]:
    """Return the kinds of findings of one family.

    Args:
        family: One of `FAMILIES`.
    """
    return tuple(kind for kind in FINDINGS if kind.family == family)


def of_rule(name: str) -> str:
    """Return the kind of the findings of a user's rule.

    Args:
        name: The rule's name in the option `content_checks`.
    """
    return f"{CHECK}/{name}"


def of_outcome(outcome: str) -> str:
    """Return the kind of the fault that a stream ended so.

    Args:
        outcome: One of `otel_sse.stream.outcome.OUTCOMES`.
    """
    return f"{OUTCOME}/{outcome}"
