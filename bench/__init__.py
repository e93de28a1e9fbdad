"""What otel_sse costs, beside what its peers cost: `python -m bench`, described in docs/cost.md."""
