from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from otel_sse.cli.main import main
from otel_sse.cli.source_options import HEADERS
from tests.cli.command import otel_sse
from tests.diagnosis.made_trace import START, TRACE, chunk_events, segment, upstream
from tests.sources.http_server import Asked, Reply, Server, serving
from tests.sources.made_files import line_of, write

SPANS = [
    segment("provider", chunk_events("abc", 0), http_route="x"),
    segment("emit", chunk_events("abc", 5), links=upstream("provider")),
]
URL = "http://127.0.0.1:9"


def tempo(asked: Asked) -> Reply:
    """A Tempo with one trace."""
    if asked.path == "/api/search":
        return Reply(200, json.dumps({"traces": [{"traceID": TRACE}]}))
    return Reply(200, f'{{"trace": {line_of(SPANS)}}}')


def test_a_trace_is_shown_as_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With an id, what a backend has is shown just as a file's trace is."""
    file = write(tmp_path / "t.jsonl", SPANS)
    assert main(["trace", "--file", str(file), TRACE, "--chunk", "2"]) == 0
    from_file = capsys.readouterr().out
    with serving(tempo) as server:
        assert main(["trace", "--tempo", server.url, TRACE.upper(), "--chunk", "2"]) == 0
    assert capsys.readouterr() == (from_file, "")


def test_what_is_found_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Without an id, even one trace is a list, on a terminal and as JSON."""
    times = ["--since", "2020-01-01", "--until", "2100-01-01"]
    with serving(tempo) as server:
        assert main(["trace", "--tempo", server.url, *times]) == 0
        shown = capsys.readouterr()
        assert main(["trace", "--tempo", server.url, *times, "--json"]) == 0
    (row,) = (line for line in shown.out.splitlines() if TRACE in line)
    assert row.split()[-3:] == ["6", "0", "0"]
    assert shown.err == ""
    found = json.loads(capsys.readouterr().out)
    assert found["next_until"] is None
    assert [(each["id"], each["start_ns"]) for each in found["traces"]] == [(TRACE, START - 1)]


def test_how_to_go_on_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Where there are older streams than are listed, stderr says with which option to see them."""

    older = [segment("emit", chunk_events("a", -5000), trace="f" * 32, of="other")]

    def two(asked: Asked) -> Reply:
        if asked.path == "/api/search":
            start, end = (int(asked.query[name]) * 10**9 for name in ("start", "end"))
            ids = [spans[0].trace_id for spans in (SPANS, older) if start <= spans[0].start_ns < end]
            return Reply(200, json.dumps({"traces": [{"traceID": id_} for id_ in ids]}))
        return Reply(200, f'{{"trace": {line_of(older if "f" * 32 in asked.path else SPANS)}}}')

    with serving(two) as server:
        arguments = ["trace", "--tempo", server.url, "--since", "2026-01-01", "--until", "2027-01-01", "--limit", "1"]
        assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert TRACE in out
    assert "f" * 32 not in out
    assert err.startswith("There may be older ones: --until 2026-09-")


def test_a_part_of_a_trace_is_shown_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A trace that the backend gives in part is shown, told on stderr, and the exit code is 3."""
    body = f'{{"trace": {line_of(SPANS)}, "status": "PARTIAL", "message": "too big"}}'
    with serving(lambda asked: Reply(200, body)) as server:
        assert main(["trace", "--tempo", server.url, TRACE]) == 3
    out, err = capsys.readouterr()
    assert "socket" not in out
    assert "emit" in out
    assert "got 'PARTIAL: too big'" in err


def test_traces_that_came_back_empty_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A search that names a trace which then is empty says so, and the exit code is 3."""
    with serving(lambda asked: tempo(asked) if asked.path == "/api/search" else Reply(200, "{}")) as server:
        assert main(["trace", "--tempo", server.url]) == 3
    assert f"traces that the search found must have spans, got 'none for {TRACE}'." in capsys.readouterr().err


def headers_of(server: Server) -> dict[str, Any]:
    """The headers of the last request, by names in small letters."""
    return {name.lower(): value for name, value in server.requests[-1].headers.items()}


def test_headers_come_from_options_and_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers of both are sent; an option wins over the variable, whose values are percent-encoded."""
    monkeypatch.setenv(HEADERS, "authorization=Bearer%20abc%2C=, X-Scope-OrgID=team")
    with serving(tempo) as server:
        options = ["--header", "X-Scope-OrgID: other:1", "--header", "a:"]
        assert main(["trace", "--tempo", server.url, TRACE, *options]) == 0
    sent = headers_of(server)
    assert (sent["authorization"], sent["x-scope-orgid"], sent["a"]) == ("Bearer abc,=", "other:1", "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "command must say where the traces are, with one of --file, --jaeger and --tempo, got 'none of them'."),
        (["--jaeger", URL, "--tempo", URL], "got '--jaeger and --tempo'. Give one."),
        (["--file", "x", "--jaeger", URL], "got '--file and --jaeger'. Give one."),
        (["--file", "x", "--since", "1h"], "option --since must stand with --jaeger or --tempo, got '--file'."),
        (["--file", "x", "--header", "a: b"], "option --header must stand with --jaeger or --tempo"),
        (["--jaeger", URL, TRACE, "--limit", "3"], f"option --limit must stand without TRACE_ID, got '{TRACE}'."),
        (["--jaeger", URL, TRACE, "--duplicates", "3"], "option --duplicates must stand without TRACE_ID"),
        (["--jaeger", URL, "0af7"], "TRACE_ID must be all 32 hex digits for Jaeger and Tempo, got '0af7'."),
        (["--tempo", URL, "xyz"], "TRACE_ID must be 1 to 32 hex digits, got 'xyz'."),
        (["--jaeger", "localhost"], "option --jaeger must be a URL that begins with http"),
        (["--jaeger", URL, "--chunk", "3"], "option --chunk must stand with TRACE_ID, got None."),
        (["--tempo", URL, "--stage", "emit"], "option --stage must stand with TRACE_ID, got None."),
        (["--tempo", URL, "--since", "soon"], "option --since must be so long ago"),
        (
            ["--tempo", URL, "--until", "2h"],
            "must be before --until, got '1h and 2h'. Its default is 1h; give",
        ),
        (["--tempo", URL, "--since", "1h", "--until", "2h"], "got '1h and 2h'. Give an earlier one."),
        (["--tempo", URL, "--limit", "0"], "'--limit'"),
        (["--tempo", URL, "--limit", "501"], "'--limit'"),
        (["--tempo", URL, "--duplicates", "0"], "'--duplicates'"),
        (["--tempo", URL, "--header", "Bearer secret"], "option --header must be 'Name: value', got '13 characters"),
        (["--tempo", URL, "--header", ": secret"], "option --header must be 'Name: value'"),
    ],
)
def test_what_does_not_go_together_is_told(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Options that can't be used end the command with 2, before anything is asked; secrets are not repeated."""
    assert main(["trace", *arguments]) == 2
    out, err = capsys.readouterr()
    assert says in err
    assert "secret" not in err
    assert out == ""


@pytest.mark.parametrize("value", ["secret", "=secret", "a=b,secret"])
def test_a_broken_variable_is_told(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A variable of another form is named, without its value."""
    monkeypatch.setenv(HEADERS, value)
    assert main(["trace", "--jaeger", URL]) == 2
    err = capsys.readouterr().err
    assert "variable OTEL_SSE_HEADERS must be name=value pairs with commas between them" in err
    assert "secret" not in err


def test_nobody_there_ends_the_process_with_3() -> None:
    """As a program: a backend that is not there is told in one line, without a traceback."""
    result = otel_sse("trace", "--jaeger", URL)
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr.startswith(f"otel-sse: Jaeger at {URL} must answer, got ")
    assert result.stderr.count("\n") == 1


def test_streams_of_a_host_that_is_ahead_are_found(capsys: pytest.CaptureFixture[str]) -> None:
    """Without `--until`, the time asked for ends a minute from now: clocks differ."""
    with serving(lambda asked: Reply(200, "{}")) as server:
        before_s = time.time()
        assert main(["trace", "--tempo", server.url]) == 0
        assert before_s + 59 <= int(server.requests[0].query["end"]) <= time.time() + 62
        assert before_s - 3602 <= int(server.requests[0].query["start"]) <= time.time() - 3599


def test_a_diagnosis_reads_the_same_sources(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`otel-sse diagnose` has the same options, and says the same as of a file."""
    assert main(["diagnose", "--file", str(write(tmp_path / "t.jsonl", SPANS)), TRACE]) == 0
    from_file = capsys.readouterr().out
    with serving(tempo) as server:
        times = ["--since", "2020-01-01", "--until", "2100-01-01"]
        for arguments in ([TRACE], times):
            assert main(["diagnose", "--tempo", server.url, *arguments]) == 0
            assert capsys.readouterr() == (from_file, "")
    with serving(lambda asked: Reply(200, "{}")) as server:
        assert main(["diagnose", "--tempo", server.url, *times]) == 0
    out, err = capsys.readouterr()
    assert out.strip() == ""
    assert err.startswith("No stream as asked for began between 2020-01-01T00:00:00Z")
    assert main(["diagnose", "--jaeger", URL, "0af7"]) == 2
