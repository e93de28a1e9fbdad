from __future__ import annotations

import signal
import subprocess
import sys
import threading

from otel_sse.cli.loading import leaving_at_once
from tests.cli.command import environment


def test_the_handler_is_put_back() -> None:
    """After the block Ctrl-C does what it did before."""
    before = signal.getsignal(signal.SIGINT)
    with leaving_at_once():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_are_left_alone() -> None:
    """In a thread that may not set handlers the block runs without one."""
    seen: list[object] = []

    def run() -> None:
        with leaving_at_once():
            seen.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]


IN_THE_BLOCK = """
import signal
from otel_sse.cli.loading import leaving_at_once
with leaving_at_once():
    try:
        signal.raise_signal(signal.SIGINT)
    except BaseException:
        print("caught")
print("still here")
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment({}), capture_output=True, text=True, check=False)


def test_ctrl_c_in_the_block_ends_the_process() -> None:
    """Within the block SIGINT ends the process at once with 130, whatever would catch an exception."""
    result = run(IN_THE_BLOCK)
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "\nStopped.\n")


def test_an_ignored_signal_stays_ignored() -> None:
    """A command that a script runs in the background lives on when Ctrl-C comes for what stands in the foreground."""
    result = run("import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)" + IN_THE_BLOCK)
    assert (result.returncode, result.stdout, result.stderr) == (0, "still here\n", "")
