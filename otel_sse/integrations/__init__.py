"""Thin shells around frameworks: IO and patching live here and nowhere else."""
