"""What one stage adds up while a stream crosses it: plain numbers, the sum of its chunks' facts."""

from __future__ import annotations

import msgspec

from otel_sse.stream.chunk import Finding
from otel_sse.stream.kinds import DUPLICATE, GAP, STALL
from otel_sse.stream.outcome import COMPLETED, UNPARSED


class Totals(msgspec.Struct):
    """The sums of one stage of one stream. Written by its monitor alone; may be read at any time.

    Times are readings of the monitor's monotonic clock or differences of them, in nanoseconds; 0 means "not yet".
    """

    opened_ns: int = 0
    first_chunk_ns: int = 0
    first_content_ns: int = 0
    last_chunk_ns: int = 0
    ended_ns: int = 0
    max_interval_ns: int = 0
    send_ns: int = 0
    latency_ns: int = 0
    max_latency_ns: int = 0
    latencies: int = 0
    chunks: int = 0
    content_chunks: int = 0
    comments: int = 0
    heartbeats: int = 0
    bytes: int = 0
    content_bytes: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    findings: int = 0
    duplicates: int = 0
    gaps: int = 0
    stalls: int = 0
    dropped: int = 0
    clock_skews: int = 0
    unread_since_ns: int = 0
    """When the request ended that the stage was read for, where it is read on behind that."""
    unread_from: int = 0
    """The chunks that had crossed by then."""
    resumed: bool = False
    dialect: str = ""
    outcome: str = ""
    error_type: str = ""
    finish_reasons: list[str] = msgspec.field(default_factory=list)
    """Why the choices of its answers finished, as the service says it; at most `limits.MAX_FINISH_REASONS`."""
    by_kind: dict[tuple[str, str], list[int]] = msgspec.field(default_factory=dict)
    """Findings and chunks concerned, by (kind, certainty). Bounded by the kinds that exist."""

    def count(self, finding: Finding) -> None:
        """Add one finding to the sums.

        Args:
            finding: What a detector found.
        """
        self.findings += 1
        family = finding.family
        if family == DUPLICATE:
            self.duplicates += finding.amount
        elif family == GAP:
            self.gaps += finding.amount
        elif family == STALL:
            self.stalls += 1
        sums = self.by_kind.setdefault((finding.kind, finding.certainty), [0, 0])
        sums[0] += 1
        sums[1] += finding.amount

    def end_unread(self, outcome: str, ended_ns: int, error_type: str) -> None:
        """Take note of the end of a stage whose monitor failed over it: it has one outcome all the same.

        Args:
            outcome: As the shell saw it; `completed` becomes `unparsed`: nobody has held it against the protocol.
            ended_ns: When it ended.
            error_type: Type of the exception that ended it, or "".
        """
        if not self.outcome:
            self.outcome = UNPARSED if outcome == COMPLETED else outcome
            self.error_type = error_type
        self.ended_ns = self.ended_ns or ended_ns

    @property
    def read_on(self) -> int:
        """Chunks that crossed for nobody: the request that the stage was read for had ended."""
        return self.chunks - self.unread_from if self.unread_since_ns else 0

    @property
    def read_on_ns(self) -> int:
        """For how long chunks crossed for nobody; 0 where none did."""
        return self.last_chunk_ns - self.unread_since_ns if self.read_on else 0

    @property
    def time_to_first_chunk_ns(self) -> int | None:
        """From `opened_ns` to the first chunk, or None before it."""
        return self.first_chunk_ns - self.opened_ns if self.first_chunk_ns else None

    @property
    def time_to_first_content_ns(self) -> int | None:
        """From `opened_ns` to the first content, or None before it."""
        return self.first_content_ns - self.opened_ns if self.first_content_ns else None
