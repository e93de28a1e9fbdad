"""The dialect `watsonx`: chunks with `results`, each with a generated text.

Source: IBM watsonx.ai API reference, "Infer text event stream".
"""

from __future__ import annotations

from typing import Any, Final

from otel_sse.dialects.dialect import FINISH
from otel_sse.dialects.frames import is_nested
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.parts import gather
from otel_sse.dialects.payload import count, fields, items, name, text
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event

_GOING_ON: Final = "not_finished"


class Watsonx(ObjectDialect):
    """Reads generated text. A stop reason ends the answer; there is no event for the end."""

    name = "watsonx"
    expects = FINISH
    __slots__ = ()

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one chunk means, or None where it has no `results`."""
        if type(payload.get("results")) is not list:
            return None
        results = [fields(one) for one in items(payload["results"])]
        texts = [(str(position), text(one.get("generated_text"))) for position, one in enumerate(results)]
        facts = gather([(channel, content) for channel, content in texts if content])
        facts.nested = any(is_nested(content) for _, content in texts)
        for result in results:
            _add_result(facts, result)
        return facts


def _add_result(facts: Facts, result: dict[str, Any]) -> None:
    reason = name(result.get("stop_reason"))
    if reason and reason.lower() != _GOING_ON:
        facts.finish_reason = reason
    # The prompt's tokens are on the first chunk only, the others say 0.
    facts.input_tokens = count(result.get("input_token_count")) or facts.input_tokens
    facts.output_tokens = count(result.get("generated_token_count"))


def recognise(event: Event, payload: object) -> bool:
    """Whether an event is generated text by its shape."""
    return any("generated_text" in fields(one) for one in items(fields(payload).get("results")))
