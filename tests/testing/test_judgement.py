"""What counts as wrong, by family and certainty."""

from __future__ import annotations
