from __future__ import annotations

import pytest

from otel_sse.errors import ConfigurationError
from otel_sse.sources.reading import iso_time
from otel_sse.terminal.times import read_time, shown_duration, shown_time

S = 1_000_000_000
NOW = 1_790_000_000 * S + 5


@pytest.mark.parametrize(
    ("given", "ago_s"), [("0s", 0), ("90s", 90), ("15m", 900), ("1h", 3600), ("2d", 172_800), ("1w", 604_800)]
)
def test_so_long_ago(given: str, ago_s: int) -> None:
    """A number with a unit is that long before now."""
    assert read_time("--since", given, NOW) == NOW - ago_s * S


@pytest.mark.parametrize(
    ("given", "ns"),
    [
        ("1970-01-01", 0),
        ("1970-01-02T00:00", 86_400 * S),
        ("1970-01-01 00:00:01", S),
        ("1970-01-01T00:00:01.5Z", S + 500_000_000),
        ("1970-01-01T00:00:00.000000007z", 7),
        ("1970-01-01T02:00:01+02:00", S),
        ("1969-12-31T23:00:00-01:00", 0),
    ],
)
def test_a_time(given: str, ns: int) -> None:
    """A time is read as RFC 3339 has it, in UTC where nothing else is said, to the nanosecond."""
    assert read_time("--until", given, NOW) == ns


@pytest.mark.parametrize("ns", [0, 7, NOW, NOW + 123_456_000])
def test_what_is_printed_is_read(ns: int) -> None:
    """The time that a list says to go on with is read as the same."""
    assert read_time("--until", iso_time(ns), NOW) == ns


@pytest.mark.parametrize(
    "given",
    ["", "1", "h", "-1h", "1.5h", "1 h", "1y", "٣h", "yesterday", "2026-13-01", "2026-02-30", "1969-12-31",
     "2026-01-01T25:00", "2026-01-01T10:00:00.1234567890Z", "9999999999s", "999999999w"],
)  # fmt: skip
def test_what_is_no_time_is_told(given: str) -> None:
    """Everything else is an error of the option that says the forms."""
    with pytest.raises(
        ConfigurationError, match="option --since must be so long ago, as 90s, 15m, 1h or 2d, or a time"
    ):
        read_time("--since", given, NOW)


@pytest.mark.parametrize(
    ("time_ns", "shown"),
    [
        (0, "0.00 ms"),
        (9_994_000, "9.99 ms"),
        (10_000_000, "10.0 ms"),
        (999_900_000, "999.9 ms"),
        (S, "1.000 s"),
        (75 * S + 1_000_000, "75.001 s"),
        (-5_000_000, "-5.00 ms"),
        (-2 * S, "-2.000 s"),
    ],
)
def test_a_duration_has_three_digits_or_more(time_ns: int, shown: str) -> None:
    """Below a second it is in milliseconds, with a digit less from ten on; else in seconds."""
    assert shown_duration(time_ns) == shown


@pytest.mark.parametrize(("time_ns", "shown"), [(NOW, "2026-09-21"), (0, "1970-01-01"), (2**80, "?")])
def test_a_time_is_shown_in_utc(time_ns: int, shown: str) -> None:
    """A time is written in the form that is asked for; one in no year that can be written is a question mark."""
    assert shown_time(time_ns, "%Y-%m-%d") == shown
