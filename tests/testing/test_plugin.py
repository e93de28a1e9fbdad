"""pytest finds the fixture by itself, in a suite that knows nothing of ours."""

from __future__ import annotations

import pytest
from _pytest.assertion.rewrite import AssertionRewriter

import otel_sse

pytest_plugins = ["pytester"]

APP = """
import json
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route
import otel_sse

TIMES = {times}

async def model():
    for n in range(12):
        yield f"word {{n}} "

async def answer():
    async for word in otel_sse.observe(model(), "provider"):
        for _ in range(TIMES):
            yield f"data: {{json.dumps({{'content': word}})}}\\n\\n"

async def chat(request):
    return StreamingResponse(answer(), media_type="text/event-stream")

app = otel_sse.instrument(Starlette(routes=[Route("/chat", chat)]))
"""

TESTS = """
from starlette.testclient import TestClient
from chat import app

def test_answer_is_sent_once(sse_streams):
    TestClient(app).get("/chat")
    sse_streams.assert_each_chunk_once()
    sse_streams.assert_no_gaps()
    sse_streams.assert_outcome("completed")
    assert len(sse_streams.stage("emit").chunks) == 12

def test_next_test_has_a_recording_of_its_own(sse_streams):
    assert len(sse_streams) == 0
"""


@pytest.fixture
def plugin_alone(monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Arguments with which pytest loads our plugin and no other one: they take seconds."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return "-p", "otel_sse.testing.plugin"


def run(pytester: pytest.Pytester, times: int, *arguments: str) -> pytest.RunResult:
    """Run a user's suite in a process of its own."""
    pytester.makepyfile(chat=APP.format(times=times), test_chat=TESTS)
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", "-q", *arguments)


def test_suite_of_a_sound_application_passes(pytester: pytest.Pytester) -> None:
    """The fixture is there without an import, and each test has its own streams."""
    run(pytester, 1).assert_outcomes(passed=2)


def test_suite_of_a_doubling_application_fails_and_shows_why(
    pytester: pytest.Pytester, plugin_alone: tuple[str, ...]
) -> None:
    """What pytest prints has the user's line, the verdict and the matrix, and nothing of our own code."""
    done = run(pytester, 2, *plugin_alone)
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(
        [
            ">       sse_streams.assert_each_chunk_once()",
            "E       AssertionError: stream of /chat must have each chunk once, got duplicate/doubled at emit*",
            "E       emit handed on 12 chunks twice*",
            "E       look: *",
            "E         2 emit  24 chunks",
            "E*1-2 x2*!",
            "test_chat.py:6: AssertionError",
        ]
    )
    done.stdout.no_fnmatch_line("*def _fail*")


def test_plugin_loads_nothing_until_it_is_used(pytester: pytest.Pytester, plugin_alone: tuple[str, ...]) -> None:
    """A suite that does not use the fixture does not import OpenTelemetry for it."""
    pytester.makepyfile(
        """
        import sys

        def test_nothing_is_loaded():
            assert "otel_sse.testing.plugin" in sys.modules
            assert not [name for name in sys.modules if name.startswith("opentelemetry")]
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider", *plugin_alone).assert_outcomes(passed=1)


def test_suite_without_the_sdk_is_told_what_to_install(
    pytester: pytest.Pytester, plugin_alone: tuple[str, ...]
) -> None:
    """Only a test that uses the fixture fails, with the command; the others run."""
    pytester.makeconftest("import sys\nsys.modules['opentelemetry.sdk.trace'] = None")
    pytester.makepyfile("def test_other(): pass\ndef test_stream(sse_streams): pass")
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider", *plugin_alone)
    done.assert_outcomes(passed=1, errors=1)
    done.stdout.fnmatch_lines(["*pip install 'otel-sse[[]sdk]'*"])


def test_pytest_does_not_warn_where_the_package_was_imported_before_it() -> None:
    """`opentelemetry-instrument pytest` does that; a suite that turns warnings into errors would not start."""
    assert AssertionRewriter.is_rewrite_disabled(otel_sse.__doc__ or "")
