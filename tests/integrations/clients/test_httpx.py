"""httpx and httpx2: what their responses are, and how their readers leave."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import httpx
import httpx2
import pytest

from tests.integrations.answers import ANSWER, DIGESTS, plain
from tests.integrations.clients.readers import Model, endless
from tests.integrations.seen import Telemetry
from tests.integrations.servers import Uvicorn


def test_sync_clients_outside(outside: Telemetry, model_server: Uvicorn) -> None:
    """`httpx.get` of an event stream, read at once, is a stage as well."""
    outside.instrument(plain())
    address = model_server.serve(Model())
    for library in (httpx, httpx2):
        assert library.get(address).content == ANSWER
    assert [stage.digests for stage in outside.stages(2, "client")] == [DIGESTS, DIGESTS]


def test_a_response_is_still_itself(telemetry: Telemetry, model_server: Uvicorn) -> None:
    """The stream of a watched response is of the library's class, and knows how long it took."""
    telemetry.instrument(plain())
    address = model_server.serve(Model())
    for library in (httpx, httpx2):
        with library.Client() as client, client.stream("GET", address) as response:
            assert isinstance(response.stream, library.SyncByteStream)
            response.read()
        assert response.elapsed.total_seconds() > 0


@pytest.mark.parametrize("library", [httpx, httpx2])
async def test_leaving_early(library: Any, outside: Telemetry, model_server: Uvicorn) -> None:
    """Whoever stops in the middle, by `break`, `aclose` or by letting go, ends the stage once, as abandoned."""
    outside.instrument(plain())
    address = model_server.serve(Model(endless))
    async with library.AsyncClient() as client:
        async with client.stream("GET", address) as response:
            async for _ in response.aiter_bytes():
                break
        async with client.stream("GET", address) as response, aclosing(response.aiter_lines()) as lines:
            await anext(lines)
        response = await client.send(client.build_request("GET", address), stream=True)
        await anext(response.aiter_raw())
        await response.aclose()
    with library.Client() as sync, sync.stream("GET", address) as answer:
        for _ in answer.iter_bytes():
            break
    assert [stage.outcome for stage in outside.stages(4, "client")] == ["abandoned"] * 4
