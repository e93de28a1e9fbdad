from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import msgspec
import pytest

from otel_sse import limits
from otel_sse.errors import ConfigurationError
from otel_sse.sources.errors import SourceError, TooLargeError
from otel_sse.sources.http import Backend
from tests.sources.http_server import Reply, serving

NUMBERS = msgspec.json.Decoder(list[int])


Opening = Callable[..., Backend]


@pytest.fixture
def backend() -> Iterator[Opening]:
    """Opens Jaeger at a URL, with headers; closed when the test ends."""
    with ExitStack() as stack:

        def opened(url: str, **headers: str) -> Backend:
            return stack.enter_context(closing(Backend("Jaeger", url, headers)))

        yield opened


def test_an_answer_has_status_type_and_body(backend: Opening) -> None:
    """What the server said comes back, whatever the status; requests are counted."""
    with serving(lambda asked: Reply(404 if asked.path == "/api/x" else 200, "[1, 2]")) as server:
        jaeger = backend(server.url)
        found, missing = jaeger.get("/api/y", {"a": "b c"}), jaeger.get("/api/x")
        assert (found.found, missing.found, missing.is_missing) == (True, False, True)
        assert found.content_type == "application/json"
        assert jaeger.decode(found, NUMBERS) == [1, 2]
        assert server.requests[0].query == {"a": "b c"}
        assert jaeger.requests == 2


def test_a_path_before_the_api_and_headers_are_kept(backend: Opening) -> None:
    """A URL may have a path and a slash at its end; headers go with each request."""
    with serving(lambda asked: Reply(200, "[]")) as server:
        backend(f"{server.url}/jaeger/ui/?x=1#y", authorization="Bearer s3cret").get("/api/v3/services")
    assert server.requests[0].path == "/jaeger/ui/api/v3/services"
    assert server.requests[0].headers["authorization"] == "Bearer s3cret"


def test_a_compressed_answer_is_read(backend: Opening) -> None:
    """gzip is asked for and undone."""
    reply = Reply(200, gzip.compress(b"[7]"), {"content-encoding": "gzip"})
    with serving(lambda asked: reply) as server:
        jaeger = backend(server.url)
        assert jaeger.decode(jaeger.get("/"), NUMBERS) == [7]
    assert "gzip" in server.requests[0].headers["Accept-Encoding"]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (
            "localhost:16686",
            "option --jaeger must be a URL that begins with http:// or https://, got 'localhost:16686'.",
        ),
        ("ftp://host", "begins with http:// or https://"),
        ("http://", "begins with http:// or https://"),
        ("http://[::1", "option --jaeger must be a URL, got 'http://[::1'."),
        ("http://host:port", "option --jaeger must be a URL, got"),
    ],
)
def test_what_is_no_url_is_told(backend: Opening, url: str, says: str) -> None:
    """Another scheme, no host or a broken address is an error of the option."""
    with pytest.raises(ConfigurationError) as caught:
        backend(url)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "header", [{"authorization": "gehéim"}, {"authorization": "a\r\nsecret: b"}, {"a b": "secret"}, {"": "secret"}]
)
def test_a_header_that_cannot_be_sent_is_told_without_its_value(backend: Opening, header: dict[str, str]) -> None:
    """A header that HTTP can't carry is named; its value, which may be a secret, is not told."""
    with pytest.raises(ConfigurationError, match="header for the backend must have a name and a value") as caught:
        backend("http://host", **header)
    assert not {"secret", "gehéim"} & set(str(caught.value).replace("'", " ").split())


def test_nobody_there_is_told(backend: Opening) -> None:
    """A port on which nobody listens is an error with the URL, without a password that stands in it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(SourceError) as caught:
        backend(f"http://me:pass@127.0.0.1:{port}").get("/")
    assert f"Jaeger at http://127.0.0.1:{port} must answer, got '" in str(caught.value)
    assert "refused" in str(caught.value)
    assert "pass" not in str(caught.value)


def test_a_server_that_does_not_speak_http_is_told(backend: Opening) -> None:
    """What another protocol answers is an error, no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.listen()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"

        def talk() -> None:
            peer, _ = listening.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(b"SSH-2.0-OpenSSH_9\r\n\r\n")

        thread = threading.Thread(target=talk)
        thread.start()
        with pytest.raises(SourceError, match="must answer, got"):
            backend(url).get("/")
        thread.join()


def test_an_answer_that_takes_too_long_is_told(backend: Opening, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes a connection and says nothing is given up after ANSWER_TIMEOUT_S."""
    monkeypatch.setattr(limits, "ANSWER_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.listen()
        with pytest.raises(SourceError, match=r"must answer within 0\.2 s, got 'none'"):
            backend(f"http://127.0.0.1:{listening.getsockname()[1]}").get("/")


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_is_read_up_to_the_cap(backend: Opening, monkeypatch: pytest.MonkeyPatch, packed: bool) -> None:
    """MAX_ANSWER_BYTES are read and one more is an error; it is the bytes after decompression that count."""
    monkeypatch.setattr(limits, "MAX_ANSWER_BYTES", 100_000)
    headers = {"content-encoding": "gzip"} if packed else {}

    def answer(size: int) -> Reply:
        return Reply(200, gzip.compress(bytes(size)) if packed else bytes(size), headers)

    with serving(lambda asked: answer(int(asked.path[1:]))) as server:
        jaeger = backend(server.url)
        assert len(jaeger.get("/100000").body) == 100_000
        with pytest.raises(TooLargeError, match="must be at most 100,000 bytes, got 'more'"):
            jaeger.get("/100001")


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(401), "must let the request in, got 401. Give it what it asks for: --header"),
        (Reply(403, "no"), "must let the request in, got 403."),
        (
            Reply(302, "", {"location": "https://login.example/?a"}),
            "must answer itself, got '302 to https://login.exam",
        ),
        (Reply(200, b"no gzip at all", {"content-encoding": "gzip"}), "must answer, got"),
    ],
)
def test_answers_that_help_nobody_are_told(backend: Opening, reply: Reply, says: str) -> None:
    """No right to ask, a redirect and a broken compression are errors that say what to do."""
    with serving(lambda asked: reply) as server, pytest.raises(SourceError) as caught:
        backend(server.url).get("/")
    assert says in str(caught.value)
    assert len(server.requests) == 1


def test_what_is_not_json_is_told(backend: Opening) -> None:
    """A page in the place of an answer says that another server may stand there, with control characters escaped."""
    reply = Reply(200, "<html>\x1b[31m", {"content-type": "text/html"})
    with serving(lambda asked: reply) as server:
        jaeger = backend(server.url)
        with pytest.raises(SourceError) as caught:
            jaeger.decode(jaeger.get("/"), NUMBERS)
    assert f"URL {server.url} must be that of Jaeger's API, which answers in JSON, got" in str(caught.value)
    assert "text/html" in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_other_answers_are_told_with_their_beginning(backend: Opening) -> None:
    """A status that is no plain answer comes with what the server says, shortened."""
    with serving(lambda asked: Reply(500, "out of memory " * 100)) as server:
        jaeger = backend(server.url)
        message = str(jaeger.refusal(jaeger.get("/")))
    assert "must answer with 200, got '500 out of memory" in message
    assert len(message) < 300
