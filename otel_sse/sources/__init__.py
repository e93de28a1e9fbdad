"""Where traces are read from. What comes out are plain spans, see `otel_sse.diagnosis.trace.spans`."""
