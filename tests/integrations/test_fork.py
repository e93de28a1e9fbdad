"""Forked children: their own recorder for their own streams, and the parent's goes on."""

from __future__ import annotations

import asyncio
import importlib.util
import signal
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.integrations.answers import ANSWER, DIGESTS
from tests.integrations.processes import TO_FILE, Served, chunks, read_spans, stages

CHILD = """
import asyncio
import threading

from tests.integrations.driver import Driver
from tests.integrations.made import Gate, {make}


def child():
    gate.open()
    driver = asyncio.run(call(app))
    names = [thread.name for thread in threading.enumerate()]
    otel_sse.shutdown()
    print("child", os.getpid(), driver.error, names.count("otel-sse-recorder"), flush=True)


gate = Gate()
app = otel_sse.instrument({make}(gate.parts), tracer_provider=provider)
driver = Driver(app)
loop = asyncio.new_event_loop()
request = loop.create_task(driver.run())


async def first_chunk():
    while len(driver.messages) < 2:
        await asyncio.sleep(0)


loop.run_until_complete(first_chunk())
otel_sse.flush()
pid = os.fork()
if not pid:
    # Nothing of the parent's runs on here: its loop and its open stream are left alone.
    child()
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
gate.open()
loop.run_until_complete(request)
otel_sse.shutdown()
print("parent", os.getpid(), driver.error)
loop.close()
"""


@pytest.mark.parametrize("make", ["plain_app", "starlette_app", "fastapi_app"])
def test_a_fork_in_the_middle_of_a_stream(make: str, run_script: Callable[..., str], tmp_path: Path) -> None:
    """The child records its own stream with a thread of its own; the parent's open stream ends in the parent, whole."""
    file = tmp_path / "spans"
    output = run_script(TO_FILE + CHILD.replace("{make}", make), SPANS=str(file))
    lines = [line.split() for line in output.splitlines()]
    assert [(line[0], line[2]) for line in lines] == [("child", "None"), ("parent", "None")]
    assert lines[0][3] == "1"
    child, parent = int(lines[0][1]), int(lines[1][1])
    spans = read_spans(file)
    assert [(span["pid"], span["attributes"]["sse.stream.outcome"]) for span in stages(spans)] == [
        (child, "completed"),
        (parent, "completed"),
    ]
    of = {pid: [span for span in spans if span["pid"] == pid] for pid in (child, parent)}
    for pid in of:
        segments = [span for span in of[pid] if span["name"] == "stream socket_write"]
        assert [digest for span in segments for digest in chunks(span)] == DIGESTS
        assert len({span["attributes"]["sse.stream.id"] for span in segments}) == 1
    assert stages(spans)[0]["attributes"]["sse.stream.id"] != stages(spans)[1]["attributes"]["sse.stream.id"]


GUNICORN = (
    TO_FILE
    + """
import asyncio

from tests.integrations.made import fastapi_app

app = otel_sse.instrument(fastapi_app(), tracer_provider=provider)
# The recorder's thread runs before the workers are forked.
asyncio.run(call(app))
"""
)


@pytest.mark.server
@pytest.mark.skipif(importlib.util.find_spec("gunicorn") is None, reason="needs gunicorn")
def test_gunicorn_workers(tmp_path: Path) -> None:
    """Workers that gunicorn forks from an application already instrumented each record what they served."""
    (tmp_path / "served.py").write_text(GUNICORN)
    file = tmp_path / "spans"
    arguments = ["-m", "gunicorn", "--preload", "-w", "2", "-k", "uvicorn.workers.UvicornWorker", "-b", "127.0.0.1:0"]
    server = Served([*arguments, "served:app"], tmp_path, r"Listening at: http://127\.0\.0\.1:(\d+)", SPANS=str(file))
    try:
        address = server.address + "/chat"

        async def ask(count: int) -> list[bytes]:
            async with httpx.AsyncClient(timeout=60) as client:
                return [answer.content for answer in await asyncio.gather(*(client.get(address) for _ in range(count)))]

        assert set(asyncio.run(ask(30))) == {ANSWER}
        server.stop(signal.SIGTERM)
    finally:
        server.kill()
    served = stages(read_spans(file))[1:]
    assert len(served) == 30
    assert {span["attributes"]["sse.stream.outcome"] for span in served} == {"completed"}
    assert all(chunks(span) == DIGESTS for span in served)
    assert stages(read_spans(file))[0]["pid"] not in {span["pid"] for span in served}
