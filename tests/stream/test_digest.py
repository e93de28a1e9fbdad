"""Digests of content."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sse.stream import digest
from otel_sse.stream.digest import DIGEST_CHARS, keyed_digest, sha1_digest


@given(st.binary())
def test_plain_digest_is_the_beginning_of_sha1(data: bytes) -> None:
    """The plain digest is the first 12 hex digits of what anybody's SHA-1 says."""
    assert sha1_digest(data) == hashlib.sha1(data).hexdigest()[:12]


def test_plain_digest_of_a_known_text() -> None:
    """The digest of "Hello" is the one that `printf Hello | sha1sum` prints."""
    assert sha1_digest(b"Hello") == "f7ff9e8b7bb2"


@given(st.text(), st.binary())
def test_keyed_digest_is_stable_and_as_long(key: str, data: bytes) -> None:
    """Two digest functions of one key agree, and their digests have the plain one's length."""
    first, second = keyed_digest(key)(data), keyed_digest(key)(data)
    assert first == second
    assert len(first) == DIGEST_CHARS
    assert set(first) <= set("0123456789abcdef")


def test_keyed_digest_is_blake2b_with_the_key() -> None:
    """The keyed digest can be recomputed by whoever has the key, with BLAKE2b of 6 bytes."""
    assert keyed_digest("key")(b"Hello") == hashlib.blake2b(b"Hello", digest_size=6, key=b"key").hexdigest()


def test_keyed_digest_differs_from_the_plain_one_and_from_another_key() -> None:
    """Without the key a digest can't be looked up in a table of plain digests or of another key's."""
    digests = {sha1_digest(b"the"), keyed_digest("a")(b"the"), keyed_digest("b")(b"the")}
    assert len(digests) == 3


def test_long_keys_count_to_their_last_character() -> None:
    """A key longer than BLAKE2b's 64 bytes is not cut: two that differ at the end give different digests."""
    longest = "k" * hashlib.blake2b.MAX_KEY_SIZE
    digests = {keyed_digest(key)(b"the") for key in (longest, longest + "a", longest + "b")}
    assert len(digests) == 3


def test_sha1_is_had_in_fips_mode_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where OpenSSL refuses SHA-1 as a security measure, it is asked for as what it is here: a name."""
    plain = hashlib.sha1

    def strict(data: bytes, *, usedforsecurity: bool = True) -> object:
        if usedforsecurity:
            raise ValueError("disabled for FIPS")
        return plain(data, usedforsecurity=False)

    monkeypatch.setattr(hashlib, "sha1", strict)
    assert digest._sha1_constructor()(b"Hello").hexdigest() == plain(b"Hello").hexdigest()
