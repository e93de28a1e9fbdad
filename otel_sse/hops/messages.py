"""What a message says: the key of its stream, its mark (`START`, `CHUNK`, `END`, `ERROR`), and its content."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from otel_sse.dialects.frames import error_name
from otel_sse.errors import ConfigurationError, must
from otel_sse.hops.engine_io import Packet, Packets
from otel_sse.limits import MAX_NAME_CHARS
from otel_sse.stream import kinds
from otel_sse.stream.chunk import CERTAIN, COMPLETE, CONTENT, CONTROL, ERROR, HEARTBEAT, Finding
from otel_sse.stream.facts import Facts
from otel_sse.wire import Event

Message = str | bytes
StreamOf = Callable[[Message], "str | None"]
ChunkOf = Callable[[Message], "tuple[str, Any] | None"]

START: Final = "START"
CHUNK: Final = "CHUNK"
END: Final = "END"
FAIL: Final = "ERROR"

KEYS: Final = ("stream_id", "request_id", "id")
"""Keys of a JSON object that may name its stream, by precedence."""

_MARKS: Final = {
    "".join(letters): mark
    for mark in (START, CHUNK, END, FAIL)
    for letters in itertools.product(*zip(mark, mark.lower(), strict=True))
}
"""Each mark in every mixture of cases: one look-up costs less than a change of case."""


class Hooks(NamedTuple):
    """How to read the messages of an application's own protocol.

    Args:
        stream_of: Called with a message as the application sends or gets it. Returns the key of its stream, the same
            text for all messages of one stream; None for a message without a stream.
        chunk_of: Called with the same. Returns a pair: `START`, `CHUNK`, `END` or `ERROR`, and the content, which is
            text, an object that an SDK yields, or None. Returns None for a message without a mark and content.
    """

    stream_of: StreamOf | None = None
    chunk_of: ChunkOf | None = None


class Read(Event, gc=False, eq=False):
    """A message as an event, and what it says.

    Args:
        data: Text for the digest of a message without content.
        size: Its size in bytes.
        key: Key of its stream, or "".
        mark: One of `START`, `CHUNK`, `END`, `ERROR`, or "".
        facts: Its meaning, where the message itself says it; else a dialect reads `item`.
        item: Input of the dialect.
        numbered: Whether it carries a number of its own.
        broken: Whether it begins like a JSON object and can't be decoded.
        weak: Whether its key is a mere `id`, which may name the message and not its stream.
        response: Whether its key is the id of a response of OpenAI's, which is part of the current stream, if any.
    """

    key: str = ""
    mark: str = ""
    facts: Facts | None = None
    item: object = None
    numbered: bool = False
    broken: bool = False
    weak: bool = False
    response: bool = False


_NO_RAW: Final = msgspec.Raw()


class _Frame(msgspec.Struct, gc=False):
    """The keys that are read; all others are skipped undecoded."""

    type: Any = None
    stream_id: Any = None
    request_id: Any = None
    id: Any = None
    content: Any = None
    delta: Any = None
    text: Any = None
    messageId: Any = None
    body: Any = None
    data: msgspec.Raw = _NO_RAW
    chunk: msgspec.Raw = _NO_RAW
    seq: Any = None
    sequence: Any = None
    sequence_number: Any = None
    code: Any = None
    error: Any = None
    response: msgspec.Raw = _NO_RAW
    response_id: Any = None


class _Response(msgspec.Struct, gc=False):
    """The one key of a response that is read."""

    id: Any = None


_decode_response: Final = msgspec.json.Decoder(_Response).decode
_RESPONSE: Final = "response."
"""How the types of OpenAI's events begin, of its Responses and Realtime APIs."""

_RESPONSE_BEGINS: Final = "response.created"
_RESPONSE_ENDS: Final = frozenset(
    {"response.completed", "response.incomplete", "response.failed", "response.cancelled", "response.done"}
)
_ASKS: Final = frozenset({"response.create", "response.cancel", "response.steer"})
"""What a client sends: it asks for a response, and is no part of one."""


_decode: Final = msgspec.json.Decoder(_Frame).decode
_decode_text: Final = msgspec.json.Decoder(str).decode
_OBJECT: Final = ("{", b"{")
_FRAME_STARTS: Final = "{d \t\r\n"
_SHORTEST_FRAME_CHARS: Final = 16


class MessageReader:
    """Reads the messages of one connection.

    Args:
        hooks: The user's own. A message for which a hook returns None is read as a JSON object with the usual keys.
        max_bytes: Longer messages are counted and not read.
    """

    __slots__ = ("_hooks", "_max_bytes", "_packets", "_plain", "_response")

    def __init__(self, hooks: Hooks, max_bytes: int) -> None:
        self._hooks = hooks
        self._plain = hooks.stream_of is None and hooks.chunk_of is None
        self._max_bytes = max_bytes
        self._response = ""
        """Id of the response that is under way on the connection, or ""."""
        self._packets = Packets()

    def read(self, message: Message) -> Read:
        """Return what a message says. Raises what a hook raises, and nothing else."""
        size = len(message) if message.isascii() or type(message) is bytes else _size(message)
        if size > self._max_bytes:
            return Read("", size=size, facts=Facts(CONTROL))
        if message[:1] in _OBJECT:
            try:
                frame = _decode(message)
                read = _read(frame, message, size)
                if type(frame.type) is str and frame.type.startswith(_RESPONSE) and not read.key:
                    self._belong(read, frame)
            except (msgspec.DecodeError, UnicodeError):
                read = Read("", size=size, item=message, broken=True)
        else:
            packet = self._packets.read(message) if type(message) is str and message[:1].isdecimal() else None
            read = Read("", size=size, item=message) if packet is None else _read_packet(packet, size)
        return read if self._plain else self._asked(read, message)

    def _belong(self, read: Read, frame: _Frame) -> None:
        """Give an event of OpenAI's its response's id for a key: each response on a socket is a stream.

        Only some events name their response; the others belong to the one that is under way.
        """
        kind = frame.type
        if kind in _ASKS:
            return
        named = _decode_response(frame.response).id if bytes(frame.response)[:1] == b"{" else frame.response_id
        read.key = _key(named) or self._response
        if not read.key:
            return
        read.response = True
        if kind == _RESPONSE_BEGINS:
            self._response, read.mark = read.key, START
        elif kind in _RESPONSE_ENDS:
            read.mark = END
            self._response = "" if read.key == self._response else self._response

    def _asked(self, read: Read, message: Message) -> Read:
        hooks = self._hooks
        if hooks.stream_of is not None:
            read.key, read.weak, read.response = _key(hooks.stream_of(message)), False, False
        if hooks.chunk_of is None:
            return read
        found: object = hooks.chunk_of(message)
        if found is not None and not (isinstance(found, tuple) and len(found) == 2):
            # The error names the type alone: the value may be content.
            advice = "Return for instance ('CHUNK', text), or None for a message that is neither."
            raise ConfigurationError(must("chunk_of", "return a pair (kind, content) or None", type(found), advice))
        word, content = found or ("", message)
        mark = read.mark = _MARKS.get(word, "") if type(word) is str else ""
        read.item, read.facts = content, None
        if mark and (content is None or type(content) is str):
            read.facts, read.data = _facts(mark, content, None), _text(message)
        return read


def json_error(stage: str, seq: int) -> Finding:
    """Return the finding for a message that begins like a JSON object and can't be decoded."""
    return Finding(kinds.JSON_ERROR, CERTAIN, stage, seq, 0, "begins with { and can't be decoded")


def plain(message: str | bytes | bytearray | memoryview) -> Message:
    """Return a message as an exact `str` or `bytes`: the same object where it is one."""
    if type(message) is str or type(message) is bytes:
        return message
    return str.__str__(message) if isinstance(message, str) else bytes(message)


def _read(frame: _Frame, message: Message, size: int) -> Read:
    key = frame.stream_id or frame.request_id
    weak = False
    if key is None:
        key, weak = frame.id, True
    if type(key) is not str or len(key) > MAX_NAME_CHARS:
        key = _key(key)
    word = frame.type
    mark = _MARKS.get(word) if type(word) is str else None
    if mark is START and frame.messageId is not None:
        # The AI SDK's first event: a message begins, and no stream of a protocol that has an END.
        mark = None
    numbered = type(frame.seq or frame.sequence or frame.sequence_number) is int
    if mark is None:
        item = frame.body if type(frame.body) is str and frame.body[:1] == "{" else message
        return Read("", "", None, "", None, size, 0, key, "", None, item, numbered, False, weak)
    content = frame.content or frame.delta or frame.text
    if mark is not CHUNK:
        facts = _facts(mark, content if type(content) is str else None, frame.code or frame.error)
        return Read(_text(message), "", None, "", None, size, 0, key, mark, facts, None, numbered, False, weak)
    if type(content) is str and (len(content) < _SHORTEST_FRAME_CHARS or content[0] not in _FRAME_STARTS):
        facts = Facts(CONTENT, content, plain=True)
        return Read("", "", None, "", None, size, 0, key, mark, facts, None, numbered, False, weak)
    return Read("", "", None, "", None, size, 0, key, mark, None, _inner(frame, message), numbered, False, weak)


def _read_packet(packet: Packet, size: int) -> Read:
    """Read a packet as the message that it carries. An event's name stands for a type that is not there."""
    payload = packet.payload
    if packet.heartbeat:
        return Read("", size=size, facts=Facts(HEARTBEAT))
    if payload is not None and payload[:1] == "{":
        try:
            frame = _decode(payload)
        except (msgspec.DecodeError, UnicodeError):
            return Read("", size=size, item=payload, broken=True)
        frame.type = frame.type or packet.event
        return _read(frame, payload, size)
    mark = _MARKS.get(packet.event, "")
    if mark or not payload:
        return Read("", size=size, mark=mark, facts=_facts(mark, payload, None))
    return Read("", size=size, item=payload)


def _facts(mark: str, content: str | None, error: object) -> Facts:
    if mark == END:
        return Facts(COMPLETE, content or None, terminal=END)
    if mark == FAIL:
        return Facts(ERROR, error=str(error) if type(error) is int else error_name(error))
    if mark == CHUNK and content:
        return Facts(CONTENT, content, plain=True)
    return Facts(CONTROL)


def _inner(frame: _Frame, message: Message) -> object:
    """The chunk inside a message, as an object or as framed text; the whole message where there is none."""
    raw = bytes(frame.data) or bytes(frame.chunk)
    if not raw or raw == b"null":
        return message
    return _decode_text(raw) if raw[:1] == b'"' else raw.decode()


def _key(value: object) -> str:
    if type(value) is str:
        return value[:MAX_NAME_CHARS]
    return str(value) if type(value) is int else ""


def _text(message: Message) -> str:
    return message if type(message) is str else bytes(message).decode("utf-8", "surrogateescape")  # type: ignore[arg-type]


def _size(message: Message) -> int:
    return len(message.encode("utf-8", "surrogatepass") if isinstance(message, str) else message)
