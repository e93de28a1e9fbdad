"""A visitor that asks the demo's two applications all the time; every few questions one is answered with a fault.

CHAT_URL, PIPELINE_URL   what to ask
FAULTS                   names, separated by commas, that take turns; unset takes them all
FAULT_EVERY              every how many questions a fault is ordered; 0 for never
PAUSE_S                  seconds between two questions
ASKED_FILE               is touched after each question, so that somebody can see that it goes on; unset for none
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from otel_sse.demo.faults import SIMPLE
from otel_sse.demo.pipeline_policies import POLICIES

TIMEOUT_S = 60.0


def bodies(faults: tuple[str, ...], fault_every: int) -> Iterator[dict[str, Any]]:
    """Yield what to ask the application with faults, without end."""
    turns = itertools.cycle(faults)
    for number in itertools.count(1):
        ordered = next(turns) if fault_every and number % fault_every == 0 else None
        yield {"question": "Tell me a joke.", "fault": ordered}


def ask(client: httpx.Client, url: str, body: dict[str, Any]) -> str:
    """Ask, read the answer to its end, and return one line about it."""
    said = " ".join(f"{name}={value}" for name, value in body.items() if name != "question" and value)
    try:
        with client.stream("POST", f"{url}/chat", json=body) as response:
            size = sum(map(len, response.iter_raw()))
            trace = response.headers.get("x-trace-id", "none")
            return f"{response.status_code} {size:>6} bytes  trace {trace}  {said}"
    except httpx.HTTPError as error:
        return f"{type(error).__name__}: {error}  {said}"


def touch(environ: dict[str, str]) -> None:
    """Touch the file that says when the last question was asked."""
    if path := environ.get("ASKED_FILE"):
        Path(path).touch()


def main(environ: dict[str, str], questions: int | None = None) -> None:
    """Ask until stopped.

    Args:
        environ: The variables above.
        questions: How many rounds; None for no end.
    """
    faults = tuple(name for name in environ.get("FAULTS", ",".join(SIMPLE)).split(",") if name)
    asked = zip(bodies(faults, int(environ.get("FAULT_EVERY", "5"))), itertools.cycle(POLICIES), strict=False)
    # The applications are on the same network: a proxy that the environment names is not asked.
    with httpx.Client(timeout=TIMEOUT_S, trust_env=False) as client:
        for body, policy in itertools.islice(asked, questions):
            print(ask(client, environ["CHAT_URL"], body))
            touch(environ)
            print(ask(client, environ["PIPELINE_URL"], {"question": "joke", "policy": policy}))
            touch(environ)
            time.sleep(float(environ.get("PAUSE_S", "2")))


if __name__ == "__main__":
    main(dict(os.environ))
