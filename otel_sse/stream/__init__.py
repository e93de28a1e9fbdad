"""One stream's life at one stage: what a chunk is, what may be said of it, how it ends. Pure."""
