"""A watched client that asks for what comes after an event."""

from __future__ import annotations

import aiohttp
import httpx

from tests.integrations.answers import EVENT_STREAM, plain
from tests.integrations.clients.readers import Model
from tests.integrations.seen import Telemetry
from tests.integrations.servers import Uvicorn
from tests.integrations.test_resume import events, is_resumed, said


def test_what_is_read_is_held_against_the_client_s_own_header(outside: Telemetry, model_server: Uvicorn) -> None:
    """An answer that brings what the client had by its Last-Event-ID is a replay, and one that goes on is a resume."""
    outside.instrument(plain())
    address = model_server.serve(Model(plain(events(range(8, 30)), EVENT_STREAM)))
    for ident in ("10", "7"):
        httpx.get(address, headers={"Last-Event-ID": ident})
    replayed, resumed = outside.stages(2, "client")
    assert said(replayed) == [("duplicate/replayed", "certain", 1)]
    assert said(resumed) == []
    assert [is_resumed(replayed), is_resumed(resumed)] == [False, True]


async def test_a_cursor_in_the_client_s_own_query_orders_the_replay(outside: Telemetry, model_server: Uvicorn) -> None:
    """Each client's query is read; an answer that begins elsewhere is none, and no fault either."""
    outside.instrument(plain())
    address = model_server.serve(Model(plain(events(range(8, 30)), EVENT_STREAM)))
    httpx.get(f"{address}?from=8", headers={"Last-Event-ID": "20"})
    async with aiohttp.ClientSession() as session, session.get(f"{address}?starting_after=7") as response:
        await response.read()
        headers = {"Last-Event-ID": "10"}
        async with session.get(address, headers=headers) as replayed:
            await replayed.read()
    httpx.get(f"{address}?offset=3")
    stages = outside.stages(4, "client")
    assert [said(stage) for stage in stages] == [[], [], [("duplicate/replayed", "certain", 1)], []]
    assert [is_resumed(stage) for stage in stages] == [True, True, False, False]
