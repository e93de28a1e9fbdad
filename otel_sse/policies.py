"""Policies: whatever takes a stream and gives a stream, seen on both sides."""

from otel_sse.integrations.verbs.policies import policy, wrap

__all__ = ["policy", "wrap"]
