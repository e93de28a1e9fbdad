"""The client of the demo: asks the gateway and reads the answer from the socket as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import httpx

from otel_sse import limits
from otel_sse.demo.faults import FAULTS, full_name
from otel_sse.dialects import Reader
from otel_sse.stream.facts import Facts
from otel_sse.wire import Event, Parser

LEAVES_AFTER: Final = 20
"""Events that the client of `disconnect` reads before it leaves."""

NO_TRACE: Final = "There is no trace of it. Is one of the variables OTEL_... set so that none is made?"
"""What is said of an answer that came without one."""

_TIMEOUT_S: Final = 75.0
"""Longer than the longest gap between two tokens that the model server can be told to make."""


@dataclass(slots=True)
class Reply:
    """What the client got for one question.

    Args:
        question: What was asked.
        fault: The mistake that was ordered with it, or None.
        trace_id: What the response header `X-Trace-ID` said, or "".
        text: The answer as it arrived, a fault's doings included.
        error: Why there is no whole answer, or "".
    """

    question: str
    fault: str | None
    trace_id: str = ""
    text: str = ""
    error: str = ""


def load() -> None:
    """Load now what httpx loads with its first client, so that no Ctrl-C comes in the middle of that."""
    connect("http://127.0.0.1").close()


def connect(url: str) -> httpx.Client:
    """Return a client of the gateway at `url`. To be closed, or used as a context manager."""
    # The gateway is on loopback: a proxy that the environment names is not asked.
    return httpx.Client(base_url=url, trust_env=False, timeout=_TIMEOUT_S)


def ask(client: httpx.Client, question: str, fault: str | None, show: Callable[[str], None]) -> Reply:
    """Ask one question and return what came back; a broken answer is told in the reply and not raised.

    Args:
        client: Connected to the gateway.
        question: What to ask.
        fault: Name of a fault to order, or None.
        show: Called with each piece of the answer as it arrives.
    """
    reply = Reply(question, fault)
    by_client = fault is not None and is_by_client(fault)
    body = {"question": question, "fault": None if by_client else fault}
    try:
        with client.stream("POST", "/chat", json=body) as response:
            reply.trace_id = response.headers.get("x-trace-id", "")
            if response.is_success:
                for facts in read(response, LEAVES_AFTER if by_client else None):
                    if facts.content is not None:
                        reply.text += facts.content
                        show(facts.content)
            else:
                reply.error = f"status {response.status_code}"
    except httpx.HTTPError as error:
        reply.error = f"{type(error).__name__}: {error}"
    return reply


def is_by_client(fault: str) -> bool:
    """Return whether it is the client that makes a fault."""
    name = full_name(fault)
    return name in FAULTS and FAULTS[name].by_client


def read(response: httpx.Response, most: int | None) -> Iterator[Facts]:
    """Yield what each event of an answer says, as it arrives.

    Args:
        response: An answer whose body has not been read.
        most: Events after which the client leaves, or None.

    Raises:
        httpx.HTTPError: The connection broke.
    """
    parser, reader, count = Parser(max_bytes=limits.MAX_EVENT_BYTES), Reader(), 0
    for data in response.iter_raw():
        for item in parser.feed(data):
            if isinstance(item, Event):
                count += 1
                yield reader.read(item)
        if most is not None and count >= most:
            return
