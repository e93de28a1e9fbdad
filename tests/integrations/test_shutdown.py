"""Streams that are open when their server is told to end."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx
import pytest

from tests.integrations.processes import TO_FILE, Served, read_spans, stages
from tests.integrations.seen import until

APP = (
    TO_FILE
    + """
import asyncio
from tests.integrations.answers import FRAMES
from tests.integrations.made import starlette_app


async def endless():
    while True:
        yield FRAMES[0]
        await asyncio.sleep(0.01)


app = otel_sse.instrument(starlette_app(endless), tracer_provider=provider, segment_seconds=3600)
"""
)
COMMAND = ["-m", "uvicorn", "served:app", "--port", "0", "--timeout-graceful-shutdown", "1"]


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_open_stream_has_its_end_written(by: signal.Signals, tmp_path: Path) -> None:
    """A stream that uvicorn cancels as it shuts down, by whatever signal, is written whole, with its outcome."""
    (tmp_path / "served.py").write_text(APP)
    file = tmp_path / "spans"
    server = Served(COMMAND, tmp_path, r"running on http://127\.0\.0\.1:(\d+)", SPANS=str(file))
    try:
        with httpx.stream("GET", server.address + "/chat", timeout=60) as response:
            parts = response.iter_raw()
            next(parts)
            server._process.send_signal(by)
            with pytest.raises(httpx.RemoteProtocolError):
                list(parts)
        until(lambda: server._process.poll() is not None, "the server's end")
    finally:
        server.kill()
    (stage,) = stages(read_spans(file))
    assert stage["attributes"]["sse.stream.outcome"] == "cancelled"
    assert stage["attributes"]["sse.stream.chunks"] == len(stage["events"]) > 0
