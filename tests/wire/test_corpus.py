"""The recorded streams of real services, cut in every way a network cuts them."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from otel_sse.wire import Event, Item, Parser, Violation

pytestmark = pytest.mark.corpus


class LinesOnly(Parser):
    """The parser without its quick paths."""

    def feed(self, data: bytes | bytearray | memoryview) -> list[Item]:
        self._idle = False
        return super().feed(data)

    def _feed_blocks(self, data: bytes, items: list[Item]) -> None:
        self._feed_lines(data, items)


@pytest.fixture(scope="module")
def streams(corpus: Path) -> dict[str, bytes]:
    """Every recorded stream by its name in the index."""
    found = {f"streams/{path.name}": path.read_bytes() for path in sorted((corpus / "streams").glob("*.sse"))}
    assert len(found) == 732
    return found


def read(parser: Parser, pieces: list[bytes]) -> list[tuple[Item, int]]:
    items = [item for piece in pieces for item in parser.feed(piece)]
    return [(item, item.size) for item in [*items, *parser.close()]]


def in_random_pieces(body: bytes, rng: random.Random) -> list[bytes]:
    cuts = sorted(rng.randrange(len(body)) for _ in range(min(60, len(body) // 20)))
    return [body[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(body)], strict=True)]


def test_whole_by_line_by_block_and_in_random_pieces(streams: dict[str, bytes]) -> None:
    """Each stream gives the same items and sizes however it is cut, with and without the quick paths."""
    rng = random.Random(732)
    for name, body in streams.items():
        whole = read(Parser(), [body])
        by_block = [block + b"\n\n" for block in body.split(b"\n\n")]
        by_block[-1] = by_block[-1][:-2]
        for pieces in (body.splitlines(keepends=True), by_block, in_random_pieces(body, rng)):
            assert read(Parser(), pieces) == whole, name
        assert read(LinesOnly(), [body]) == whole, name


def test_the_index_counts_the_same_events(streams: dict[str, bytes], corpus: Path) -> None:
    """The number of events of each stream is the one that the index counted on its own."""
    index = json.loads((corpus / "index.json").read_text())["streams"]
    for entry in index:
        items = [item for item, _ in read(Parser(), [streams[entry["file"]]])]
        events = sum(isinstance(item, Event) for item in items)
        assert events == entry["n_events"], entry["file"]


def test_real_streams_hold_no_violation(streams: dict[str, bytes]) -> None:
    """Nothing that real services sent is called a violation, and every recording ends after a blank line."""
    for name, body in streams.items():
        assert [item for item, _ in read(Parser(), [body]) if isinstance(item, Violation)] == [], name
