"""Which chunk of a stage became which chunk of the next stage, and what became of it."""
