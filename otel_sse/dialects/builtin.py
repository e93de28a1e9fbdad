"""The dialects of this package, in the order they are asked."""

from __future__ import annotations

from typing import Final

from otel_sse.dialects import generic, ndjson, plain
from otel_sse.dialects.reader import Reader
from otel_sse.dialects.registry import Entry
from otel_sse.dialects.vendors import (
    anthropic_completions,
    anthropic_messages,
    cohere,
    gemini,
    gemini_interactions,
    openai_assistants,
    openai_chat,
    openai_completions,
    openai_responses,
    vercel,
    watsonx,
    writer,
)
from otel_sse.wire.events import Event


def _never(event: Event, payload: object) -> bool:
    """For a dialect that no single event proves; a reader chooses it when nothing else fits."""
    return False


BUILTIN: Final = (
    Entry("openai-chat", openai_chat.OpenAIChat, openai_chat.recognise),
    Entry("openai-completions", openai_completions.OpenAICompletions, openai_completions.recognise),
    Entry("openai-responses", openai_responses.OpenAIResponses, openai_responses.recognise),
    Entry("openai-assistants", openai_assistants.OpenAIAssistants, openai_assistants.recognise),
    Entry("anthropic-messages", anthropic_messages.AnthropicMessages, anthropic_messages.recognise),
    Entry("anthropic-completions", anthropic_completions.AnthropicCompletions, anthropic_completions.recognise),
    Entry("gemini", gemini.Gemini, gemini.recognise),
    Entry("gemini-interactions", gemini_interactions.GeminiInteractions, gemini_interactions.recognise),
    Entry("cohere-v2", cohere.CohereV2, cohere.recognise),
    Entry("vercel-ui", vercel.VercelUI, vercel.recognise),
    Entry("watsonx", watsonx.Watsonx, watsonx.recognise),
    Entry("replicate", plain.Replicate, plain.recognise_replicate),
    Entry("writer-completions", writer.WriterCompletions, writer.recognise),
    # A reader inside a reader: each line is a whole JSON object, so the inner one never meets several lines again.
    Entry("ndjson-in-data", lambda: ndjson.NDJSONInData(Reader()), ndjson.recognise),
    Entry("generic-json", generic.GenericJSON, generic.recognise),
    Entry("plain-text", plain.PlainText, _never),
)
