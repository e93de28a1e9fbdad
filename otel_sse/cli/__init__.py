"""The command `otel-sse`. What was found goes to stdout, what is going on to stderr."""
