"""What a forked child is told to forget."""

from __future__ import annotations

import os

import pytest

from otel_sse.recording import fork

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork, which this system does not have"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]


class Watched:
    """Notes each time that it is told of a fork."""

    def __init__(self, name: str, told: list[str]) -> None:
        self._name = name
        self._told = told

    def after_fork(self) -> None:
        self._told.append(self._name)


def in_child(told: list[str]) -> list[str]:
    """What a forked child finds in a list that its parent has as well."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, ",".join(told).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read) as pipe:
        return pipe.read().split(",")


def test_child_is_told_and_its_parent_is_not() -> None:
    """All that is watched is told in the child, before anything else runs there, and nothing in the parent."""
    told: list[str] = []
    one, other = Watched("one", told), Watched("other", told)
    fork.watch(one)
    fork.watch(other)
    fork.watch(one)
    assert sorted(in_child(told)) == ["one", "other"]
    assert told == []


def test_what_is_gone_is_not_told() -> None:
    """Watching holds nothing: what its owner has dropped is not told, and not kept for it."""
    told: list[str] = []
    one, other = Watched("one", told), Watched("other", told)
    fork.watch(one)
    fork.watch(other)
    del one
    assert in_child(told) == ["other"]
