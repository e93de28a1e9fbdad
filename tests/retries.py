"""Which tests are tried again: those marked `retried`, with a reason, that start a process of their own.

On a machine that others use, a port that was free a moment ago is taken when a program asks for it. No test can prevent
that, so such a test says so and is tried again. All others get one try, and a race in them is to be mended.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from functools import cache
from typing import Any, Final

import pytest

MARK: Final = "retried"
TRIES: Final = 3
"""How often a marked test is tried before it fails. The report counts each further try, and names it."""

STARTS: Final = frozenset({"os.fork", "os.forkpty", "os.posix_spawn", "os.system", "subprocess.Popen"})
"""The interpreter's audit events of a process that starts."""

_NEEDS_A_REASON: Final = (
    f"mark {MARK} must have one reason, got %r. Say in a sentence why no try is certain: {MARK}('...')."
)
_NO_FLAKY: Final = f"mark flaky must not be set by hand. Mend the test, or mark it {MARK}('why no try is certain')."
_NO_PROCESS: Final = (
    f"a test marked {MARK} must start a process, got none. Take the mark away, and mend what is not certain."
)

_started = [0]


@cache
def _watch() -> None:
    # There is no way to take one away again, so there is one for all.
    sys.addaudithook(_count)


def _count(event: str, arguments: tuple[Any, ...]) -> None:
    if event in STARTS:
        _started[0] += 1


class Retries:
    """A plugin of pytest: has marked tests tried again, and fails those that may not be."""

    def __init__(self) -> None:
        _watch()
        self._before = 0
        self._fixtures: set[tuple[str, str]] = set()
        """Name and place of each fixture that started a process."""

    def pytest_configure(self, config: pytest.Config) -> None:
        """Make the mark known."""
        config.addinivalue_line("markers", f"{MARK}(reason): starts a process, and is tried again, for this reason")

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Have marked tests tried again."""
        for item in items:
            if item.get_closest_marker("flaky"):
                raise pytest.UsageError(f"{item.nodeid}: {_NO_FLAKY}")
            mark = item.get_closest_marker(MARK)
            if mark is None:
                continue
            if [type(each) for each in mark.args] != [str] or mark.kwargs:
                raise pytest.UsageError(f"{item.nodeid}: {_NEEDS_A_REASON % (mark.args,)}")
            if config.pluginmanager.hasplugin("rerunfailures"):  # LiteLLM's environment has only what its tests need
                item.add_marker(pytest.mark.flaky(reruns=TRIES - 1))

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        """Note that a fixture started a process: it may be shared by tests that start none."""
        before = _started[0]
        made = yield
        if _started[0] > before:
            self._fixtures.add((fixturedef.argname, fixturedef.baseid))
        return made

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Note how many processes were started before the test."""
        self._before = _started[0]
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Fail a marked test that passed without a process."""
        report = yield
        if report.when == "call" and report.passed and item.get_closest_marker(MARK) and not self._has_process(item):
            report.outcome, report.longrepr = "failed", _NO_PROCESS
        return report

    def _has_process(self, item: pytest.Item) -> bool:
        names = item.fixturenames if isinstance(item, pytest.Function) else ()
        shared = any(name in names and item.nodeid.startswith(place) for name, place in self._fixtures)
        return shared or _started[0] > self._before
