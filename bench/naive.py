"""The wrapper that most people write first: one `add_event` a chunk, on the request's thread."""

from __future__ import annotations

import hashlib

from opentelemetry.trace import Span, TracerProvider

from bench.apps import ASGIApp, Message, Receive, Scope, Send


class NaiveMiddleware:
    """Puts each body of a response on a span as an event with six attributes.

    Args:
        app: The application.
        tracer_provider: Where spans go. Its event limit must be as long as the stream.
    """

    def __init__(self, app: ASGIApp, tracer_provider: TracerProvider) -> None:
        self._app = app
        self._tracer = tracer_provider.get_tracer("naive")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        span = self._tracer.start_span("stream")
        try:
            await self._app(scope, receive, _recording(span, send))
        finally:
            span.end()


def _recording(span: Span, send: Send) -> Send:
    seq = acc_len = 0

    async def recording(message: Message) -> None:
        nonlocal seq, acc_len
        await send(message)
        if message["type"] == "http.response.body":
            body = message["body"]
            seq += 1
            acc_len += len(body)
            span.add_event(
                "chunk",
                {
                    "seq": seq,
                    "sha1": hashlib.sha1(body, usedforsecurity=False).hexdigest()[:12],
                    "acc_len": acc_len,
                    "raw_len": len(body),
                    "done": not message["more_body"],
                    "stream_id": "7f3a9c",
                },
            )

    return recording
