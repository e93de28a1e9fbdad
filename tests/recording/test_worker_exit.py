"""The order of exit handlers, in a process that exits."""

from __future__ import annotations

import subprocess
import sys

EXITING = """
import atexit

from otel_sse.recording.worker import _Exit


class Works:
    closed = False

    def start_flush(self):
        pass

    def shutdown(self, since_s):
        print("the last work")


def shut_down(name):
    print(name, "is shut down")


def replaced():
    shut_down("the first provider")


works, handler = Works(), _Exit()
atexit.register(replaced)
handler.watch(works)
atexit.unregister(replaced)
atexit.register(shut_down, "the second provider")
handler.watch(works)
"""


def test_the_last_work_reaches_a_provider_that_took_the_place_of_another() -> None:
    """Where one provider was shut down and another made since, the last work is done before the other shuts down."""
    done = subprocess.run([sys.executable, "-c", EXITING], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["the last work", "the second provider is shut down"]
