"""What contrib's middleware is told of a request."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.instrumentation._semconv import _StabilityMode
from opentelemetry.instrumentation.asgi import collect_request_attributes, get_default_span_details

from otel_sse import limits
from otel_sse.integrations.request_span.scope import answered, headers, told

SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "POST",
    "scheme": "https",
    "http_version": "1.1",
    "path": "/chat",
    "query_string": b"token=secret",
    "headers": [(b"host", b"example.org"), (b"user-agent", b"Andr\xe9 C:\\")],
    "server": ("10.0.0.1", 8000),
    "client": ("10.0.0.2", 5),
}
ODD = st.one_of(
    st.none(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.lists(st.binary()),
    st.dictionaries(st.text(), st.text()),
)


def test_a_usual_request_is_told_as_it_is() -> None:
    """What contrib reads is there, in the form that it can read; the scope itself does not change."""
    before = dict(SCOPE)
    found = collect_request_attributes(told(SCOPE, frozenset()))
    assert before == SCOPE
    assert found["http.url"] == "https://example.org/chat?token=REDACTED"
    assert found["http.target"] == "/chat"
    assert found["http.host"] == "10.0.0.1:8000"
    assert found["http.user_agent"] == "André C:\\"
    assert found["net.peer.port"] == 5
    assert (found["http.method"], found["http.scheme"], found["http.flavor"]) == ("POST", "https", "1.1")


@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize(
    ("key", "most_chars"),
    [("method", limits.MAX_METHOD_CHARS), ("path", limits.MAX_URL_CHARS), ("server", limits.MAX_HOST_CHARS)],
)
def test_long_values_are_cut_off(key: str, most_chars: int, over: int) -> None:
    """Each value is told up to its limit and not one character further."""
    value = "a" * (most_chars + over)
    found = told({**SCOPE, key: (value, 80) if key == "server" else value}, frozenset())[key]
    assert (found[0] if key == "server" else found) == value[:most_chars]


def test_what_http_does_not_know_is_left_out() -> None:
    """A scheme and a version are labels, so those that a client may make up are not told."""
    found = told({**SCOPE, "scheme": "javascript", "http_version": "9.9"}, frozenset())
    assert "scheme" not in found
    assert "http_version" not in found


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(SCOPE, ODD)))
def test_contrib_can_read_whatever_a_scope_holds(scope: dict[str, Any]) -> None:
    """Of any scope contrib is told something that it reads without an exception, in each of its forms."""
    made = told(scope, frozenset())
    for mode in (_StabilityMode.DEFAULT, _StabilityMode.HTTP, _StabilityMode.HTTP_DUP):
        for value in collect_request_attributes(made, mode).values():
            str(value).encode()
    get_default_span_details(made)


@given(st.lists(st.tuples(st.binary(), st.binary())))
def test_headers_are_utf8(given_headers: list[tuple[bytes, bytes]]) -> None:
    """All headers are told, each as UTF-8."""
    found = headers(given_headers)
    assert len(found) == len(given_headers)
    for name, value in found:
        name.decode()
        value.decode()


def test_the_routes_template_is_told_without_a_value() -> None:
    """After the answer contrib is told the route; a mount's prefix that holds a value of the request is left out."""
    route = SimpleNamespace(path_format="/chat/{id}")
    made: dict[str, Any] = {}
    answered(made, {"route": route, "root_path": "/v1"})
    assert made["route"].path_format == "/v1/chat/{id}"
    answered(made, {"route": route, "root_path": "/acme", "path_params": {"tenant": "acme"}})
    assert made["route"].path_format == "/chat/{id}"


def test_where_no_route_is_known_none_is_told() -> None:
    """A framework that leaves no template leaves no label."""
    made: dict[str, Any] = {}
    for scope in ({}, {"route": None}, {"route": object()}, {"route": SimpleNamespace(path_format="")}):
        answered(made, scope)
    assert made == {}
