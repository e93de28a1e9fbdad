"""What a message of LangChain says."""

from __future__ import annotations

from otel_sse.dialects.langchain_messages import called, written


def test_content_is_a_text_or_parts() -> None:
    """Texts are the channel's, reasoning has one beside it, and what is neither says nothing."""
    parts = ["a", {"text": "b"}, {"thinking": "c"}, {"reasoning": "d"}, {"type": "image"}, 5]
    assert written(parts, "1") == [("1", "a"), ("1", "b"), ("1/reasoning", "c"), ("1/reasoning", "d")]
    assert written("whole", "1") == [("1", "whole")]
    assert written(None, "1") == written("", "1") == []


def test_tool_calls_have_channels_by_their_index() -> None:
    """Where a piece says no index, its place in the list is it."""
    calls = [{"args": '{"a"', "index": 3}, {"args": "1"}, {"name": "f"}]
    assert called({"tool_call_chunks": calls}, "1") == [("1/tool:3", '{"a"'), ("1/tool:1", "1")]
