"""Content codings are undone piece by piece; what is no such coding comes out as nothing."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import pytest

from otel_sse.integrations.clients.coding import decoder_for

TEXT = b"data: one\n\n" * 40


def without_header(data: bytes) -> bytes:
    """Deflate as browsers read it too: without zlib's header."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


@pytest.mark.parametrize("step", [1, 7, 10_000])
@pytest.mark.parametrize(
    ("coding", "compress"),
    [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress)],
)
def test_any_cut_gives_the_whole(coding: str, compress: Callable[[bytes], bytes], step: int) -> None:
    """However the bytes are cut, all of the text comes out."""
    decode = decoder_for(coding)
    assert decode is not None
    data = compress(TEXT)
    assert b"".join(decode(data[at : at + step]) for at in range(0, len(data), step)) == TEXT


def test_deflate_without_its_header() -> None:
    """Deflate without zlib's header is known by its first piece."""
    decode = decoder_for("deflate")
    assert decode is not None
    assert decode(without_header(TEXT)) == TEXT


def test_bytes_arrive_as_soon_as_they_can_be_read() -> None:
    """A piece that the server flushed is decoded at once, and not with the next one."""
    compressor = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    decode = decoder_for("gzip")
    assert decode is not None
    for word in (b"data: a\n\n", b"data: b\n\n"):
        assert decode(compressor.compress(word) + compressor.flush(zlib.Z_SYNC_FLUSH)) == word


@pytest.mark.parametrize("coding", ["", "br", "zstd", "gzip, gzip"])
def test_codings_that_are_not_known(coding: str) -> None:
    """There is no function for a coding that the standard library can't undo."""
    assert decoder_for(coding) is None


def test_damaged_bytes_end_it() -> None:
    """After bytes that are no compressed ones nothing comes out any more, and nothing is raised."""
    decode = decoder_for("gzip")
    assert decode is not None
    data = gzip.compress(TEXT)
    half = decode(data[:30])
    assert TEXT.startswith(half)
    assert decode(b"\xff" * 50) == b""
    assert decode(data) == b""
