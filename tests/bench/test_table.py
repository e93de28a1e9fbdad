"""The tables are Markdown with a row for all that was measured."""

from __future__ import annotations

from bench import variants
from bench.growth import Growth
from bench.lag import Lag
from bench.memory import PerStream
from bench.plan import Results
from bench.table import markdown, report
from bench.targets import Verdict

RUN = {
    "date": "2026-11-20T09:26:10+00:00",
    "command": "python -m bench",
    "python": "CPython 3.11.7",
    "system": "Linux x86_64",
    "cpus": 2,
    "versions": {"otel-sse": "0.1.0", "protobuf": "7.36.2"},
}
HEADING = "`python -m bench` on 2026-11-20: CPython 3.11.7, Linux x86_64, 2 CPUs; otel-sse 0.1.0, protobuf 7.36.2."


def _printed(results: Results, verdicts: list[Verdict]) -> list[str]:
    return [line.strip() for line in markdown(report(RUN, results, verdicts)).splitlines()]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_bytes_are_shown_in_kib_and_mib() -> None:
    """1,536 bytes of a stream are 1.5, and 3 MiB of growth are 3.00."""
    results = Results(
        memory={variants.ALL: PerStream(1_536, 2_048)},
        growth=Growth(1_000_000, 50_000, 3 * 1_048_576, 0, 0, 1),
    )
    rows = [_cells(line) for line in _printed(results, [])]
    assert [variants.ALL, "1.5", "2.0"] in rows
    assert ["RSS, at its highest", "3.00"] in rows


def test_plain_row_says_that_it_is_the_cost_itself() -> None:
    """All other rows are differences to it."""
    rows = [_cells(line) for line in _printed(Results(memory={variants.PLAIN: PerStream(1_024, 1_024)}), [])]
    assert ["plain (itself)", "1.0", "1.0"] in rows


def test_lag_has_a_row_for_each_variant() -> None:
    """In milliseconds, with the CPU that the process took."""
    rows = [_cells(line) for line in _printed(Results(lag={variants.NAIVE: Lag(0.5, 6.0, 7.25, 12.5, 99)}), [])]
    assert [variants.NAIVE, "0.50", "6.00", "7.25", "12.5", "99"] in rows


def test_missed_target_says_so_and_where() -> None:
    """The highest value found decides and is shown."""
    verdict = Verdict("memory", 16.0, "KiB", {"heap": 9.0, "RSS": 17.0}, False)
    rows = [_cells(line) for line in _printed(Results(), [verdict])]
    assert ["memory", "16 KiB", "17.00", "RSS", "not met"] in rows


def test_nothing_measured_prints_no_table() -> None:
    """What stays is the line that says where and with what was measured."""
    assert _printed(Results(), []) == [HEADING]
