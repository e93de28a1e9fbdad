from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from otel_sse.cli.main import main
from otel_sse.diagnosis.trace.spans import Span
from tests.cli.command import otel_sse
from tests.diagnosis.made_trace import TRACE, chunk_events, digest, finding_event, segment, upstream
from tests.sources.made_files import write

OTHER = "f" * 32
ABC = ["aa", "bbb", "c", "dd"]


def pipeline(**says: Any) -> list[Span]:
    """A gateway's provider, a policy that merges two into one and drops one, and the socket."""
    return [
        segment("provider", chunk_events(ABC, 0), source="openai"),
        segment(
            "policy.judge",
            chunk_events(["aabbb", "dd"], 30, [(1, 2), 4]),
            links=upstream("provider"),
            direction="out",
            service="control",
            stage_rewrites=True,
        ),
        segment("socket_write", chunk_events(["aabbb", "dd"], 50, [1, 2]), links=upstream("policy.judge.out"), **says),
    ]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with one trace that is in order."""
    return write(tmp_path / "traces.jsonl", pipeline())


class Ran:
    """What the command did."""

    def __init__(self, arguments: Sequence[object], capsys: pytest.CaptureFixture[str]) -> None:
        self.code = main(["trace", *map(str, arguments)])
        self.out, self.err = capsys.readouterr()

    @property
    def data(self) -> Any:
        return json.loads(self.out)

    def row(self, label: str) -> list[str]:
        """The words of the line in which this stands."""
        return next(line for line in self.out.splitlines() if label in line).split()


def test_the_only_trace_is_shown(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an id the one trace of the file is shown: its stages in order, with counts, latency and outcomes."""
    ran = Ran(["--file", file], capsys)
    assert (ran.code, ran.err) == (0, "")
    assert TRACE in ran.out
    assert ran.row("provider")[:5] == ["1", "gateway", "provider", "openai", "4"]
    assert ran.row("policy.judge.out")[:4] == ["2", "control", "policy.judge.out", "2"]
    assert ran.row("socket_write")[-2:] == ["same", "completed"]
    assert "20.0 ms" in " ".join(ran.row("socket_write"))
    assert "! 1 provider -> 2 policy.judge.out: merged 1-2, left out 3" in ran.out


def test_a_chunks_way_is_shown(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--chunk N` shows, stage by stage, its number, its time, its digest and what it became."""
    ran = Ran(["--file", file, TRACE, "--chunk", 2], capsys)
    assert ran.code == 0
    _, _, told = ran.out.partition("the way of chunk 2 of stage 1, provider")
    rows = [line.split() for line in told.splitlines() if digest("bbb") in line or digest("aabbb") in line]
    assert rows == [
        ["1", "gateway", "provider", "openai", "2", "0.00", "ms", digest("bbb")],
        ["2", "control", "policy.judge.out", "1", "20.0", "ms", digest("aabbb"), "merged", "with", "1-2"],
        ["3", "gateway", "socket_write", "1", "40.0", "ms", digest("aabbb"), "same"],
    ]


def test_where_a_chunk_was_dropped_is_said(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The way of a dropped chunk ends at the stage before which it was dropped."""
    ran = Ran(["--file", file, "--chunk", 3], capsys)
    assert ran.code == 0
    assert "left out by policy.judge.out" in ran.out
    assert "socket_write" not in ran.out.partition("the way of chunk")[2]


@pytest.mark.parametrize("stage", ["policy.judge", "policy.judge.out", "control:policy.judge", "2"])
def test_the_number_may_be_of_another_stage(file: Path, stage: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--stage` the chunk has its number there, and its way back to its origin is shown too."""
    ran = Ran(["--file", file, "--chunk", 2, "--stage", stage, "--json"], capsys)
    steps = ran.data["streams"][0]["way"]
    assert [(step["number"], [c["seq"] for c in step["chunks"]], step["became"]) for step in steps] == [
        (1, [4], None),
        (2, [2], "same"),
        (3, [2], "same"),
    ]


def test_a_chunk_that_is_out_of_order_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Counts, the line of the change and the way of the chunk say `moved`, in whichever way the stage recorded it."""
    for lineage in ([1, 3, 2, 4], None):
        moved = segment("emit", chunk_events(["aa", "c", "bbb", "dd"], 5, lineage), links=upstream("provider"))
        file = write(tmp_path / "t.jsonl", [segment("provider", chunk_events(ABC, 0)), moved])
        ran = Ran(["--file", file, "--chunk", 2], capsys)
        assert "3 same, 1 moved" in " ".join(ran.row("emit"))
        assert "! 1 provider -> 2 emit: moved 2" in ran.out
        assert "moved: out of order" in ran.out


def test_the_chunks_of_a_stage_are_listed(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--stage` alone lists its chunks, with what each was made from."""
    ran = Ran(["--file", file, "--stage", "policy.judge"], capsys)
    assert ran.code == 0
    _, _, told = ran.out.partition("chunks of stage 2, policy.judge.out")
    rows = [line.split() for line in told.splitlines() if "content" in line and "ms" in line]
    assert [(row[0], row[4], row[-1]) for row in rows] == [("1", digest("aabbb"), "1-2"), ("2", digest("dd"), "4")]


def test_json_says_the_same(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--json` stdout is one object, times in seconds."""
    ran = Ran(["--file", file, "--json"], capsys)
    (stream,) = ran.data["streams"]
    assert ran.data["trace_id"] == TRACE
    assert [stage["stage"] for stage in stream["stages"]] == ["provider", "policy.judge", "socket_write"]
    provider, judge, socket = stream["stages"]
    assert (provider["service"], provider["source"], provider["chunks"], provider["upstream"]) == (
        "gateway",
        "openai",
        4,
        [],
    )
    assert judge["upstream"][0]["content"] == {"same": 1, "merged": 2, "left out": 1}
    assert judge["upstream"][0]["recorded"] is True
    assert socket["upstream"][0]["latency"] == {"chunks": 2, "median": 0.02, "max": 0.02, "negative": 0}
    assert socket["outcome"] == "completed"


def test_several_traces_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an id, several traces are listed with their starts, streams, chunks and findings; files add up."""
    other = segment("emit", chunk_events("xy", -5000), trace=OTHER, stream="s9", of="other", stream_findings=3)
    one, two = write(tmp_path / "one.jsonl", pipeline()), write(tmp_path / "two.jsonl", [other])
    ran = Ran(["--file", one, "--file", two], capsys)
    assert ran.code == 1
    assert ran.row(OTHER)[-3:] == ["2", "3", "0"]
    assert ran.row(TRACE)[-3:] == ["8", "0", "0"]
    assert ran.out.index(OTHER) < ran.out.index(TRACE)
    as_json = Ran(["--file", one, "--file", two, "--json"], capsys)
    assert [(each["id"], each["chunks"], each["is_clean"]) for each in as_json.data["traces"]] == [
        (OTHER, 2, False),
        (TRACE, 8, True),
    ]
    begun = Ran(["--file", one, "--file", two, TRACE[:5].upper()], capsys)
    assert begun.code == 0
    assert begun.row("socket_write")


def test_findings_are_shown_and_are_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A finding in the trace stands below its stream, and the exit code is 1."""
    spans = pipeline()
    found = finding_event("duplicate/terminal", 2, 61, "[DONE] at 1 and again")
    spans[0] = segment("provider", (*chunk_events(ABC, 0), found), stream_findings=2)
    ran = Ran(["--file", write(tmp_path / "t.jsonl", spans)], capsys)
    assert ran.code == 1
    assert "! 1 provider: duplicate/terminal, certain, at 2: [DONE] at 1 and again" in ran.out
    assert "! 1 provider: 1 more finding is counted, but has no event of its own" in ran.out


@pytest.mark.parametrize(
    ("outcome", "code"), [("completed", 0), ("failed", 1), ("incomplete", 1), ("disconnected", 1), ("cancelled", 1)]
)
def test_a_stream_that_broke_off_is_the_exit_code(
    tmp_path: Path, outcome: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """An end that was none makes the exit code 1, that the client left too, as `diagnose` has it."""
    file = write(tmp_path / "t.jsonl", pipeline(outcome=outcome, error_type="X"))
    ran = Ran(["--file", file], capsys)
    assert ran.code == code
    assert outcome in " ".join(ran.row("socket_write"))


def test_chunks_that_are_not_in_the_trace_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the trace has not all chunks, or not a stage's end, the table says so and claims no drop."""
    spans = pipeline()
    spans[2] = segment(
        "socket_write",
        chunk_events(["aabbb"], 50, [1]),
        stream_chunks=2,
        links=upstream("policy.judge.out"),
        outcome="",
    )
    file = write(tmp_path / "t.jsonl", spans)
    ran = Ran(["--file", file, "--chunk", "4"], capsys)
    assert ran.code == 0
    assert ran.row("socket_write")[3:7] == ["2", "(1", "not", "here)"]
    assert ran.row("socket_write")[-3:] == ["end", "not", "here"]
    assert "not known: the trace has not all chunks" in " ".join(ran.out.split())


def test_a_stage_that_is_missing_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the spans of one process are missing, the table says after which stage, and bridges the hole by digests."""
    file = write(tmp_path / "t.jsonl", [pipeline()[0], pipeline()[2]])
    ran = Ran(["--file", file, "--chunk", 3], capsys)
    assert ran.code == 0
    assert "! 2 socket_write: the stage that its chunks came from is not in the trace" in ran.out
    assert "replaced 1-3  (by digest)" in ran.out
    as_json = Ran(["--file", file, "--json"], capsys)
    assert [stage["upstream_missing"] for stage in as_json.data["streams"][0]["stages"]] == [False, True]


def test_text_of_peers_cannot_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters and markup in names and evidence are shown as text."""
    evil = "\x1b[31m[bold]x[/bold]\x07"
    found = finding_event(evil, 1, 1, evil)
    spans = [segment(evil, (*chunk_events("ab", 0), found), service=evil, source=evil, stream=evil, outcome=evil)]
    ran = Ran(["--file", write(tmp_path / "t.jsonl", spans), "--chunk", 1], capsys)
    assert ran.code == 1
    assert "\x1b" not in ran.out
    assert "\x07" not in ran.out
    assert "[bold]x[/bold]" in ran.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "command must say where the traces are, with one of --file, --jaeger and --tempo, got 'none of them'."),
        (["--file", "FILE", "no-id"], "TRACE_ID must be 1 to 32 hex digits, got 'no-id'."),
        (["--file", "FILE", ""], "TRACE_ID must be 1 to 32 hex digits, got ''."),
        (["--file", "FILE", "0" * 33], "TRACE_ID must be 1 to 32 hex digits"),
        (["--file", "FILE", "--chunk", "0"], "'--chunk'"),
        (["--file", "FILE", "--chunk", "x"], "'--chunk'"),
        (["--file", "FILE", "--bad"], "No such option: --bad"),
    ],
)
def test_bad_arguments_are_told(
    file: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What can't be used ends the command with 2 and its name."""
    ran = Ran([str(file) if each == "FILE" else each for each in arguments], capsys)
    assert ran.code == 2
    assert says in ran.err
    assert ran.out == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["0bad"], f"must be in FILE, got '0bad'. It has {TRACE}."),
        (["--chunk", "5"], "option --chunk must be the number of a chunk in the trace, got 5. No stage of the trace"),
        (["--chunk", "3", "--stage", "socket_write"], "be the number of a chunk in stage 'socket_write', got 3."),
        (["--stage", "emit"], "option --stage must name a stage of the trace, got 'emit'. It has provider, policy.j"),
        (["--stage", "socket_wrte"], "got 'socket_wrte'. Did you mean socket_write? It has provider, policy.j"),
        (["--chunk", "1", "--stage", "emit"], "option --stage must name a stage of the trace, got 'emit'."),
        (["--chunk", "1", "--stage", "9"], "option --stage must name a stage of the trace, got '9'."),
    ],
)
def test_what_the_file_has_not_is_told(
    file: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A trace, a stage or a chunk that is not there ends the command with 3, and says what is there."""
    ran = Ran(["--file", file, *arguments], capsys)
    assert ran.code == 3
    assert says in ran.err.replace(str(file), "FILE")
    assert ran.out == ""


def test_an_id_that_two_traces_begin_with_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The beginning of several traces' ids names them."""
    other = segment("emit", chunk_events("x", 0), trace="0a" + OTHER[2:], of="other")
    ran = Ran(["--file", write(tmp_path / "t.jsonl", pipeline(), [other]), "0a"], capsys)
    assert ran.code == 2
    assert TRACE in ran.err


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "got 'an empty file'"),
        (["{}", "{}"], "got '2 lines without any'"),
        (["{"], "line 1: Input data was truncated. No line could be read."),
        (None, "must be a file that can be read"),
    ],
)
def test_a_file_without_traces_is_told(
    tmp_path: Path, lines: list[str] | None, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing, empty, strange or damaged file ends the command with 3, with an id and without."""
    path = tmp_path / "t.jsonl"
    if lines is not None:
        write(path, *lines)
    for arguments in ([], [TRACE], ["--json"]):
        ran = Ran(["--file", path, *arguments], capsys)
        assert ran.code == 3
        assert says in ran.err
        assert ran.out == ""


def test_a_damaged_line_is_told_and_the_rest_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What could be read is shown on stdout; the damage stands on stderr, and the exit code is 3."""
    path = write(tmp_path / "t.jsonl", pipeline(), '{"resourceSp')
    for arguments in ([], [TRACE], ["--chunk", "1"]):
        ran = Ran(["--file", path, *arguments], capsys)
        assert ran.code == 3
        assert f"{path}, line 2: " in ran.err
        assert "The other lines were read, 1 of them." in ran.err
        assert ran.row("socket_write")
    unknown = Ran(["--file", path, OTHER], capsys)
    assert unknown.code == 3
    assert "Damaged lines, where it may have been, were passed over." in unknown.err


def test_several_answers_of_one_trace_are_each_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where one trace has several answers, each stands for itself, and a chunk's way is shown in each that has it."""
    spans = [
        segment("emit", chunk_events("abc", 0), stream="s1", of="one"),
        segment("emit", chunk_events("x", 5), stream="s2", of="two"),
    ]
    file = write(tmp_path / "t.jsonl", spans)
    assert Ran(["--file", file, "--chunk", 2], capsys).out.count("the way of chunk") == 1
    assert Ran(["--file", file, "--chunk", 1], capsys).out.count("the way of chunk") == 2


@pytest.mark.parametrize(("arguments", "code"), [(["--chunk", "2"], 0), (["0bad"], 3), (["no-id"], 2)])
def test_the_process_ends_with_the_same_codes(file: Path, arguments: list[str], code: int) -> None:
    """As a program: the exit code, no traceback, no colours in a pipe."""
    result = otel_sse("trace", "--file", str(file), *arguments)
    assert result.returncode == code
    assert "Traceback" not in result.stderr
    assert "\x1b" not in result.stdout


def test_only_the_commands_own_packages_are_needed(file: Path) -> None:
    """Reading a file needs neither what the demo runs nor what exports spans."""
    blocked = ("fastapi", "openai", "uvicorn", "websockets", "google", "litellm")
    result = otel_sse("trace", "--file", str(file), "--json", blocked=blocked)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_terminal_that_knows_ascii_only_gets_ascii(file: Path) -> None:
    """Where stdout can't take the table's lines, they are drawn with what it can."""
    variables = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    result = otel_sse("trace", "--file", str(file), "--chunk", "2", variables=variables)
    assert result.returncode == 0
    assert result.stdout.isascii()
    assert "merged with 1-2" in result.stdout


@pytest.mark.parametrize("option", [["--chunk", "1"], ["--stage", "emit"]])
def test_a_chunk_of_several_traces_is_asked_for(
    tmp_path: Path, option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Which trace is meant has to be said."""
    other = segment("emit", chunk_events("x", 0), trace=OTHER, of="other")
    ran = Ran(["--file", write(tmp_path / "t.jsonl", pipeline(), [other]), *option], capsys)
    assert ran.code == 2
    assert "TRACE_ID must be given with --chunk and --stage" in ran.err


ALTERED = [
    pytest.param(["aa", "XX", "c", "dd"], [1, 2, 3, 4], id="changed"),
    pytest.param(["aa", "aa", "bbb", "c", "dd"], [1, 1, 2, 3, 4], id="doubled"),
    pytest.param(["aa", "c", "dd"], [1, 3, 4], id="dropped"),
]


@pytest.mark.parametrize(("texts", "lineage"), ALTERED)
@pytest.mark.parametrize(
    ("name", "says", "code"),
    [
        pytest.param("socket_write", {}, 1, id="socket_write"),
        pytest.param("ws.receive", {}, 1, id="ws.receive"),
        pytest.param("policy.strict", {"direction": "out"}, 1, id="a strict policy"),
        pytest.param("policy.judge", {"direction": "out", "stage_rewrites": True}, 0, id="a policy that may"),
        pytest.param("emit", {}, 1, id="an application's own"),
    ],
)
def test_what_must_be_handed_on_as_it_is_makes_the_exit_code(
    tmp_path: Path, texts: list[str], lineage: Any, name: str, says: Any, code: int, capsys: Any
) -> None:
    """A stage that must not change anything and did is not in order, with or without a finding in the trace."""
    made = segment(name, chunk_events(texts, 5, lineage), links=upstream("provider"), **says)
    spans = [segment("provider", chunk_events(ABC, 0)), made]
    assert Ran(["--file", write(tmp_path / "t.jsonl", spans)], capsys).code == code


@pytest.mark.parametrize("outcome", ["completed", "incomplete", "disconnected", "cancelled", "abandoned", "capped"])
@pytest.mark.parametrize("name", ["socket_write", "emit", "normalize", "ws.send", "policy.judge", "shape"])
@pytest.mark.parametrize("texts", [ABC, [*ABC[:1], *ABC], ABC[1:], ABC[::-1]], ids=["whole", "twice", "lost", "moved"])
def test_the_exit_code_is_that_of_diagnose(
    tmp_path: Path, texts: list[str], name: str, outcome: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the stage, what it did and how it ended, both commands judge a trace alike."""
    made = segment(name, chunk_events(texts, 5), links=upstream("provider"), outcome=outcome)
    file = write(tmp_path / "t.jsonl", [segment("provider", chunk_events(ABC, 0)), made])
    codes = [main([command, "--file", str(file)]) for command in ("trace", "diagnose")]
    capsys.readouterr()
    assert codes[0] == codes[1]
