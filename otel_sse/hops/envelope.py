"""The envelope of one WebSocket message, and how two ends agree to use it: text and bytes in, text and bytes out.

    otel-sse/1 6f0e1b2c3d4e5f60 3/1 1763622000000000000 00-…-…-01
    {"type": "CHUNK", "content": "Hello"}

The envelope is one line in front of the payload. It says version, stream, numbers, the sender's clock, and with the
first message of a stage its trace context. `3/1` is the third message on this hop and the first chunk of its stage; `3`
is short for `3/3`. The payload is never touched: it may be text, binary, empty or a mebibyte.
"""

from __future__ import annotations

from typing import Final

import msgspec

from otel_sse import limits

HEADER: Final = "x-otel-sse"
"""Name of the header by which a client offers the envelope and a server accepts it."""

VERSION: Final = "1"
_MARK: Final = f"otel-sse/{VERSION} "
_RAW_MARK: Final = _MARK.encode()
_AFTER_MARK: Final = len(_MARK)
_LONGEST: Final = limits.MAX_ENVELOPE_BYTES
_NO_TRACE: Final = "-"

SMALL_BYTES: Final = 1 << 15
"""Payloads up to this size always get an envelope: nobody sets so small a limit without telling the sender."""

_ROUND: Final = (1 << 16, 50_000)
"""Receivers set multiples of these as limits: 1 MiB, 1,000,000 bytes."""

_MAX_DIGITS: Final = 19
_MAX_NUMBER: Final = 2**63
"""OTLP's integers have 64 bits and a sign; a larger number of a peer's could not be exported."""


class Envelope(msgspec.Struct, gc=False, frozen=True):
    """The line in front of a payload, read.

    Args:
        stream_id: `sse.stream.id` of the stream.
        seq: Number of the message on this hop: 1, 2, 3 … for each stream and direction. A message that is sent again
            keeps its number.
        time_ns: Wall clock of the sender as it handed the message on, in nanoseconds since the epoch.
        chunk: Number of the message's first chunk at the sender's stage. Each stage counts from 1; `seq` counts on.
        opens: Whether the message is the first of the sender's stage.
        traceparent: Context of the sender's span (W3C Trace Context), only where `opens`; "" for none.
        tracestate: Likewise.
    """

    stream_id: str
    seq: int
    time_ns: int
    chunk: int
    opens: bool = False
    traceparent: str = ""
    tracestate: str = ""


def head(stream_id: str, seq: int, time_ns: int, opening: str = "", chunk: int = 0) -> str:
    """Return the line for one message, with its line feed.

    Args:
        stream_id: See `Envelope`; `is_stream_id` must accept it.
        seq: See `Envelope`.
        time_ns: See `Envelope`.
        opening: From `opening` for the first message of a stage; else "".
        chunk: See `Envelope`; 0 where it equals `seq`.
    """
    if chunk and chunk != seq:
        return f"{_MARK}{stream_id} {seq}/{chunk} {time_ns}{opening}\n"
    return f"{_MARK}{stream_id} {seq} {time_ns}{opening}\n"


def opening(traceparent: str = "", tracestate: str = "") -> str:
    """Return the end of the line for a stage's first message: its trace context, or the mark for none."""
    if not traceparent:
        return f" {_NO_TRACE}"
    return f" {traceparent} {tracestate}" if tracestate else f" {traceparent}"


def open_text(message: str) -> tuple[Envelope, str] | None:
    """Return the envelope of a text message and its payload; None where it has no envelope.

    A damaged line is no envelope: the whole message is then the application's own.
    """
    if not message.startswith(_MARK):
        return None
    end = message.find("\n", _AFTER_MARK, _LONGEST)
    if end < 0:
        return None
    envelope = _read(message[_AFTER_MARK:end])
    return None if envelope is None else (envelope, message[end + 1 :])


def open_bytes(message: bytes) -> tuple[Envelope, bytes] | None:
    """Return the same as `open_text` for bytes: a binary message, or the undecoded bytes of a text message."""
    if not message.startswith(_RAW_MARK):
        return None
    end = message.find(b"\n", _AFTER_MARK, _LONGEST)
    if end < 0:
        return None
    envelope = _read(message[_AFTER_MARK:end].decode("latin-1"))
    return None if envelope is None else (envelope, message[end + 1 :])


def opened(message: str | bytes) -> tuple[Envelope | None, str | bytes]:
    """Return a message's envelope, None where it has none, and its payload."""
    pair = open_text(message) if isinstance(message, str) else open_bytes(message)
    return pair or (None, message)


def is_unfinished(start: bytes) -> bool:
    """Return whether `start` may be the beginning of an envelope whose line feed is still to come."""
    mark = _RAW_MARK[: len(start)]
    return start.startswith(mark) and b"\n" not in start and len(start) < _LONGEST


def is_stream_id(text: object) -> bool:
    """Return whether a peer's text can name a stream: 1 to 64 printable ASCII characters without a space."""
    if type(text) is not str or not 0 < len(text) <= limits.MAX_NAME_CHARS:
        return False
    return text.isascii() and text.isprintable() and " " not in text


def fits(payload_bytes: int, head_bytes: int) -> bool:
    """Return whether a payload with a head stays within each round limit that the payload alone keeps.

    Receivers limit the size of a message, mostly to a round number of mebibytes or megabytes, and not all tell the
    sender. A head must not lift a message over a multiple of 64 KiB or of 50,000 bytes. About one in three hundred
    large messages goes without a head for that.

    Args:
        payload_bytes: Size of the payload.
        head_bytes: Size of the head.
    """
    # 999,950 bytes and a head of 100: 999,949 // 50,000 is 19, 1,000,049 // 50,000 is 20, so a limit of 1,000,000 bytes
    # would refuse the message because of us. 1,000,001 bytes and the same head: 20 and 20, it was over before.
    last, last_with_head = payload_bytes - 1, payload_bytes + head_bytes - 1
    return payload_bytes <= SMALL_BYTES or all(last // step == last_with_head // step for step in _ROUND)


def _read(line: str) -> Envelope | None:
    words = line.split(" ", 4)
    try:
        stream_id, numbers, time_ns = words[0], words[1], int(words[2])
        if "/" in numbers:
            first, _, second = numbers.partition("/")
            seq, chunk = int(first), int(second)
        else:
            seq = chunk = int(numbers)
    except (IndexError, ValueError):
        return None
    if seq <= 0 or seq >= _MAX_NUMBER or time_ns < 0 or time_ns >= _MAX_NUMBER or not stream_id:
        return None
    if chunk <= 0 or chunk >= _MAX_NUMBER:
        return None
    if len(words) == 3:
        return Envelope(stream_id, seq, time_ns, chunk)
    trace = "" if words[3] == _NO_TRACE else words[3]
    return Envelope(stream_id, seq, time_ns, chunk, True, trace, words[4] if len(words) > 4 else "")


class Agreement(msgspec.Struct, frozen=True):
    """What both ends of a connection have agreed on.

    Args:
        version: Version of the envelope.
        peer: Name of the other end's process; "" where it gave none. A reconnect to the same process
            goes on with the numbers.
        stream_id: The stream for which the client has opened the connection; "" where it named none.
        max_bytes: Largest message that the other end accepts, envelope included; 0 where it named no limit.
    """

    version: str
    peer: str = ""
    stream_id: str = ""
    max_bytes: int = 0


def offer(process: str, stream_id: str = "", max_bytes: int = 0) -> str:
    """Return the header's value, such as `1;p=3f2a9c11;s=6f0e1b2c3d4e5f60;m=1048576`.

    Args:
        process: Name of this end's process.
        stream_id: The stream for which the connection is opened; "" for none.
        max_bytes: Largest message that this end accepts; 0 for no limit.
    """
    value = f"{VERSION};p={process}"
    if stream_id:
        value += f";s={stream_id}"
    return f"{value};m={max_bytes}" if max_bytes else value


def agree(value: str | None) -> Agreement | None:
    """Return the agreement that a peer's header value makes; None where it names no version that we speak.

    Args:
        value: `1`, `1,2` or `1;p=3f2a9c11`; None where the header is missing.
    """
    if not value:
        return None
    versions, *parameters = value.split(";")
    if VERSION not in [version.strip() for version in versions.split(",")]:
        return None
    pairs = [parameter.strip().partition("=") for parameter in parameters]
    named = {name: text for name, _, text in pairs if is_stream_id(text)}
    limit = named.get("m", "")
    max_bytes = int(limit) if limit.isdigit() and len(limit) < _MAX_DIGITS else 0
    return Agreement(VERSION, named.get("p", ""), named.get("s", ""), max_bytes)
