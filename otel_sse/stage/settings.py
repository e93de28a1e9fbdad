"""What a stage's monitor needs to know beforehand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from otel_sse import limits
from otel_sse.detect.rules import Rules
from otel_sse.stream.digest import Digest, sha1_digest
from otel_sse.stream.stage import StageSpec

ContentOf = Callable[[Any], "str | None"]


class StageSettings(msgspec.Struct, frozen=True):
    """Settings of all stages of one instrumented application.

    Args:
        digest: Digest of content bytes.
        first_byte_ns: Longest wait for the first byte that is no stall, in nanoseconds.
        silence_ns: Longest wait for content that is no stall, in nanoseconds.
        max_event_bytes: Bytes of one event or line that are read.
        max_findings: Findings of one stage that are handed on singly; the rest is counted.
        interval_sample: Every how many chunks one interval is kept for the metrics.
        capture_content: Whether chunks keep their text.
        dialect: A dialect's name, a function that makes one for each stream, or None to look at the first events.
        content_of: The user's own function from a frame to its content, or such functions by the names of stages, or
            None.
        content_checks: The user's own rules on content, names and patterns.
        whole_types: Types of frames that hold the whole text once more, at every stage.
        cumulative_stages: Names of stages whose chunks each hold all of the text so far, on purpose.
    """

    digest: Digest = sha1_digest
    first_byte_ns: int = 5_000_000_000
    silence_ns: int = 15_000_000_000
    max_event_bytes: int = limits.MAX_EVENT_BYTES
    max_findings: int = limits.MAX_FINDINGS_PER_STREAM
    interval_sample: int = 16
    capture_content: bool = False
    dialect: Any = None
    content_of: ContentOf | Mapping[str, ContentOf] | None = None
    content_checks: Rules = ()
    whole_types: tuple[str, ...] = ()
    cumulative_stages: tuple[str, ...] = ()

    def content_of_stage(self, spec: StageSpec) -> ContentOf | None:
        """Return the user's function for one stage: its own, else the one of its label or its name, else the only one.

        Args:
            spec: The stage.
        """
        given = self.content_of
        if spec.content_of is not None or given is None:
            return spec.content_of
        if isinstance(given, Mapping):
            return given.get(spec.label) or given.get(spec.name)
        return given

    def dialect_of_stage(self, spec: StageSpec) -> Any:
        """Return the name or the instance of the dialect that reads one stage of one stream; None to look.

        Args:
            spec: The stage.
        """
        given = self.dialect if spec.dialect is None else spec.dialect
        return given() if callable(given) else given
