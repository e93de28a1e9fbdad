"""The vectors of web-platform-tests, whole and in pieces, with and without the quick paths."""

from __future__ import annotations

import ast
import base64
import json
from pathlib import Path
from typing import Any

import pytest

from otel_sse.wire import Comment, Event, Item, Parser, is_event_stream

VECTORS = Path(__file__).resolve().parents[2].parent / "shared" / "conformance" / "wpt_vectors.json"
FOUND: dict[str, Any] = json.loads(VECTORS.read_text()) if VECTORS.exists() else {"vectors": [], "mime": []}

pytestmark = pytest.mark.skipif(
    not VECTORS.exists(), reason="needs shared/conformance/wpt_vectors.json beside the project's folder"
)


class LinesOnly(Parser):
    """The parser without its quick paths."""

    def feed(self, data: bytes | bytearray | memoryview) -> list[Item]:
        self._idle = False
        return super().feed(data)

    def _feed_blocks(self, data: bytes, items: list[Item]) -> None:
        self._feed_lines(data, items)


def pieces(vector: dict[str, Any], length: int) -> list[bytes]:
    """The vector's own chunks for 0, else its bytes in pieces of that length."""
    chunks = [base64.b64decode(chunk) for chunk in vector["chunks_b64"]]
    if not length:
        return chunks
    body = b"".join(chunks)
    return [body[at : at + length] for at in range(0, len(body), length)]


def test_all_vectors_are_there() -> None:
    """The file has the 28 streams and 4 content types that this suite claims to run."""
    assert (len(FOUND["vectors"]), len(FOUND["mime"])) == (28, 4)


@pytest.mark.parametrize("make", [Parser, LinesOnly])
@pytest.mark.parametrize("length", [0, 1, 3], ids=["whole", "bytes", "threes"])
@pytest.mark.parametrize("vector", FOUND["vectors"], ids=[vector["name"] for vector in FOUND["vectors"]])
def test_a_vector_s_events_ids_retry_and_comments(vector: dict[str, Any], length: int, make: type[Parser]) -> None:
    """A stream gives the events, last event ids, reconnection time and comments that the vector demands."""
    parser = make(last_event_id=vector.get("initial_last_event_id", ""))
    items = [item for piece in pieces(vector, length) for item in parser.feed(piece)]
    parser.close()
    events = [item for item in items if isinstance(item, Event)]
    assert [
        {"type": event.event or "message", "data": event.data, "lastEventId": event.last_event_id} for event in events
    ] == vector["expected"]
    assert parser.retry_ms == vector["expected_retry"]
    if vector["expected_comments"] is not None:
        assert [item.text for item in items if isinstance(item, Comment)] == vector["expected_comments"]


@pytest.mark.parametrize("vector", FOUND["vectors"], ids=[vector["name"] for vector in FOUND["vectors"]])
def test_a_vector_s_chunks_are_its_input(vector: dict[str, Any]) -> None:
    """Both forms of the input are the same bytes, so that what was fed is what was meant."""
    assert b"".join(pieces(vector, 0)) == ast.literal_eval(f"b'''{vector['input_escaped']}'''")


@pytest.mark.parametrize("case", FOUND["mime"], ids=[case["name"] for case in FOUND["mime"]])
def test_a_vector_s_content_type(case: dict[str, Any]) -> None:
    """A content type is an event stream where the vector says so, as text and as bytes."""
    assert is_event_stream(case["content_type"]) is case["is_event_stream"]
    assert is_event_stream(case["content_type"].encode()) is case["is_event_stream"]
