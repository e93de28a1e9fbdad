from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from otel_sse.cli.main import main
from otel_sse.diagnosis.trace.spans import Span
from tests.cli.command import otel_sse
from tests.diagnosis.made_trace import TRACE, chunk_events, finding_event, segment, upstream
from tests.sources.made_files import write

OTHER = "f" * 32
WORDS = [f"word{n}" for n in range(20)]


def pipeline(texts: Sequence[str] = WORDS, trace: str = TRACE, **says: Any) -> list[Span]:
    """A model's stream that an application hands on as these texts."""
    return [
        segment("provider", chunk_events(WORDS, 0), trace=trace, stream=trace[:4], of=f"{trace} provider"),
        segment(
            "emit",
            chunk_events(texts, 5),
            trace=trace,
            stream=trace[:4],
            of=f"{trace} emit",
            links=upstream(f"{trace} provider"),
            **says,
        ),
    ]


DOUBLED = [word for word in WORDS for _ in "ab"]


class Ran:
    """What the command did."""

    def __init__(self, arguments: Sequence[object], capsys: pytest.CaptureFixture[str]) -> None:
        self.code = main(["diagnose", *map(str, arguments)])
        self.out, self.err = capsys.readouterr()

    @property
    def data(self) -> Any:
        return json.loads(self.out)

    @property
    def words(self) -> str:
        return " ".join(self.out.split())


def test_a_trace_in_order_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The verdict is one sentence, the matrix one line, and the exit code 0."""
    ran = Ran(["--file", write(tmp_path / "t.jsonl", pipeline())], capsys)
    assert (ran.code, ran.err) == (0, "")
    assert TRACE in ran.out
    assert "1-20 1-20" in ran.words
    assert "In order: 20 chunks with content crossed 2 stages" in ran.words


def test_a_fault_is_shown_with_its_matrix_cause_and_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The verdict names the stage; below stand the evidence, what usually causes it and where to look."""
    ran = Ran(["--file", write(tmp_path / "t.jsonl", pipeline(DOUBLED))], capsys)
    assert ran.code == 1
    assert "gateway emit handed on 20 chunks twice, at 2, 4, 6, 8 and 16 more places" in ran.words
    assert "1 1-2 x2 !" in ran.words
    assert "3-20 5-40 x2 !" in ran.words
    assert "1 duplicate/doubled, certain, 2 emit at 2, 4, 6, 8 and 16 more places" in ran.words
    assert "seen Chunk 2 is 1 again: both are 1 of provider" in ran.words
    assert "cause Two code paths push the same chunk" in ran.words
    assert "look at The code between the two stages" in ran.words


def test_json_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--json` stdout is one object, with every chunk that is concerned and the whole matrix."""
    ran = Ran(["--file", write(tmp_path / "t.jsonl", pipeline(DOUBLED)), "--json"], capsys)
    assert ran.code == 1
    (stream,) = ran.data["streams"]
    (fault,) = stream["faults"]
    assert (ran.data["trace_id"], stream["in_order"], fault["count"]) == (TRACE, False, 20)
    assert (fault["kind"], fault["certainty"], fault["number"], fault["stage"], fault["upstream"]) == (
        "duplicate/doubled",
        "certain",
        2,
        "emit",
        1,
    )
    assert fault["seqs"] == list(range(2, 41, 2))
    assert fault["of"] == list(range(1, 40, 2))
    assert stream["verdict"].startswith("gateway emit handed on 20 chunks twice")
    assert [stage["stage"] for stage in stream["matrix"]["stages"]] == ["provider", "emit"]
    assert stream["matrix"]["rows"][0]["cells"][1]["seqs"] == [1, 2]
    assert {row["damaged"] for row in stream["matrix"]["rows"]} == {True}


def test_all_traces_are_gone_through(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an id, those that are not in order are listed, one line each, and the others are counted."""
    route = {"http.route": "/chat"}
    damaged = pipeline(WORDS[:7] + WORDS[8:], OTHER)
    damaged[1] = segment(
        "emit", damaged[1].events, trace=OTHER, stream="ffff", of=f"{OTHER} emit", links=damaged[1].links
    )
    assert isinstance(damaged[1].attributes, dict)
    damaged[1].attributes.update(route)
    one, two = write(tmp_path / "one.jsonl", pipeline()), write(tmp_path / "two.jsonl", damaged)
    ran = Ran(["--file", one, "--file", two], capsys)
    assert ran.code == 1
    assert f"{OTHER} /chat emit gap/lost 1 0" in ran.words
    assert TRACE not in ran.out
    assert ran.out.splitlines()[-1] == "1 of 2 traces is in order."
    data = Ran(["--file", one, "--file", two, "--json"], capsys).data
    assert (data["traces_total"], data["in_order"]) == (2, 1)
    assert [trace["trace_id"] for trace in data["traces"]] == [OTHER]
    assert data["traces"][0]["streams"][0]["route"] == "/chat"
    begun = Ran(["--file", one, "--file", two, OTHER[:3].upper()], capsys)
    assert begun.code == 1
    assert "lost 1 chunk, at 8" in begun.words


def test_many_traces_in_order_are_only_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is listed where nothing is wrong."""
    ran = Ran(["--file", write(tmp_path / "t.jsonl", pipeline(), pipeline(trace=OTHER))], capsys)
    assert (ran.code, ran.out) == (0, "2 of 2 traces are in order.\n")


def test_what_could_not_be_read_is_not_called_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Alone such a trace has a verdict of its own, among others it is listed and counted apart; the exit code is 0."""
    compressed = segment(
        "socket_write", (), stream=TRACE[:4], outcome="unparsed", stream_encoding="gzip", stream_bytes=419
    )
    one = write(tmp_path / "one.jsonl", [*pipeline(), compressed])
    ran = Ran(["--file", one], capsys)
    assert ran.code == 0
    assert "what could be read: 20 chunks with content crossed provider and emit. Not read: socket_write" in ran.words
    assert "Not read: socket_write: its 419 bytes are compressed (gzip)." in ran.words
    assert "In order" not in ran.out
    (stream,) = Ran(["--file", one, "--json"], capsys).data["streams"]
    assert (stream["in_order"], stream["faults"]) == (False, [])
    assert stream["unread"] == [{"number": 3, "stage": "socket_write", "why": "its 419 bytes are compressed (gzip)"}]
    two = write(tmp_path / "two.jsonl", pipeline(trace=OTHER))
    both = Ran(["--file", one, "--file", two], capsys)
    assert both.code == 0
    assert f"{TRACE} socket_write not read" in both.words
    assert both.words.endswith("1 of 2 traces is in order. Of 1 it is not known: not all could be read.")
    data = Ran(["--file", one, "--file", two, "--json"], capsys).data
    assert (data["in_order"], data["not_read"]) == (1, 1)


def test_a_fault_beside_what_could_not_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The verdict is the fault's, and a warning says what is not known."""
    compressed = segment(
        "socket_write", (), stream=TRACE[:4], outcome="unparsed", stream_encoding="gzip", stream_bytes=419
    )
    ran = Ran(["--file", write(tmp_path / "t.jsonl", [*pipeline(DOUBLED), compressed])], capsys)
    assert ran.code == 1
    assert "gateway emit handed on 20 chunks twice" in ran.words
    assert "warning: Not read: socket_write" in ran.words


def test_suspicions_and_notes_are_told_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where a stage is missing in the trace, what is seen around the hole is suspected, and the hole is noted."""
    spans = pipeline(DOUBLED)
    spans[1] = segment("emit", spans[1].events, stream=TRACE[:4], of="emit", links=upstream("elsewhere"))
    ran = Ran(["--file", write(tmp_path / "t.jsonl", spans)], capsys)
    assert ran.code == 1
    assert "duplicate/doubled, suspected" in ran.words
    assert "note: emit: the stage that its chunks came from is not in the trace" in ran.words


def test_text_of_peers_cannot_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters and markup in names and evidence are shown as text."""
    evil = "\x1b[31m[bold]x[/bold]\x07"
    found = finding_event(evil, 1, 1, evil)
    spans = [
        segment(evil, (*chunk_events("ab", 0), found), service=evil, stream=evil, outcome=evil),
        segment("emit", chunk_events("a", 3), links=upstream(evil), stream=evil),
    ]
    for trace in ([], [TRACE]):
        ran = Ran(["--file", write(tmp_path / "t.jsonl", spans), *trace], capsys)
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
        (["--file", "FILE", "--chunk", "1"], "No such option: --chunk"),
    ],
)
def test_bad_arguments_are_told(
    tmp_path: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What can't be used ends the command with 2 and its name."""
    file = write(tmp_path / "t.jsonl", pipeline())
    ran = Ran([file if each == "FILE" else each for each in arguments], capsys)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "got 'an empty file'"),
        (["{}"], "got '1 lines without any'"),
        (["{"], "line 1: Input data was truncated."),
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
        assert (ran.code, ran.out) == (3, "")
        assert says in ran.err


def test_a_trace_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the ids that are."""
    ran = Ran(["--file", write(tmp_path / "t.jsonl", pipeline()), OTHER], capsys)
    assert ran.code == 3
    assert f"It has {TRACE}." in ran.err


def test_a_damaged_line_is_told_and_the_rest_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What could be read is shown on stdout; the damage stands on stderr, and the exit code is 3."""
    path = write(tmp_path / "t.jsonl", pipeline(), '{"resourceSp')
    ran = Ran(["--file", path], capsys)
    assert ran.code == 3
    assert "In order" in ran.out
    assert f"{path}, line 2: " in ran.err


@pytest.mark.parametrize(("texts", "code"), [(WORDS, 0), (DOUBLED, 1)])
def test_the_process_ends_with_the_same_codes(tmp_path: Path, texts: list[str], code: int) -> None:
    """As a program: the exit code, no traceback, no colours in a pipe."""
    result = otel_sse("diagnose", "--file", str(write(tmp_path / "t.jsonl", pipeline(texts))))
    assert result.returncode == code
    assert "Traceback" not in result.stderr
    assert "\x1b" not in result.stdout
