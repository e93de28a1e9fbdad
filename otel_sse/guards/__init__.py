"""Nets that an application puts around a stream: they act, where observers only look.

`single_pass` raises where a stream is iterated a second time. `deduplicate` drops chunks that came before, and
`trim_restarts` the opening of an answer that begins again: both are off unless asked for, and docs/guards.md says
what each may cost.
"""

from otel_sse.errors import StreamReusedError
from otel_sse.guards.nets import deduplicate, trim_restarts
from otel_sse.guards.single_pass import single_pass

__all__ = ["StreamReusedError", "deduplicate", "single_pass", "trim_restarts"]
