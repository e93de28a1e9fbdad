"""Answers that are streamed as plain text, seen from the application's iterator to the socket."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

from tests.dialects.protocols import PROTOCOLS, WORDS
from tests.integrations.driver import call
from tests.integrations.seen import Telemetry

PIECES = {
    "text": [word.encode() for word in WORDS],
    "a document in pieces": [b'{"title":', b' "Fog",', b' "words": []}'],
    "lines of JSON": [
        b'{"content": "word %d ", "done": %s}\n' % (n, b"true" if n == 9 else b"false") for n in range(10)
    ],
    "events": PROTOCOLS["tgi"].bodies,
}


@pytest.mark.parametrize("pieces", PIECES.values(), ids=PIECES)
async def test_plain_text_is_read_as_what_it_is(pieces: list[bytes], telemetry: Telemetry) -> None:
    """Both stages read all pieces, the socket's are made from the iterator's, and nothing is wrong."""

    async def answer(request: Any) -> StreamingResponse:
        return StreamingResponse(iter(pieces), media_type="text/plain")

    app = telemetry.instrument(Starlette(routes=[Route("/chat", answer)]), content_types=("text/plain",))
    assert (await call(app)).body == b"".join(pieces)
    emit, socket = telemetry.stage("emit"), telemetry.stage("socket_write")
    assert (emit.outcome, socket.outcome) == ("completed", "completed")
    assert emit.findings == socket.findings == []
    assert emit.digests == socket.digests
    assert [chunk["sse.chunk.upstream.first"] for chunk in socket.chunks] == [*range(1, len(pieces) + 1)]
