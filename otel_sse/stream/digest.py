"""Digests of content: short, comparable across processes, and keyed where the user wants them so."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any, Final

DIGEST_CHARS: Final = 12
"""Hex digits of a digest: 48 bits, so a stream of 10,000 chunks has a chance of 2 in 10 million to hold two
different texts with one digest."""

Digest = Callable[[bytes], str]


def _sha1_constructor() -> Callable[[bytes], Any]:
    # Not a security measure: it names content, so that two stages can be compared. Saying so at every call costs a
    # third more, so it is said only where OpenSSL runs in FIPS mode and asks for it.
    try:
        hashlib.sha1(b"")
    except ValueError:
        return partial(hashlib.sha1, usedforsecurity=False)
    return hashlib.sha1


sha1 = _sha1_constructor()


def sha1_digest(data: bytes) -> str:
    """Return the first 12 hex digits of the SHA-1 of `data`."""
    name: str = sha1(data).hexdigest()[:DIGEST_CHARS]
    return name


def keyed_digest(key: str) -> Digest:
    """Return a digest function that nobody without `key` can look texts up with (BLAKE2b, 12 hex digits).

    Args:
        key: Any text; keys longer than BLAKE2b's 64 bytes are hashed first.
    """
    raw = key.encode()
    if len(raw) > hashlib.blake2b.MAX_KEY_SIZE:
        raw = hashlib.blake2b(raw).digest()

    def digest(data: bytes) -> str:
        return hashlib.blake2b(data, digest_size=DIGEST_CHARS // 2, key=raw).hexdigest()

    return digest
