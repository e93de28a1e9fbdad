"""What goes wrong while a source is read."""

from __future__ import annotations

from otel_sse.errors import OtelSSEError


class SourceError(OtelSSEError, ValueError):
    """A source can't be read, or has not what was asked for."""


class TooLargeError(SourceError):
    """An answer of a backend is larger than `limits.MAX_ANSWER_BYTES`."""
