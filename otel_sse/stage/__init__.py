"""One stage's whole way from bytes to chunks: the pure rooms, put together."""

from otel_sse.stage.monitor import StageMonitor
from otel_sse.stage.notes import Journal
from otel_sse.stage.settings import StageSettings

__all__ = ["Journal", "StageMonitor", "StageSettings"]
