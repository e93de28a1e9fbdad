"""What contrib's middleware is told of a request: a scope of its own, in which everything is what it takes it for."""

from __future__ import annotations

from collections.abc import Mapping, Set
from types import SimpleNamespace
from typing import Any, Final

from otel_sse import limits
from otel_sse.integrations.protocol import get, pairs
from otel_sse.integrations.request_span import redaction
from otel_sse.integrations.routes import route_of

_HOST: Final = b"host"
_HOST_CHARS: Final = len(_HOST)
_SCHEMES: Final = frozenset({"http", "https"})
_VERSIONS: Final = frozenset({"0.9", "1.0", "1.1", "2", "2.0", "3", "3.0"})


def told(scope: Mapping[str, Any], allowed: Set[str]) -> dict[str, Any]:
    """Return the scope of an HTTP request as contrib may read it.

    Values that become labels are of few kinds: a scheme or version that HTTP does not know is left out. The
    application's own scope stays as it is.

    Args:
        scope: The request's.
        allowed: Names of query parameters whose values are kept.
    """
    made: dict[str, Any] = {
        "type": "http",
        "method": redaction.text(get(scope, "method"), limits.MAX_METHOD_CHARS),
        "path": redaction.path(get(scope, "path")),
        "query_string": redaction.query(get(scope, "query_string"), allowed),
        "headers": headers(get(scope, "headers")),
        "server": _address(get(scope, "server")),
        "client": _address(get(scope, "client")),
    }
    for key, known in (("scheme", _SCHEMES), ("http_version", _VERSIONS)):
        value = get(scope, key)
        if isinstance(value, str) and value in known:
            made[key] = value
    return made


def headers(given: object) -> list[tuple[bytes, bytes]]:
    """Return headers, of a request or a response, that are all UTF-8."""
    return [
        (name, value) if name.isascii() and value.isascii() and len(name) != _HOST_CHARS else _readable(name, value)
        for name, value in pairs(given)
    ]


def answered(made: dict[str, Any], scope: Mapping[str, Any]) -> None:
    """Add what the framework has found out by now: the route's template, without a value in it.

    Args:
        made: What `told` returned.
        scope: The application's scope.
    """
    if getattr(get(scope, "route"), "path_format", None):
        made["route"] = SimpleNamespace(path_format=redaction.text(route_of(scope), limits.MAX_URL_CHARS))


def _readable(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    return _utf8(name), redaction.host(value) if name.lower() == _HOST else _utf8(value)


def _utf8(value: bytes) -> bytes:
    return value if value.isascii() else redaction.decoded(value).encode()


def _address(value: object) -> tuple[str, int | None] | None:
    if not isinstance(value, (list, tuple)) or len(value) != 2 or not isinstance(value[0], str):
        return None
    port = value[1]
    is_port = isinstance(port, int) and 0 <= port <= 65_535
    return redaction.text(value[0], limits.MAX_HOST_CHARS), int(port) if is_port else None
