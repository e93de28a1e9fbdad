"""What a span says of a URL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sse import limits
from otel_sse.integrations.request_span import redaction

QUERIES = {
    b"": "",
    b"token=secret": "token=REDACTED",
    b"a=1&b=2&a=3": "a=REDACTED&b=REDACTED&a=REDACTED",
    b"page=2&token=secret": "page=2&token=REDACTED",
    b"page=2;token=secret": "page=2;token=REDACTED",
    b"p%61ge=2": "p%61ge=2",
    b"Page=2": "Page=REDACTED",
    b"secret": "REDACTED",
    b"page": "page",
    b"empty=&=x&&": "empty=REDACTED&=REDACTED&&",
    b"a=b=c": "a=REDACTED",
    b"token%3Dsecret=": "REDACTED",
    b"a%26token%3Dsecret=1": "REDACTED",
    b"\xff=\xff\\": "ÿ=REDACTED",
    b"q=https://me:secret@host/?x=y": "q=REDACTED",
}


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_has_names_and_no_values(query: bytes) -> None:
    """A parameter keeps its value only where its name is allowed; what has no name is taken for a value."""
    assert redaction.query(query, {"page"}) == QUERIES[query]


def test_a_query_may_be_text_or_nothing_that_can_be_read() -> None:
    """Some servers give text; what is neither text nor bytes is no query."""
    assert redaction.query("a=1", set()) == "a=REDACTED"
    assert [redaction.query(value, set()) for value in (None, 5, ["a=1"])] == ["", "", ""]


@given(st.lists(st.tuples(st.text(alphabet="abcxyz%_-", min_size=1), st.from_regex(r"SECRET[^&;]*", fullmatch=True))))
def test_no_value_is_left(parameters: list[tuple[str, str]]) -> None:
    """Whatever the values are, none is in the text that is shown."""
    text = "&".join(f"{name}={value}" for name, value in parameters)
    assert "SECRET" not in redaction.query(text.encode("utf-8", "surrogatepass"), set())


@given(st.binary())
def test_every_query_can_be_written(query: bytes) -> None:
    """What is shown of any bytes is text that an exporter can encode, of a bounded length."""
    shown = redaction.query(query, {"a"})
    assert len(shown.encode()) <= 2 * limits.MAX_URL_CHARS


@pytest.mark.parametrize("over", [0, 1])
def test_long_queries_are_cut_off(over: int) -> None:
    """A query is shown up to its limit and not one character further."""
    query = b"a=" + b"b" * (limits.MAX_URL_CHARS - 2 + over)
    assert len(redaction.query(query, {"a"})) == limits.MAX_URL_CHARS


PATHS = {
    "/chat": "/chat",
    "/é": "/é",
    "/?token=secret": "/%3Ftoken=secret",
    "/a#b": "/a%23b",
    "http://me:secret@host/x": "http://REDACTED:REDACTED@host/x",
    "//me:sec@ret@host": "//REDACTED:REDACTED@host",
    "/\udcff": "/%3F",
    "/mail/me@example.org": "/mail/me@example.org",
}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_shows_no_query_and_no_userinfo(path: str) -> None:
    """What looks like a query in a path is quoted, userinfo is taken out, and lone surrogates are replaced."""
    assert redaction.path(path) == PATHS[path]


HOSTS = {
    b"example.org": b"example.org",
    b"example.org:8443": b"example.org:8443",
    b"me:secret@example.org": b"REDACTED:REDACTED@example.org",
    b"me:se/cret@example.org": b"REDACTED:REDACTED@example.org",
    b"example.org/?token=secret": b"example.org",
    b"example.org\\x": b"example.org",
    b"\xff": "ÿ".encode(),
    b"a" * 300: b"a" * limits.MAX_HOST_CHARS,
}


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_is_nothing_but_a_host(host: bytes) -> None:
    """Userinfo is taken out, what stands behind the host is left out, and the length is bounded."""
    assert redaction.host(host) == HOSTS[host]


@pytest.mark.parametrize(("value", "shown"), [("x" * 9, "x" * 8), ("é", "é"), ("\ud800", "?"), (None, ""), (b"x", "")])
def test_texts_can_be_written(value: object, shown: str) -> None:
    """A text is cut off and has no lone surrogates; what is no text is none."""
    assert redaction.text(value, 8) == shown


def test_bytes_that_are_no_utf8_are_latin1() -> None:
    """Every header has a text."""
    assert redaction.decoded("é".encode()) == "é"
    assert redaction.decoded(b"Andr\xe9 C:\\") == "André C:\\"
