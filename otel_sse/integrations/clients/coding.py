"""Content codings that can be undone on the way, so that a compressed event stream can be read as well."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Final

_EITHER: Final = 32 + zlib.MAX_WBITS
"""Makes zlib find out by itself whether its header or gzip's is there."""

_CODINGS: Final = frozenset({"gzip", "x-gzip", "deflate"})


def decoder_for(coding: str) -> Callable[[bytes], bytes] | None:
    """Return a function that undoes a content coding piece by piece, or None for one that is not known here.

    Args:
        coding: As the header has it, in lower case: `gzip`, `deflate`.

    Source: RFC 9110, section 8.4.1.
    """
    return _Inflater().decode if coding in _CODINGS else None


class _Inflater:
    """Undoes gzip and both kinds of deflate. Bytes that are neither come out as nothing: the reader will say so."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(_EITHER)
        self._first = True
        self._broken = False

    def decode(self, data: bytes) -> bytes:
        first, self._first = self._first, False
        try:
            return b"" if self._broken else self._inflate.decompress(data)
        except zlib.error:
            if first:
                return self._without_header(data)
            self._broken = True
            return b""

    def _without_header(self, data: bytes) -> bytes:
        # Some servers send deflate without zlib's header, and browsers read it.
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        return self.decode(data)
