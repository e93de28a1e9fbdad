"""What a dialect may say of an event."""

from __future__ import annotations

from otel_sse.stream.chunk import CONTENT, CONTROL
from otel_sse.stream.facts import Facts


def test_facts_claim_nothing_by_themselves() -> None:
    """Facts of a kind alone say no content, no end, no identity and no fault."""
    claims = {name: getattr(Facts(CONTROL), name) for name in Facts.__struct_fields__}
    assert {name for name, value in claims.items() if value} == {"kind"}
    assert claims["content"] is None
    assert claims["sequence"] is None


def test_facts_that_say_the_same_are_equal() -> None:
    """Every claim counts in a comparison; that an event was read the short way does not."""
    assert Facts(CONTENT, "a", plain=True) == Facts(CONTENT, "a")
    assert Facts(CONTENT, "a") != Facts(CONTENT, "b")
    assert Facts(CONTENT, "a") != Facts(CONTENT, "a", sequence=0)
    assert Facts(CONTENT, "a") != "a"
