"""The commands of a shell block, told apart by what has to be done with them."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final, NamedTuple


class Kind(Enum):
    """What a line of a block is."""

    INSTALL = "install"
    """`pip install`: says in which environment the page goes on."""
    SETTING = "setting"
    """Changes the shell for the commands below it: a variable, another folder."""
    SERVER = "server"
    """Stays up, in a terminal of its own."""
    PLAIN = "plain"
    """Runs to its end."""


class Command(NamedTuple):
    """A command as the page writes it, on one line."""

    kind: Kind
    text: str


_KINDS: Final = (
    (re.compile(r"(?:python -m )?pip install\b"), Kind.INSTALL),
    (re.compile(r"(?:export|cd) \S"), Kind.SETTING),
    (re.compile(r".*(?:\buvicorn \S+:\S+|\botel-sse demo\b.* --serve\b)"), Kind.SERVER),
)
_CONTINUED: Final = re.compile(r"\\\n[ \t]*")
_TRACES: Final = re.compile(r"--traces (\S+)")
_VARIABLE: Final = re.compile(r"(?:[A-Z_]+=\S+ )*")


def commands(source: str) -> list[Command]:
    """Return a block's commands, in order."""
    lines = (line.strip() for line in _CONTINUED.sub("", source).splitlines())
    return [Command(_kind(line), line) for line in lines if line and not line.startswith("#")]


def _kind(line: str) -> Kind:
    return next((kind for pattern, kind in _KINDS if pattern.match(line)), Kind.PLAIN)


def program(command: str) -> str:
    """Return the name of the program that a command calls."""
    return _VARIABLE.sub("", command, count=1).partition(" ")[0]


def is_demo(command: str) -> bool:
    """Whether it is a run of the demo, which asks nothing but its own servers."""
    return _VARIABLE.sub("", command, count=1).startswith("otel-sse demo")


def traces_file(command: str) -> str | None:
    """Return the file that a run of the demo writes; None where it writes none."""
    found = _TRACES.search(command)
    return found[1] if found else None
