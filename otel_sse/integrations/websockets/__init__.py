"""The ends of WebSocket connections, by library. The public place is `otel_sse.websockets`."""
