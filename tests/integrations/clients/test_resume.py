"""A watched client that asks for what comes after an event."""

from __future__ import annotations

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
