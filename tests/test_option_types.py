"""The types of the options, held against the table and against a type checker."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Literal, get_args, get_type_hints

import pytest

import otel_sse
from docs import option_types
from otel_sse.options import CHUNK_EVENTS, Options, settings

ROOT = Path(__file__).resolve().parents[1]

CALLS = """\
from collections.abc import MutableMapping
from typing import Any, Unpack

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span

import otel_sse
from otel_sse.dialects import Dialect


async def app(scope: Any, receive: Any, send: Any) -> None: ...
def started(span: Span, scope: MutableMapping[str, Any]) -> None: ...
def ended(span: Span, totals: otel_sse.Totals) -> int: return totals.chunks
def half(span: Span) -> None: ...
def made() -> Dialect: raise NotImplementedError
def key(message: str | bytes) -> str | None: return None
def number(frame: Any) -> int: return 1


otel_sse.instrument(app)
otel_sse.instrument(app, tracer_provider=TracerProvider(), chunk_events="packed", segment_seconds=1, log_first=None)
otel_sse.instrument(app, on_stream_start=started, on_stream_end=ended, dialect=made, stream_of=key)
otel_sse.instrument(app, on_stream_end=lambda span, totals: print(totals.outcome), dialect="gemini", content_of=str)
otel_sse.SSEInstrumentor().instrument(tracer_provider=TracerProvider(), chunk_signal="both", skip_dep_check=True)
otel_sse.instrument(app, chunk_event="packed")  # wrong: call-arg
otel_sse.instrument(app, chunk_events="pack")  # wrong: arg-type
otel_sse.instrument(app, queue_size="1000")  # wrong: arg-type
otel_sse.instrument(app, content_types=["application/x-ndjson"])  # wrong: arg-type
otel_sse.instrument(app, on_stream_end=half)  # wrong: arg-type
otel_sse.instrument(app, content_of=number)  # wrong: arg-type
otel_sse.instrument(app, dialect=ended)  # wrong: arg-type
otel_sse.SSEInstrumentor().instrument(chunk_event="packed")  # wrong: call-arg
otel_sse.SSEInstrumentor().instrument(emit="yes")  # wrong: arg-type
otel_sse.Options(chunk_event="packed")  # wrong: call-arg
otel_sse.Options(chunk_events="pack")  # wrong: arg-type


def mine(**options: Unpack[otel_sse.InstrumentOptions]) -> None:
    otel_sse.instrument(app, **options)


mine(emit_rewrites=True)
mine(emit_rewrite=True)  # wrong: call-arg
"""


def test_committed_module_is_the_generated_one() -> None:
    """`otel_sse/option_types.py` is what the generator makes of the table now."""
    assert option_types.MODULE.read_text(encoding="utf-8") == option_types.module(), "run `make docs`"


def test_check_says_whether_the_module_is_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `--check` nothing is written, and a module that differs or is missing gives 1 and says what to run."""
    made = tmp_path / "option_types.py"
    monkeypatch.setattr(option_types, "MODULE", made)
    assert option_types.main(["--check"]) == 1
    assert not made.exists()
    assert "Run `make docs`." in capsys.readouterr().out
    assert option_types.main([]) == option_types.main(["--check"]) == 0
    made.write_text(made.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert option_types.main(["--check"]) == 1


def test_every_option_has_a_type_that_its_default_is_of() -> None:
    """The types are at hand at run time, one an option, and each takes None; a choice has its words."""
    types = get_type_hints(otel_sse.InstrumentOptions)
    assert set(types) == Options.names()
    assert all(type(None) in get_args(each) for each in types.values())
    assert types["chunk_events"] == Literal["all", "packed", "findings", "off"] | None
    assert CHUNK_EVENTS == ("all", "packed", "findings", "off")
    plain = {name: default for name, default, _ in settings() if isinstance(default, bool | int | float | tuple)}
    assert all(isinstance(default, _classes(types[name])) for name, default in plain.items())


def _classes(hint: object) -> tuple[type, ...]:
    return tuple(getattr(each, "__origin__", each) for each in get_args(hint))


def test_type_checker_finds_wrong_names_and_wrong_types(tmp_path: Path) -> None:
    """mypy refuses each call that is marked as wrong, says what was meant by a misspelt name, and takes all others."""
    calls = tmp_path / "calls.py"
    calls.write_text(CALLS, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "--cache-dir", str(tmp_path / "cache"), str(calls)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    found = dict(re.findall(r"calls\.py:(\d+): error: .*\[([a-z-]+)\]", done.stdout))
    lines = enumerate(CALLS.splitlines(), 1)
    assert found == {str(number): line.partition("# wrong: ")[2] for number, line in lines if "# wrong: " in line}
    assert 'did you mean "chunk_events"?' in done.stdout
    assert done.stderr == ""
