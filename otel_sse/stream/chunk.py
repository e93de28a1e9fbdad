"""The chunk: one unit that crossed one stage."""

from __future__ import annotations

from typing import Final

import msgspec

CONTENT: Final = "content"
COMMENT: Final = "comment"
HEARTBEAT: Final = "heartbeat"
COMPLETE: Final = "complete"
ERROR: Final = "error"
CONTROL: Final = "control"

KINDS: Final = (CONTENT, COMMENT, HEARTBEAT, COMPLETE, ERROR, CONTROL)
"""What a chunk can be: answer text, an SSE comment, a keep-alive event, the end, an error, or anything else."""


class Chunk(msgspec.Struct, gc=False):
    """One unit that crossed one stage. Made once, then only read (`findings` is filled before it is handed on).

    Args:
        seq: Number at this stage: 1, 2, 3 …
        time_ns: Monotonic clock when it crossed, in nanoseconds; comparable within one process only.
        kind: One of `KINDS`.
        digest: First 12 hex digits of the digest of its content, or of its `data` where it has no content.
        acc_len: Bytes (UTF-8) of all content at this stage so far, this chunk's included.
        raw_len: Bytes of this chunk as it crossed, framing included.
        done: Whether it is a terminal event of its protocol.
        event: SSE event type where it is not the default `message`, else "".
        id: The `id:` it carried, or None.
        source: Which adapter or path emitted it, where that is another than the stage's own source; else "".
        send_ns: How long handing it on took (back-pressure), in nanoseconds.
        channel: The channel of its content, as the dialect names it (`0`, `0/reasoning`, `0/tool:1`); "" for none.
        upstream_first: First `seq` of the upstream chunks it was made from; 0 where unknown.
        upstream_last: Last `seq` of the upstream chunks it was made from; 0 where unknown.
        upstream_span: Span id (16 hex digits) of the upstream stage that has these chunks, where the stage has several
            upstream stages and it is not the first of them; else "".
        content: Its text, only where the user asked for content to be captured, else None.
        findings: What is wrong with it, in the order it was found; () for a clean chunk.
    """

    seq: int
    time_ns: int
    kind: str
    digest: str
    acc_len: int
    raw_len: int
    done: bool
    event: str = ""
    id: str | None = None
    source: str = ""
    send_ns: int = 0
    channel: str = ""
    upstream_first: int = 0
    upstream_last: int = 0
    upstream_span: str = ""
    content: str | None = None
    findings: tuple[Finding, ...] = ()


class Finding(msgspec.Struct, frozen=True, gc=False):
    """One statement that something is wrong, with its evidence. Never holds content.

    Args:
        kind: Family and detail, e.g. `duplicate/terminal`, `protocol/after_done`, `stall/content`, `gap`.
        certainty: `certain` (identity or protocol proves it) or `suspected` (content alone suggests it).
        stage: Name of the stage at which it was found.
        seq: The chunk it is about; 0 where it is about the stream.
        of: The earlier chunk it repeats or contradicts; 0 where there is none.
        evidence: What was compared with what, in one short line: numbers, digests, marks.
        amount: How many chunks are concerned (a gap of three counts three).
        heartbeats: Of a silence, how many heartbeats and comments came in it.
    """

    kind: str
    certainty: str
    stage: str
    seq: int
    of: int = 0
    evidence: str = ""
    amount: int = 1
    heartbeats: int = 0

    @property
    def family(self) -> str:
        """The part before the slash: `duplicate`, `gap`, `reorder`, `stall`, `protocol` …"""
        # As `kinds.family_of`, without a call: it is asked several times for each finding.
        return self.kind.partition("/")[0]

    @property
    def detail(self) -> str:
        """The part after the slash: `terminal`, `doubled` …; "" where there is none."""
        return self.kind.partition("/")[2]


CERTAIN: Final = "certain"
SUSPECTED: Final = "suspected"
