"""Times as a user writes them (`90s`, `1h`, `2d` ago, or `2026-11-25T10:00:00Z`), and as they are shown."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from otel_sse.errors import ConfigurationError, must

_S_NS: Final = 1_000_000_000
_UNITS_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_AGO: Final = re.compile(r"(\d{1,9})([smhdw])", re.ASCII)
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?(Z|[+-]\d\d:\d\d)?", re.ASCII | re.IGNORECASE
)


def read_time(option: str, given: str, now_ns: int) -> int:
    """Return a time in nanoseconds since the epoch.

    Args:
        option: The option's name, for a message.
        given: So long ago, or a time; without an offset it is UTC.
        now_ns: Now, in nanoseconds since the epoch.

    Raises:
        ConfigurationError: It is neither.
    """
    if ago := _AGO.fullmatch(given):
        found_ns = now_ns - int(ago[1]) * _UNITS_S[ago[2]] * _S_NS
    else:
        found_ns = _absolute(option, given)
    if found_ns < 0:
        raise _bad(option, given)
    return found_ns


def shown_time(time_ns: int, form: str) -> str:
    """Return a time in UTC, in a form of `strftime`; `?` where it is in no year that can be written.

    Args:
        time_ns: In nanoseconds since the epoch.
        form: How to write it.
    """
    try:
        return datetime.fromtimestamp(time_ns // _S_NS, UTC).strftime(form)
    except (ValueError, OverflowError, OSError):
        return "?"


def shown_duration(time_ns: int) -> str:
    """Return how long something took, in milliseconds below a second, else in seconds.

    Args:
        time_ns: In nanoseconds; negative where two clocks differ.
    """
    if abs(time_ns) >= _S_NS:
        return f"{time_ns / 1e9:.3f} s"
    return f"{time_ns / 1e6:.{1 if abs(time_ns) >= 10_000_000 else 2}f} ms"


def _absolute(option: str, given: str) -> int:
    match = _TIME.fullmatch(given)
    if match is None:
        raise _bad(option, given)
    day, minute, second, fraction, offset = match.groups()
    zone = "+00:00" if offset in (None, "Z", "z") else offset
    try:
        found = datetime.fromisoformat(f"{day}T{minute or '00:00'}:{second or '00'}{zone}")
    except ValueError as error:
        raise _bad(option, given) from error
    since = found - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * _S_NS + int((fraction or "0").ljust(9, "0"))


def _bad(option: str, given: str) -> ConfigurationError:
    rule = "be so long ago, as 90s, 15m, 1h or 2d, or a time, as 2026-11-25T10:00:00Z"
    return ConfigurationError(must(f"option {option}", rule, given, "Correct it."))
