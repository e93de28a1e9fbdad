"""A failure is tried again where a test says why and starts a process, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest_plugins = ["pytester"]

OWN = """
from tests.retries import Retries

def pytest_configure(config):
    retries = Retries()
    config.pluginmanager.register(retries)
"""
BEGIN = """
import subprocess, sys
import pytest

def process():
    subprocess.run([sys.executable, "-c", ""], check=True)

tries = []
"""


Run = Callable[[str], pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """Runs a module of tests under the rule."""
    pytester.makeconftest(OWN)

    def run_source(source: str) -> pytest.RunResult:
        pytester.makepyfile(BEGIN + source)
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:asyncio", "-raR", "--strict-markers")

    return run_source


def test_a_marked_test_is_tried_again(run: Run) -> None:
    """It passes at the third try, and the summary names the two before."""
    done = run("""
@pytest.mark.retried("its port may be taken")
def test_it():
    process()
    tries.append(1)
    assert len(tries) == 3
""")
    assert done.parseoutcomes() == {"passed": 1, "rerun": 2}
    assert [line for line in done.outlines if line.startswith("RERUN ")] == [
        "RERUN test_a_marked_test_is_tried_again.py::test_it"
    ] * 2


def test_a_marked_test_fails_at_its_third_failure(run: Run) -> None:
    """There is no fourth try."""
    done = run("""
@pytest.mark.retried("its port may be taken")
def test_it():
    process()
    assert False
""")
    assert done.parseoutcomes() == {"failed": 1, "rerun": 2}


def test_others_get_one_try(run: Run) -> None:
    """A test that starts a process is not tried again because of that."""
    done = run("""
def test_it():
    process()
    tries.append(1)
    assert len(tries) == 2
""")
    done.assert_outcomes(failed=1)


def test_a_marked_test_without_a_process_fails(run: Run) -> None:
    """What starts no process has no reason to be tried again."""
    done = run("""
@pytest.mark.retried("it is slow")
def test_it():
    pass
""")
    assert done.parseoutcomes()["failed"] == 1
    done.stdout.fnmatch_lines(["a test marked retried must start a process, got none. *"])


def test_a_fixtures_process_counts_for_all_tests_that_use_it(run: Run) -> None:
    """The first test of a module makes what the others share; a test that does not use it has no process."""
    done = run("""
@pytest.fixture(scope="module")
def server():
    process()

@pytest.fixture
def client(server):
    return 1

@pytest.mark.retried("its port may be taken")
@pytest.mark.parametrize("n", [1, 2])
def test_with(client, n):
    pass

@pytest.mark.retried("its port may be taken")
def test_without():
    pass
""")
    assert {name: done.parseoutcomes()[name] for name in ("passed", "failed")} == {"passed": 2, "failed": 1}
    done.stdout.fnmatch_lines(["FAILED *::test_without*"])


@pytest.mark.parametrize("mark", ["retried", "retried()", "retried(3)", "retried('a', 'b')", "retried(reason='a')"])
def test_a_mark_without_a_reason_is_refused(mark: str, run: Run) -> None:
    """The mark has one argument, a sentence; without it nothing is run."""
    done = run(f"""
@pytest.mark.{mark}
def test_it():
    process()
""")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*::test_it: mark retried must have one reason, got *"])


def test_the_mark_of_rerunfailures_is_refused(run: Run) -> None:
    """`flaky` has no reason, and would hide a race."""
    done = run("""
@pytest.mark.flaky(reruns=9)
def test_it():
    pass
""")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*::test_it: mark flaky must not be set by hand. *"])
