"""What a span says of a URL: no values of its query, no userinfo, nothing that an exporter can't write.

Source: OpenTelemetry's semantic conventions, attributes `url.full` and `url.query`: what is taken out is REDACTED.
"""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Final
from urllib.parse import unquote_plus

from otel_sse import limits

_REDACTED: Final = "REDACTED"
_USERINFO: Final = f"{_REDACTED}:{_REDACTED}@"
_SEPARATOR: Final = re.compile("([&;])")
_AUTHORITY: Final = re.compile("//[^/?#]*@")
_BEHIND_HOST: Final = re.compile(r"[/?#\\\s]")
_HIDDEN: Final = re.compile("[=&;?#]")
_QUOTED: Final = {ord("?"): "%3F", ord("#"): "%23"}


def text(value: object, most_chars: int) -> str:
    """Return a text as every exporter can write it, without lone surrogates and cut off; "" for what is no text."""
    if not isinstance(value, str):
        return ""
    plain = value[:most_chars]
    return plain if plain.isascii() else plain.encode("utf-8", "replace").decode()


def decoded(value: bytes) -> str:
    """Return a header's value as text: UTF-8, or else Latin-1, which has a character for every byte."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def query(value: object, allowed: Set[str]) -> str:
    """Return a query with the names of its parameters, and the values of those that are allowed.

    Args:
        value: The query without its question mark: bytes or text.
        allowed: Names of parameters whose values are kept, not percent-encoded.
    """
    if isinstance(value, (bytes, bytearray)):
        value = bytes(value).decode("latin-1")
    if not isinstance(value, str) or not value:
        return ""
    # Some servers still take `;` for a separator; who splits by both shows no value that either kind would see.
    parts = _SEPARATOR.split(value[: limits.MAX_URL_CHARS])
    return text("".join(_parameter(part, allowed) for part in parts), limits.MAX_URL_CHARS)


def _parameter(part: str, allowed: Set[str]) -> str:
    if part in ("", "&", ";"):
        return part
    name, equals, _ = part.partition("=")
    meant = unquote_plus(name)
    if meant in allowed:
        return part
    # What has no name may be a token that stands alone, and what is decoded once more must show no value either.
    return f"{name}={_REDACTED}" if equals and not _HIDDEN.search(meant) else _REDACTED


def path(value: object) -> str:
    """Return a path that shows no query and no userinfo: servers hand on a target such as `http://me:secret@host/`."""
    plain = text(value, limits.MAX_URL_CHARS)
    if "?" in plain or "#" in plain:
        plain = plain.translate(_QUOTED)
    return _AUTHORITY.sub(f"//{_USERINFO}", plain) if "@" in plain else plain


def host(value: bytes) -> bytes:
    """Return the value of a Host header without userinfo and without anything behind the host."""
    info, at, name = decoded(value).rpartition("@")
    name = _BEHIND_HOST.split(name.strip(), maxsplit=1)[0]
    return text(f"{_USERINFO if info or at else ''}{name}", limits.MAX_HOST_CHARS).encode()
