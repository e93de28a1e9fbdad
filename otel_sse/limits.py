"""Every cap of the package, with its unit and its reason.

Nothing in otel_sse grows with the length of a stream (DESIGN.md section 7.4);
what could grow is cut off by one of these numbers. Each one is tested at the
cap and one past it.
"""

from __future__ import annotations

from typing import Final

MAX_EVENT_BYTES: Final = 1_048_576
"""Bytes of one SSE line or event that the parser keeps; what is longer is reported and skipped.
1 MiB: browsers have no limit, aiohttp's and httpx-sse's readers stop at 64 KiB to 1 MiB a line."""

MAX_NAME_CHARS: Final = 64
"""Characters of a peer's text (a field name, an event type, an id) that any report may quote."""

MAX_FINDINGS_PER_STREAM: Final = 100
"""Findings of one stage that become events; the rest is counted only."""

MAX_PACK_CHUNKS: Final = 32
"""Chunks in one event at detail `packed`: 32 digests are about 0.5 KB, below Tempo's cut of 2,048 bytes."""

MAX_SEGMENT_EVENTS: Final = 1_000
"""Events of one span where the provider sets no limit: about 180 KB, far below gRPC's 4 MiB a message."""

DEFAULT_SPAN_EVENT_LIMIT: Final = 128
"""OpenTelemetry's default for events per span (specification, "Span Limits"), for a provider that does not say."""

MAX_TRACKED_TRACES: Final = 4_096
"""Traces whose event budget is remembered at once; the least recently used is forgotten first."""

MAX_ROUTES: Final = 100
"""Routes that become metric labels (the SDK's own limit is 2,000 label sets an instrument); further ones
are counted under the route `other`."""

MAX_STAGE_ERRORS: Final = 8
"""Internal errors after which one stage of one stream stops observing."""

MAX_CHANNELS: Final = 256
"""Channels (choices, blocks, tool calls) of one stream whose state is kept."""

MAX_TERMINALS: Final = 8
"""Different terminal marks of one stream that are remembered."""

MAX_SNIFFED_EVENTS: Final = 16
"""Events looked at before a stream whose dialect is still open is called generic."""
