"""The stage: a named point that chunks cross."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class StageInfo:
    """What is known of a stage before the first chunk.

    Args:
        name: The stage's name, e.g. `provider`, `emit`, `socket_write`, `policy.judge`.
        stream_id: The stream it belongs to.
        direction: `in` or `out` where both sides of a stage are seen, else "".
        rewrites: Whether the stage may change content.
        source: Which adapter or path feeds it, or "".
        route: The request's route template, e.g. `/chat/{id}`; "" where unknown. Never a raw path.
        kind: Name of the class or function behind it, or "".
    """

    name: str
    stream_id: str
    direction: str = ""
    rewrites: bool = False
    source: str = ""
    route: str = ""
    kind: str = ""

    @property
    def label(self) -> str:
        """Name and direction in one, e.g. `policy.judge.out`: what metrics and log lines call the stage."""
        return f"{self.name}.{self.direction}" if self.direction else self.name
