"""Engine.IO's packets and Socket.IO's within them: what a message of such a connection is, and what it carries.

Source: Engine.IO protocol 4, Socket.IO protocol 5.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import msgspec

# What a browser and a server say, and how it is read:
#
#   0{"sid":"lv_","upgrades":[…]}     open: from here on the connection is Engine.IO's
#   2, 3, 2probe, 3probe              ping and pong
#   40, 40{"sid":"wZX"}               Socket.IO's connect
#   42["token",{"text":"Hel"}]        an event: its name `token`, its argument {"text":"Hel"}
#   42/chat,17["token","Hel"]         the same in a namespace, with a number that asks for an answer
#   4Hello                            a message of Engine.IO alone

_OPENINGS: Final = ('0{"sid"', "2probe", "3probe", "40")
_EVENT: Final = re.compile(r"42(?:/[^,\[]{0,256},)?[0-9]{0,19}(?=\[\")")
_CONTROL: Final = re.compile(r"4[013-6]")
_HEARTBEATS: Final = frozenset({"2", "3", "2probe", "3probe"})

_decode: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_text: Final = msgspec.json.Decoder(str).decode


class Packet(NamedTuple):
    """What a packet carries.

    Args:
        event: The name of Socket.IO's event, or "".
        payload: Its first argument, as JSON where it is an object, else as text; or Engine.IO's message. None where it
            carries nothing that could be a part of an answer.
        heartbeat: Whether it is a ping or a pong.
    """

    event: str = ""
    payload: str | None = None
    heartbeat: bool = False


class Packets:
    """Reads the packets of one connection. It is Engine.IO's from the first packet on that no other protocol has."""

    __slots__ = ("_is_socket_io", "known")

    def __init__(self) -> None:
        self.known = False
        """Whether the connection is Engine.IO's."""
        self._is_socket_io = False

    def read(self, message: str) -> Packet | None:
        """Return what a packet carries; None where the message is none, as far as is known by now."""
        event = _EVENT.match(message)
        if event is not None:
            return self._event(message[event.end() :])
        if not self.known and not message.startswith(_OPENINGS[:3]):
            return None
        self.known = True
        if message in _HEARTBEATS:
            return Packet(heartbeat=True)
        if message[:1] != "4":
            return Packet() if message[:1] in ("0", "1", "5", "6") else None
        self._is_socket_io = self._is_socket_io or message.startswith(_OPENINGS[3])
        if self._is_socket_io and _CONTROL.match(message):
            return Packet()
        return Packet(payload=message[1:])

    def _event(self, arguments: str) -> Packet | None:
        try:
            name, *rest = _decode(arguments)
            event = _decode_text(name)
            payload = next((text for each in rest if (text := _payload(bytes(each))) is not None), None)
        except (msgspec.DecodeError, UnicodeError):
            return None
        self.known = self._is_socket_io = True
        return Packet(event, payload)


def _payload(argument: bytes) -> str | None:
    if argument[:1] == b'"':
        return _decode_text(argument)
    return argument.decode() if argument[:1] == b"{" else None
