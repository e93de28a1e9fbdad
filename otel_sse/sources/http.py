"""The HTTP side of a backend that is asked for traces: one request, one answer, and words for what goes wrong."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, TypeVar

import httpx
import msgspec

from otel_sse import limits
from otel_sse.errors import ConfigurationError, must
from otel_sse.sources.errors import SourceError, TooLargeError

_OK: Final = 200
_NOT_FOUND: Final = 404
_REFUSED: Final = frozenset({401, 403})
_CONNECT_S: Final = 5.0
_SHOWN_BYTES: Final = 400
"""Bytes of an answer that a message may quote from; `must` shortens them further."""

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
"""A header's name: RFC 9110, section 5.6.2, "token"."""

_CORRECT: Final = "Correct the URL, with the path before /api where there is one."

T = TypeVar("T")


class Answer:
    """What came back.

    Args:
        status: The HTTP status, never a redirect.
        content_type: The header of that name, or "".
        body: The body, decompressed.
    """

    def __init__(self, status: int, content_type: str, body: bytes) -> None:
        self.status = status
        self.content_type = content_type
        self.body = body

    @property
    def found(self) -> bool:
        """Whether it has what was asked for."""
        return self.status == _OK

    @property
    def is_missing(self) -> bool:
        """Whether the server says that there is no such thing."""
        return self.status == _NOT_FOUND

    @property
    def says(self) -> str:
        """Its status and beginning, for a message."""
        return f"{self.status} {self.text}".strip()

    @property
    def text(self) -> str:
        """Its beginning."""
        return self.body[:_SHOWN_BYTES].decode("utf-8", "replace").strip()


class Backend:
    """One backend, asked by GET. Each request may take `limits.ANSWER_TIMEOUT_S`; redirects are not followed.

    Args:
        name: What it is, e.g. `Jaeger`.
        url: Where it is, with any path that stands before its API.
        headers: Sent with each request.

    Raises:
        ConfigurationError: The URL or a header can't be used.
    """

    def __init__(self, name: str, url: str, headers: Mapping[str, str]) -> None:
        self.name = name
        self._option = f"option --{name.lower()}"
        self._base = self._checked(url)
        self.shown_url = str(self._base.copy_with(userinfo=b"")).rstrip("/")
        self._client = self._opened(headers)
        self.requests = 0
        """Requests made so far."""

    def _checked(self, url: str) -> httpx.URL:
        advice = "Take the address that the browser shows, up to and with the port."
        try:
            found = httpx.URL(url.rstrip("/"))
        except httpx.InvalidURL as error:
            raise ConfigurationError(must(self._option, "be a URL", url, advice)) from error
        if found.scheme not in ("http", "https") or not found.host:
            raise ConfigurationError(must(self._option, "be a URL that begins with http:// or https://", url, advice))
        return found.copy_with(query=None, fragment=None, path=found.path.rstrip("/") or "/")

    def _opened(self, headers: Mapping[str, str]) -> httpx.Client:
        for name, value in headers.items():
            if not _NAME.fullmatch(name) or not value.isascii() or not value.isprintable():
                # The value may be a secret, so that it is not told.
                rule, advice = "have a name and a value of ASCII on one line", "Correct it."
                raise ConfigurationError(must("header for the backend", rule, f"another one for {name!r}", advice))
        timeout = httpx.Timeout(limits.ANSWER_TIMEOUT_S, connect=_CONNECT_S)
        return httpx.Client(headers={"accept": "application/json", **headers}, timeout=timeout)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        """Return the answer to one request: 200, 404, or another status that the server explains in words.

        Args:
            path: Path below the URL, with a leading slash.
            params: The query.

        Raises:
            TooLargeError: The answer is larger than what is read.
            SourceError: There is no answer, or the server does not let the request in or sends it elsewhere.
        """
        self.requests += 1
        with (
            self._in_words(),
            self._client.stream("GET", f"{str(self._base).rstrip('/')}{path}", params=params) as response,
        ):
            self._check(response)
            return Answer(response.status_code, response.headers.get("content-type", ""), self._read(response))

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except httpx.TimeoutException as error:
            raise self._late() from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            found = str(error) or type(error).__name__
            advice = f"Start {self.name}, or correct the URL."
            raise SourceError(must(f"{self.name} at {self.shown_url}", "answer", found, advice)) from error

    def _late(self) -> SourceError:
        rule = f"answer within {limits.ANSWER_TIMEOUT_S} s"
        return SourceError(
            must(f"{self.name} at {self.shown_url}", rule, "none", "Look whether it is busy, or ask for less.")
        )

    def _check(self, response: httpx.Response) -> None:
        status = response.status_code
        if response.has_redirect_location:
            advice = "Give that URL, or the headers that a login asks for."
            found = f"{status} to {response.headers['location']}"
            raise SourceError(must(f"{self.name} at {self.shown_url}", "answer itself", found, advice))
        if status in _REFUSED:
            advice = "Give it what it asks for: --header 'Authorization: Bearer ...', or the variable OTEL_SSE_HEADERS."
            raise SourceError(must(f"{self.name} at {self.shown_url}", "let the request in", status, advice))

    def _read(self, response: httpx.Response) -> bytes:
        until_s = time.monotonic() + limits.ANSWER_TIMEOUT_S
        parts, size = [], 0
        for part in response.iter_bytes():
            size += len(part)
            if size > limits.MAX_ANSWER_BYTES:
                raise self._too_large()
            if time.monotonic() > until_s:
                raise self._late()
            parts.append(part)
        return b"".join(parts)

    def _too_large(self) -> TooLargeError:
        rule = f"be at most {limits.MAX_ANSWER_BYTES:,} bytes"
        advice = "Record less: OTEL_SSE_CHUNK_EVENTS=packed or findings."
        return TooLargeError(must(f"answer of {self.name} at {self.shown_url}", rule, "more", advice))

    def decode(self, answer: Answer, decoder: msgspec.json.Decoder[T]) -> T:
        """Return what an answer says.

        Args:
            answer: One with status 200.
            decoder: For what it is to be.

        Raises:
            SourceError: It is something else, so that another server may stand there.
        """
        try:
            return decoder.decode(answer.body)
        except (ValueError, RecursionError) as error:
            rule = f"be that of {self.name}'s API, which answers in JSON"
            found = f"{answer.content_type or 'no content type'}: {answer.text[:60]}"
            raise SourceError(must(f"URL {self.shown_url}", rule, found, f"{_CORRECT} {error}.")) from error

    def refusal(self, answer: Answer) -> SourceError:
        """Return the error for an answer that is neither what was asked for nor a plain no."""
        advice = "Correct what it names, or look into its log."
        return SourceError(must(f"{self.name} at {self.shown_url}", "answer with 200", answer.says, advice))

    def elsewhere(self, answer: Answer) -> SourceError:
        """Return the error for a 404 that is not this backend's own: another server, or another path."""
        rule = f"be that of {self.name}'s API"
        return SourceError(must(f"URL {self.shown_url}", rule, answer.says, _CORRECT))
