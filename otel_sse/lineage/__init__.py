"""Which chunk came from which, as it happens, in one process. Pure."""

from otel_sse.lineage.claims import ANEW, FAR, LATE, NEAR, PASSED, claim
from otel_sse.lineage.pending import Crossings, is_repeat

__all__ = ["ANEW", "FAR", "LATE", "NEAR", "PASSED", "Crossings", "claim", "is_repeat"]
