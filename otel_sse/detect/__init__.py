"""What is wrong with a chunk: one detector per concern, bounded state, no text kept. Pure."""
