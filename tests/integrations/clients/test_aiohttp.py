"""aiohttp's client: what its responses are, and how its readers leave."""

from __future__ import annotations

import gzip

import aiohttp

from tests.integrations.answers import ANSWER, DIGESTS, EVENT_STREAM, plain
from tests.integrations.clients.readers import Model, endless
from tests.integrations.seen import Telemetry
from tests.integrations.servers import Uvicorn


async def test_aiohttp_without_decompression(outside: Telemetry, model_server: Uvicorn) -> None:
    """Where the session leaves the coding on, the stage takes it off for itself."""
    outside.instrument(plain())
    sent = gzip.compress(ANSWER)
    address = model_server.serve(Model(plain([sent], EVENT_STREAM, (b"content-encoding", b"gzip"))))
    async with aiohttp.ClientSession(auto_decompress=False) as session, session.get(address) as response:
        assert await response.read() == sent
    assert outside.stage("client").digests == DIGESTS


async def test_leaving_early_with_aiohttp(outside: Telemetry, model_server: Uvicorn) -> None:
    """The same with aiohttp: by the end of `async with`, by `close` and by `release`."""
    outside.instrument(plain())
    address = model_server.serve(Model(endless))
    async with aiohttp.ClientSession() as session:
        async with session.get(address) as response:
            async for _ in response.content:
                break
        for leave in ("close", "release"):
            response = await session.get(address)
            await response.content.readline()
            getattr(response, leave)()
    assert [stage.outcome for stage in outside.stages(3, "client")] == ["abandoned"] * 3
