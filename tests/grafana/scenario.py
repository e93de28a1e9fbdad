"""What happens to the applications: in one everything that can go wrong does, in the other nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx

from grafana.generate.alerts import BROKEN_LEAST, SLOW_FIRST_CONTENT_S, STALLED_LEAST
from tests.grafana.served import BURST_CHUNKS

POLICIES = ("pass", "judge")


class Client:
    """Asks an application's servers.

    Args:
        urls: Their addresses.
    """

    def __init__(self, urls: dict[str, str]) -> None:
        self._urls = urls
        self._client = httpx.Client(trust_env=False, timeout=60)

    def chat(self, fault: str | None = None) -> str:
        """Ask the gateway, with a mistake or without; return the trace's id."""
        return self._read("POST", "gateway", "/chat", json={"question": "Tell me a joke.", "fault": fault})

    def pipeline(self, policy: str) -> str:
        """Ask through the pipeline's hops and a policy."""
        return self._read("POST", "pipeline", "/chat", json={"question": "Tell me a joke.", "policy": policy})

    def odd(self, path: str, **arguments: Any) -> str:
        """Ask the application with the unusual streams."""
        return self._read("GET", "odd", path, params=arguments)

    def break_hook(self) -> None:
        """Let the hook raise from now on."""
        self._read("POST", "odd", "/break-hook")

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def _read(self, method: str, server: str, path: str, **arguments: Any) -> str:
        answer = self._client.request(method, self._urls[server] + path, **arguments)
        answer.raise_for_status()
        return answer.headers.get("x-trace-id", "")


def go_well(client: Client) -> None:
    """Each route and each hop once, with nothing wrong: their counters are there, at 0 where they count faults."""
    client.chat()
    for policy in POLICIES:
        client.pipeline(policy)
    for path in ("/slow", "/numbered", "/burst"):
        client.odd(path)


def go_wrong(client: Client) -> dict[str, str]:
    """Everything that an alert is about, nearly at once; returns the trace of each fault by its name."""
    client.break_hook()
    # With those below, as many as the alerts ask for. Those come last, and with them their exemplars.
    before = ["missing_terminal"] * (BROKEN_LEAST - 1) + ["stall"] * (STALLED_LEAST - 1)
    faults = {
        **{fault: partial(client.chat, fault) for fault in ("doubled", "missing_terminal", "stall")},
        "numbered": partial(client.odd, "/numbered", skip=9),
        "burst": partial(client.odd, "/burst", chunks=BURST_CHUNKS),
        **{policy: partial(client.pipeline, policy) for policy in POLICIES},
    }
    with ThreadPoolExecutor(1 + max(len(before), len(faults))) as pool:
        # It takes longer than any other one, and so begins with the first.
        asked = {"slow": pool.submit(client.odd, "/slow", wait_s=SLOW_FIRST_CONTENT_S + 0.5)}
        list(pool.map(client.chat, before))
        asked |= {name: pool.submit(ask) for name, ask in faults.items()}
    return {name: answer.result() for name, answer in asked.items()}
