"""Blocks in the forms that servers write: read as text, several times as quick as line by line."""

from __future__ import annotations

from .events import Comment, Event

LF_END = "\n"
CRLF_END = "\r\n"


def plain_lines(data: bytes, end: str) -> list[str]:
    """Return the lines of whole UTF-8 in which every line ends alike and nothing else ends one; [] for any other.

    Args:
        data: Whole lines; the last one may lack its end.
        end: `LF_END` or `CRLF_END`.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return []
    lines = text.split(end)
    carriage_returns = text.count("\r") if end == CRLF_END else len(lines) - 1 + ("\r" in text)
    return lines if carriage_returns == len(lines) - 1 == text.count("\n") else []


def plain_event(lines: list[str], last_event_id: str) -> Event | None:
    """Return the event of a block of `data`, `event` and `id` lines; None for a block with anything else in it.

    Args:
        lines: The lines before the blank one, none of them blank.
        last_event_id: The stream's last event id before the block.
    """
    data: str | None = None
    name, ident = "", None
    for line in lines:
        if line[:5] == "data:":
            value = line[6:] if line[5:6] == " " else line[5:]
            data = value if data is None else f"{data}\n{value}"
        elif line[:6] == "event:":
            name = line[7:] if line[6:7] == " " else line[6:]
        elif line[:3] == "id:" and "\0" not in line:
            ident = line[4:] if line[3:4] == " " else line[3:]
        else:
            return None
    return None if data is None else Event(data, name, ident, last_event_id if ident is None else ident)


def plain_comment(line: str) -> Comment | None:
    """Return the comment that a line is; None for any other line."""
    return Comment(line[1:]) if line[:1] == ":" else None


def size_of(text: str) -> int:
    """Return the bytes that text takes as UTF-8."""
    return len(text) if text.isascii() else len(text.encode())
