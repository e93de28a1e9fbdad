"""Which chunk came from which: within a process as it happens, over a trace afterwards. Pure."""

from otel_sse.lineage.crossings import Claim, Crossings

__all__ = ["Claim", "Crossings"]
