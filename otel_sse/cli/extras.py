"""Packages that a command needs and the package alone does not bring."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from otel_sse.errors import MissingExtraError


@contextmanager
def needs(extra: str, feature: str) -> Iterator[None]:
    """Turn an import error in the block into words that say what to install.

    Args:
        extra: The extra that brings what is missing.
        feature: What needs it.

    Raises:
        MissingExtraError: A module of another package is not there, or is too old to have what is needed.
    """
    try:
        yield
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "otel_sse":
            raise
        raise MissingExtraError(feature, extra) from error
