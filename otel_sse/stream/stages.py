"""The names of the stages that the package makes, once, and what each one promises.

A user may give a stage any other name: of such a stage nothing is promised. Whether a stage may rewrite is told with
each stage (`StageInfo.rewrites`) and not by its name.
"""

from __future__ import annotations

from typing import Final

import msgspec

PROVIDER: Final = "provider"
CLIENT: Final = "client"
CALLBACK: Final = "callback"
NORMALIZE: Final = "normalize"
EMIT: Final = "emit"
SOCKET_WRITE: Final = "socket_write"
WS_SEND: Final = "ws.send"
WS_RECEIVE: Final = "ws.receive"
POLICY_NAME: Final = "policy.<name>"
GUARD_NAME: Final = "guard.<name>"
"""The last two stand for the stages of users' policies and of guards; `of_policy` and `of_guard` make their names."""


class Stage(msgspec.Struct, frozen=True):
    """One stage by its name. A promise that is not made is False.

    Args:
        name: Its name.
        brief: What crosses it.
        is_origin: Its chunks come from outside the process. Several such stages may feed one stream, and by time alone
            no other stage is upstream of one.
        receives: It reads what another process sends: where the connection goes away, so does the data.
        reads_body: It reads a response's body from a network, so that what buffers a whole answer is before it.
        adds_nothing: Nobody adds text on the way into it: what is equal there was handed on again.
        hands_on_all: It hands on all that came to it, whatever the application does.
        is_last: All other stages of its process lead to it. It begins before them, with the response.
    """

    name: str
    brief: str
    is_origin: bool = False
    receives: bool = False
    reads_body: bool = False
    adds_nothing: bool = False
    hands_on_all: bool = False
    is_last: bool = False


STAGES: Final = (
    Stage(
        PROVIDER,
        "The event stream that an application reads from a model server inside a request.",
        is_origin=True,
        receives=True,
        reads_body=True,
    ),
    Stage(CLIENT, "An event stream that is read outside of any request.", receives=True, reads_body=True),
    Stage(CALLBACK, "What goes into and comes out of a hook of LiteLLM's proxy."),
    Stage(NORMALIZE, "What a function under `normalize` makes of each chunk."),
    Stage(POLICY_NAME, "What goes into and comes out of a policy."),
    Stage(GUARD_NAME, "What a guard hands on."),
    Stage(EMIT, "What the application's own iterator yields to the framework's streaming response."),
    Stage(
        SOCKET_WRITE,
        "The bytes that the framework hands to the server.",
        adds_nothing=True,
        hands_on_all=True,
        is_last=True,
    ),
    Stage(WS_SEND, "The messages that a process sends over a WebSocket.", adds_nothing=True),
    Stage(
        WS_RECEIVE,
        "The messages that a process receives over a WebSocket.",
        receives=True,
        adds_nothing=True,
        hands_on_all=True,
    ),
)
"""Every stage that the package makes by itself or by one of its verbs. Source: docs/stages.md."""

ORIGINS: Final = frozenset(stage.name for stage in STAGES if stage.is_origin)
RECEIVERS: Final = frozenset(stage.name for stage in STAGES if stage.receives)
READERS: Final = frozenset(stage.name for stage in STAGES if stage.reads_body)
ADDING_NOTHING: Final = frozenset(stage.name for stage in STAGES if stage.adds_nothing)
FAITHFUL: Final = frozenset(stage.name for stage in STAGES if stage.hands_on_all)
LAST: Final = frozenset(stage.name for stage in STAGES if stage.is_last)
"""Names by what they promise, in the order of `Stage`."""


def of_policy(name: str) -> str:
    """Return the name of a policy's stage.

    Args:
        name: The policy's name.
    """
    return f"policy.{name}"


def of_guard(name: str) -> str:
    """Return the name of a guard's stage.

    Args:
        name: The guard's name, one of `otel_sse.semconv.GUARDS`.
    """
    return f"guard.{name}"
