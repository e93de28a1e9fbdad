"""Text Generation Inference: what only its tokens do."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.vendors.tgi import TGI, recognise
from otel_sse.stream.facts import Facts
from tests.dialects.made import event


def token(text: str, special: bool = False, **more: Any) -> dict[str, Any]:
    """One token."""
    return {"token": {"id": 1, "text": text, "special": special}, "generated_text": None, "details": None, **more}


def test_the_last_token_ends_the_answer() -> None:
    """The whole text beside it is no content, and an end mark is none either."""
    details = {"finish_reason": "length", "generated_tokens": 7, "input_length": 3}
    assert TGI().read(event(token(".", generated_text="Moss.", details=details))) == Facts(
        "content", ".", finish_reason="length", input_tokens=3, output_tokens=7
    )
    assert TGI().read(event(token("</s>", True, generated_text="Moss"))) == Facts(
        "control", finish_reason="generated_text"
    )


@pytest.mark.parametrize(
    ("payload", "own"),
    [
        (token("x"), True),
        ({"token": "x", "generated_text": None}, False),
        ({"token": {"text": "x"}}, False),
        ([], False),
    ],
)
def test_tokens_are_recognised_by_shape(payload: Any, own: bool) -> None:
    """A token alone may be anybody's."""
    assert recognise(event(payload), payload) is own
