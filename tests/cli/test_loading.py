from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from otel_sse.cli.loading import leaving_at_once, needs
from otel_sse.errors import MissingExtraError
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


def test_a_package_of_others_is_told_with_its_extra() -> None:
    """An import error of another package becomes words that name the extra."""
    with pytest.raises(MissingExtraError, match=r"pip install 'otel-sse\[demo\]'"), needs("demo", "the demo"):
        raise ModuleNotFoundError("No module named 'rich'", name="rich.console")


def test_an_error_of_our_own_package_stays() -> None:
    """A module of otel_sse that is missing is a defect and not a missing extra."""
    with pytest.raises(ModuleNotFoundError) as caught, needs("demo", "the demo"):
        raise ModuleNotFoundError("No module named 'otel_sse.gone'", name="otel_sse.gone")
    assert not isinstance(caught.value, MissingExtraError)


def test_other_errors_stay() -> None:
    """What is not an import error passes."""
    with pytest.raises(ZeroDivisionError), needs("demo", "the demo"):
        _ = 1 / 0
