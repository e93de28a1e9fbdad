"""The client of the demo: asks the gateway and reads the answer from the socket as it comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import httpx

from otel_sse import limits
from otel_sse.dialects import Reader
from otel_sse.wire import Event, Parser

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
    try:
        with client.stream("POST", "/chat", json={"question": question, "fault": fault}) as response:
            reply.trace_id = response.headers.get("x-trace-id", "")
            if response.is_success:
                _read(response, reply, show)
            else:
                reply.error = f"status {response.status_code}"
    except httpx.HTTPError as error:
        reply.error = f"{type(error).__name__}: {error}"
    return reply


def _read(response: httpx.Response, reply: Reply, show: Callable[[str], None]) -> None:
    parser, reader = Parser(max_bytes=limits.MAX_EVENT_BYTES), Reader()
    for data in response.iter_raw():
        for item in parser.feed(data):
            if isinstance(item, Event) and (content := reader.read(item).content) is not None:
                reply.text += content
                show(content)
