"""A measure in a process of its own."""

from __future__ import annotations

import os

from bench.processes import side_by_side


def test_each_call_has_a_process_of_its_own() -> None:
    """Two calls run in two processes, neither of them this one, and their results keep the calls' order."""
    first, second, length = side_by_side((os.getpid,), (os.getpid,), (len, "four"), at_once=2)
    assert len({first, second, os.getpid()}) == 3
    assert length == 4
