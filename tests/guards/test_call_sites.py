"""A place is that of the user's code, however many of our own calls lie between."""

from __future__ import annotations

import sys

from otel_sse.guards.call_sites import call_site, is_ours


def called(source: str, module: str) -> object:
    """What a function `ask` of a module returns."""
    names: dict[str, object] = {"call_site": call_site, "sys": sys, "__name__": module}
    exec(compile(source, f"{module}.py", "exec"), names)
    return names["ask"]


ASK = "def ask(through=None):\n    return through() if through else call_site(sys._getframe())\n"


def test_place_is_file_line_and_function() -> None:
    """It reads as an editor wants it."""
    ask = called(ASK, "users")
    assert str(ask()) == "users.py:2 in ask"  # type: ignore[operator]


def test_calls_of_the_package_itself_are_passed_over() -> None:
    """A guard inside of an observer names who iterates the observer."""
    ours, theirs = called(ASK, "otel_sse.integrations.pulls"), called(ASK, "users")
    assert str(theirs(ours)) == "users.py:2 in ask"  # type: ignore[operator]


def test_module_with_a_like_name_is_not_ours() -> None:
    """Only the package and what is below it are."""
    for module, expected in (("otel_sse", True), ("otel_sse.x", True), ("otel_sse_app", False), (None, False)):
        frame = called("import sys\ndef ask():\n    return sys._getframe()\n", str(module))()  # type: ignore[operator]
        frame.f_globals["__name__"] = module
        assert is_ours(frame) is expected
