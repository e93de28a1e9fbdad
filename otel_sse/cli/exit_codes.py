"""What the exit code of `otel-sse` says."""

from __future__ import annotations

from typing import Final

OK: Final = 0
FINDINGS: Final = 1
"""What was looked at is not in order, or what was asked for could not be done to its end."""

USAGE: Final = 2
"""An option, an argument or a variable can't be used, or a package is missing."""

INPUT: Final = 3
"""An input can't be read."""

INTERRUPTED: Final = 130
"""Ctrl-C: what the shell says of a program that SIGINT ended."""
