"""Which chunk came from which: within a process as it happens, over a trace afterwards. Pure."""

from otel_sse.lineage.crossings import ANEW, FAR, LATE, NEAR, PASSED, Crossings, claim, is_repeat

__all__ = ["ANEW", "FAR", "LATE", "NEAR", "PASSED", "Crossings", "claim", "is_repeat"]
