"""A recorded trace, read: spans, the chunks on them, stages, streams, and the edges between stages."""
