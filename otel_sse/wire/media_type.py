"""Whether a response is an event stream, from its `content-type`."""

from __future__ import annotations

from typing import Final

EVENT_STREAM: Final = "text/event-stream"


def is_event_stream(content_type: str | bytes) -> bool:
    """Return whether a `content-type` is `text/event-stream`, in any case and with any parameters.

    Args:
        content_type: The header's value, as text or as the bytes that ASGI hands out; empty where there is none.

    Source: HTML standard, section 9.2.2; MIME Sniffing standard, section 4.4 "Parsing a MIME type".
    """
    return media_type(content_type) == EVENT_STREAM


def media_type(content_type: str | bytes) -> str:
    """Return a `content-type` without its parameters and surrounding white space, in lower case.

    Args:
        content_type: The header's value, as text or as bytes; empty where there is none.
    """
    text = content_type if isinstance(content_type, str) else content_type.decode("latin-1")
    return text.partition(";")[0].strip(" \t\r\n").lower()
