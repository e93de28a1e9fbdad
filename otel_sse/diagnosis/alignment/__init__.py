"""Which chunk of a stage became which chunk of the next one."""
