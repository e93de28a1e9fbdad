"""The reference page, held against the code."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry.trace import SpanContext, TraceFlags

from docs import reference
from otel_sse import limits, semconv
from otel_sse.dialects.builtin import BUILTIN
from otel_sse.dialects.registry import Entry
from otel_sse.integrations.headers import with_trace
from otel_sse.options import Options, settings
from otel_sse.stream import kinds
from otel_sse.stream.chunk import KINDS, Chunk
from otel_sse.stream.outcome import OUTCOMES
from otel_sse.stream.stage import StageInfo, StageSpec
from otel_sse.stream.stages import STAGES
from otel_sse.telemetry.logs import ChunkLog

ROOT = Path(__file__).resolve().parents[1]
CONTEXT = SpanContext(0x4BF92F3577B34DA6A3CE929D0E0E4736, 0xF067AA0BA902B7, is_remote=False, trace_flags=TraceFlags(1))


def test_committed_page_is_the_generated_one() -> None:
    """`docs/reference.md` is what the generator prints now."""
    committed = reference.PAGE.read_text(encoding="utf-8") if reference.PAGE.exists() else ""
    assert committed == reference.page(), "docs/reference.md is not up to date: run `make docs`"


def test_command_writes_the_same_page_in_any_process(tmp_path: Path) -> None:
    """The script that `make docs` runs writes the page byte for byte, whatever the hash seed."""
    for seed in ("1", "2"):
        target = tmp_path / f"{seed}.md"
        command = [sys.executable, str(ROOT / "docs" / "reference.py"), str(target)]
        subprocess.run(command, check=True, cwd=ROOT, env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)})
        assert target.read_text(encoding="utf-8") == reference.page()


def test_make_docs_runs_this_script() -> None:
    """The Makefile's target `docs` calls the generator by its name."""
    recipe = re.search(r"^docs:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert recipe is not None
    assert "python docs/reference.py" in recipe[1]


def rows(page: str) -> list[list[str]]:
    """The cells of all tables, without their titles."""
    lines = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line] for line in lines]


def test_every_name_has_one_row() -> None:
    """Each option, span, event, attribute, metric, label, stage, finding, outcome, kind and limit has a row."""
    firsts = [row[0].strip("`") for row in rows(reference.page())]
    tables = (semconv.SPANS, semconv.EVENTS, semconv.ATTRIBUTES, semconv.METRICS, STAGES, kinds.FINDINGS)
    names = [row.name for table in tables for row in table]
    names += [entry.name for entry in BUILTIN]
    names += [*Options.names(), *semconv.LABELS, *OUTCOMES, *KINDS, *reference.LOG_FIELDS, *reference.HEADERS]
    names += [name for name in vars(limits) if name.isupper()]
    assert sorted(firsts) == sorted(names)


@pytest.mark.parametrize(("name", "default", "rule"), settings(), ids=lambda one: one if isinstance(one, str) else "")
def test_option_row_says_all_of_its_setting(name: str, default: object, rule) -> None:
    """An option's row has its variables, its default, its unit, what is allowed and what it does."""
    row = next(row for row in rows(reference.options_section()) if row[0] == f"`{name}`")
    assert len(row) == 6
    assert all(variable in row[1] for variable in rule.env)
    assert row[1] == "argument only" or rule.env
    assert str(default).lower() in row[2].lower() or row[2] == "unset"
    assert f"be {row[4]}" == rule.allowed
    assert row[5].startswith(rule.doc)


@pytest.mark.parametrize("entry", BUILTIN, ids=lambda entry: entry.name)
def test_dialect_row_says_what_is_read_and_where_that_is_defined(entry: Entry) -> None:
    """A dialect's row has a sentence, the proof of a whole stream and, of a vendor's, the document."""
    name, reads, shown, source = reference.dialect_row(entry.name, entry.factory())
    assert name == f"`{entry.name}`"
    assert re.fullmatch(r"[A-Z`].{10,}[^.]\.", reads)
    assert shown in reference.EXPECTATIONS.values()
    assert source or ".vendors." not in type(entry.factory()).__module__


def test_check_says_that_a_page_is_out_of_date(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--check` writes nothing, and fails where the page is not what the code gives."""
    target = tmp_path / "page.md"
    assert reference.main(["--check", str(target)]) == 1
    assert capsys.readouterr().out == (
        f"{target} must be what the tables in the code give, got 'something else'. Run `make docs`.\n"
    )
    assert reference.main([str(target)]) == 0
    assert reference.main(["--check", str(target)]) == 0


def test_bars_do_not_break_a_table() -> None:
    """A bar inside a cell is escaped."""
    assert reference.table(["a"], [["x | y"]]).splitlines()[-1] == r"| x \| y |"


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "unset"), ("", "unset"), ((), "unset"), (True, "`true`"), (0, "`0`"), (0.2, "`0.2`")]
)
def test_defaults_are_shown_as_they_are_set(value: object, shown: str) -> None:
    """No value is unset, truth is written as in a variable, numbers are numbers."""
    assert reference._default(value) == shown


def parts(line: str) -> list[str]:
    """A log line's words, of pairs the name only."""
    return [word.partition("=")[0] for word in line.split()]


def test_log_lines_are_those_that_are_written(caplog: pytest.LogCaptureFixture) -> None:
    """The lines on the page have the parts, in their order, that the logger writes, and each part is explained."""
    with caplog.at_level(logging.DEBUG, semconv.CHUNK_LOGGER):
        log = ChunkLog(StageInfo(StageSpec("emit"), "4be1"), CONTEXT, "sha1", 1)
        for seq in (1, 2):
            log.chunk(Chunk(seq, 0, "content", "f7ff9e8b7bb2", 5, 57, False))
        log.end("completed")
    chunk, summary = (record.getMessage() for record in caplog.records)
    assert chunk == reference.LOG_LINES["EMIT"]
    assert parts(summary) == parts(reference.LOG_LINES["SUMMARY"])
    assert set(parts(chunk)) | {"SUMMARY"} == set(reference.LOG_FIELDS)


def test_headers_are_those_that_are_added() -> None:
    """The headers on the page are those that a stream's response gets, and their options are options."""
    added = with_trace([], CONTEXT, traceresponse=True, trace_id=True)
    assert [name.decode() for name, _ in added] == [name.lower() for name in reference.HEADERS]
    assert {option for option, _ in reference.HEADERS.values()} <= Options.names()


def test_every_limit_has_its_reason() -> None:
    """Each cap's row has the text that stands below it in the code."""
    assert set(reference.reasons()) == {name for name in vars(limits) if name.isupper()}
    assert all(reference.reasons().values())
