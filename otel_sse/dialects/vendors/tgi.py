"""The dialect `tgi`: tokens, of which the last one brings the whole text once more.

Source: Text Generation Inference, `generate_stream`.
"""

from __future__ import annotations

from typing import Any

from otel_sse.dialects.dialect import FINISH
from otel_sse.dialects.frames import is_nested
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.payload import count, fields, name, text
from otel_sse.stream.chunk import CONTENT, CONTROL
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event


class TGI(ObjectDialect):
    """Reads tokens. The one with `generated_text` is the last; a special token (an end mark) is shown to nobody."""

    name = "tgi"
    expects = FINISH
    __slots__ = ()

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one token means, or None where the object has none."""
        token = payload.get("token")
        if type(token) is not dict:
            return None
        content = None if token.get("special") is True else text(token.get("text"))
        facts = Facts(CONTROL if content is None else CONTENT, content, nested=is_nested(content))
        details = fields(payload.get("details"))
        if payload.get("generated_text") is not None:
            facts.finish_reason = name(details.get("finish_reason")) or "generated_text"
        facts.input_tokens = count(details.get("input_length"))
        facts.output_tokens = count(details.get("generated_tokens"))
        return facts


def recognise(event: Event, payload: object) -> bool:
    """Whether an object is a token by its shape: a text that is special or not, beside the text that is none yet."""
    found = fields(payload)
    token = fields(found.get("token"))
    return "generated_text" in found and type(token.get("text")) is str and "special" in token
