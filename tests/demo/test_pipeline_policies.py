from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from otel_sse.demo import pipeline_messages as messages
from otel_sse.demo.answers import QUESTIONS, answer, tokens
from otel_sse.demo.pipeline_policies import BLOCKED, POLICIES, WITHHELD

TOKENS = [tokens(answer(question)) for question in QUESTIONS]


async def through(policy: str, pieces: list[str]) -> list[str]:
    async def given() -> AsyncIterator[str]:
        for piece in pieces:
            yield piece

    return [piece async for piece in POLICIES[policy](given())]


@pytest.mark.parametrize("pieces", TOKENS)
@pytest.mark.parametrize("policy", ["pass", "merge", "split"])
async def test_a_policy_that_does_not_judge_keeps_the_text(policy: str, pieces: list[str]) -> None:
    """However it cuts, what comes out is the text that went in, and no piece is empty."""
    made = await through(policy, pieces)
    assert "".join(made) == "".join(pieces)
    assert all(made)


@pytest.mark.parametrize("pieces", TOKENS)
async def test_pieces_are_as_the_policy_wants_them(pieces: list[str]) -> None:
    """Passed on they are the same, merged fewer, split more."""
    assert await through("pass", pieces) == pieces
    assert len(await through("merge", pieces)) < len(pieces) / 2
    assert len(await through("split", pieces)) > len(pieces)


async def test_the_judge_replaces_a_sentence_and_keeps_the_others() -> None:
    """A sentence with the blocked word becomes a notice, whichever sentence it is; the others stay piece by piece."""
    good, bad = ["All", " is", " well", "."], [" Have", f" {BLOCKED.title()}", "?"]
    assert await through("judge", [*good, *bad, *good]) == [*good, WITHHELD, *good]
    assert await through("judge", [*good, *bad[:-1]]) == [*good, WITHHELD]
    assert await through("judge", good[:-1]) == good[:-1]


async def test_an_error_passes_through_every_policy() -> None:
    """What ends the pieces ends what is made of them."""

    async def failing() -> AsyncIterator[str]:
        yield "One."
        raise OverflowError("gone")

    for policy in POLICIES.values():
        with pytest.raises(OverflowError, match="gone"):
            [piece async for piece in policy(failing())]


def test_messages_say_what_they_are_told() -> None:
    """Each kind of message comes back as it was made, in whatever alphabet."""
    assert messages.read(messages.start("7", "judge")) == {"type": "START", "stream_id": "7", "policy": "judge"}
    assert messages.read(messages.chunk("7", "ä\n")) == {"type": "CHUNK", "stream_id": "7", "content": "ä\n"}
    assert messages.read(messages.end("7")) == {"type": "END", "stream_id": "7"}
    assert messages.read(messages.error("7", "why").encode()) == {"type": "ERROR", "stream_id": "7", "error": "why"}
    assert messages.read(messages.start("s", "pass", "dropped"))["fault"] == "dropped"


@pytest.mark.parametrize("text", ["", "[]", "1", "{"])
def test_what_is_no_message_is_a_value_error(text: str) -> None:
    """Anything but a JSON object is refused."""
    with pytest.raises(ValueError, match=r"must be|Expecting"):
        messages.read(text)
