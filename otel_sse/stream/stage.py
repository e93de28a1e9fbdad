"""The stage: a named point that chunks cross."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec


class StageSpec(msgspec.Struct, frozen=True):
    """What a stage is, in whatever stream. Whoever adds the stage makes it, once; nobody changes or copies it.

    Args:
        name: The stage's name, e.g. `provider`, `emit`, `socket_write`, `policy.judge`.
        direction: `in` or `out` where both sides of a stage are seen, else "".
        rewrites: Whether the stage may change content.
        source: Which adapter or path feeds it, or "".
        kind: Name of the class or function behind it, or "".
        lines: Whether its bytes are newline-delimited JSON and not SSE.
        text: Whether its bytes are plain text, or lines or events that are sent as such.
        encoding: Content coding that makes its bytes unreadable (`gzip`), or "": bytes are then only counted.
        origin: Whether its chunks come from outside this process, so that no stage here is upstream of it.
        relays: Whether it comes after the stage that began before it; False where only equal chunks can tell.
        pulls: Whether somebody pulls chunks through it, so that what it pulls from crosses meanwhile.
        outbound: Whether its chunks leave the process there, so that no iterator here takes them from it.
        last: Whether no stage of this process comes after it.
        to_reader: Whether its chunks are what the reader gets, so that they go on where the reader stopped.
        whole_types: Types of its frames that hold the whole text once more, so that their text is no content.
        cumulative: Whether each of its chunks holds all of the text so far, on purpose; what is new in it is content.
        dialect: The dialect of its chunks, by name or a function that makes one; None for that of the settings.
        content_of: The user's own function from a frame of this stage to its content, or None for that of the settings.
        rewrites_but_after: Name of the one stage behind which it changes no content, where it may behind any other: the
            application's own code lies between them then. "" for a stage that `rewrites` says all of.
    """

    name: str
    direction: str = ""
    rewrites: bool = False
    source: str = ""
    kind: str = ""
    lines: bool = False
    text: bool = False
    encoding: str = ""
    origin: bool = False
    relays: bool = True
    pulls: bool = False
    outbound: bool = False
    last: bool = False
    to_reader: bool = False
    whole_types: tuple[str, ...] = ()
    cumulative: bool = False
    dialect: Any = None
    content_of: Callable[[Any], str | None] | None = None
    rewrites_but_after: str = ""

    @property
    def label(self) -> str:
        """Name and direction in one, e.g. `policy.judge.out`: what metrics and log lines call the stage."""
        return f"{self.name}.{self.direction}" if self.direction else self.name


class StageInfo(msgspec.Struct, frozen=True):
    """A stage of one stream: what the stage is, and whose.

    Args:
        spec: The stage.
        stream_id: The stream it belongs to.
        route: The request's route template, e.g. `/chat/{id}`; "" where unknown. Never a raw path.
    """

    spec: StageSpec
    stream_id: str
    route: str = ""

    @property
    def name(self) -> str:
        """The stage's name, as in its spec."""
        return self.spec.name

    @property
    def label(self) -> str:
        """The stage's label, as in its spec."""
        return self.spec.label
