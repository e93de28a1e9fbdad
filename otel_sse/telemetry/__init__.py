"""From journals to spans, events, metrics and logs. Knows OpenTelemetry's API; no HTTP, no SSE."""
