"""The dialects of this package, in the order they are asked."""

from __future__ import annotations

from typing import Final

from otel_sse.dialects import generic, ndjson, plain
from otel_sse.dialects.reader import Reader
from otel_sse.dialects.registry import Entry
from otel_sse.dialects.vendors import (
    a2a,
    ag_ui,
    anthropic_completions,
    anthropic_messages,
    bedrock_converse,
    cohere,
    dashscope,
    dify,
    gemini,
    gemini_interactions,
    langchain_events,
    langgraph,
    langserve_log,
    librechat,
    llama_cpp,
    n8n,
    ollama,
    openai_agents,
    openai_assistants,
    openai_chat,
    openai_completions,
    openai_responses,
    tgi,
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
    Entry("ag-ui", ag_ui.AGUI, ag_ui.recognise, frozenset({"type"})),
    Entry("ollama", ollama.Ollama, ollama.recognise, frozenset({"created_at"})),
    Entry("bedrock-converse", bedrock_converse.BedrockConverse, bedrock_converse.recognise),
    Entry("dashscope", dashscope.DashScope, dashscope.recognise, frozenset({"output"})),
    Entry(
        "a2a",
        a2a.A2A,
        a2a.recognise,
        frozenset({"jsonrpc", "kind", "artifactUpdate", "statusUpdate", "message", "task"}),
    ),
    Entry("librechat", librechat.LibreChat, librechat.recognise, frozenset({"event", "created"})),
    Entry("langserve-log", langserve_log.LangServeLog, langserve_log.recognise, frozenset({"ops"})),
    Entry("langchain-events", langchain_events.LangChainEvents, langchain_events.recognise, frozenset({"event"})),
    Entry("langgraph", langgraph.LangGraph, langgraph.recognise),
    Entry(
        "openai-agents", openai_agents.OpenAIAgents, openai_agents.recognise, frozenset({"data", "item", "new_agent"})
    ),
    Entry("dify", dify.Dify, dify.recognise, frozenset({"event"})),
    Entry("n8n", n8n.N8N, n8n.recognise, frozenset({"metadata"})),
    Entry("tgi", tgi.TGI, tgi.recognise, frozenset({"token"})),
    Entry("llama-cpp", llama_cpp.LlamaCpp, llama_cpp.recognise, frozenset({"stop"})),
    # A reader inside a reader: each line is a whole JSON object, so the inner one never meets several lines again.
    Entry("ndjson-in-data", lambda: ndjson.NDJSONInData(Reader()), ndjson.recognise),
    Entry("generic-json", generic.GenericJSON, generic.recognise),
    Entry("plain-text", plain.PlainText, _never),
)

JSON_DIALECTS: Final = frozenset(entry.name for entry in BUILTIN) - {"plain-text", "replicate", "ndjson-in-data"}
"""Dialects in which the data of every event is JSON, but for marks that stand in every dialect."""

_AGENTS: Final = frozenset(
    {"a2a", "ag-ui", "dify", "langgraph", "langserve-log", "librechat", "n8n", "openai-agents", "vercel-ui"}
)

MODEL_DIALECTS: Final = JSON_DIALECTS - _AGENTS - {"generic-json"}
"""Those that a model's own service speaks, or who hands on its answers in the same form. The others are spoken by
agents and applications, which send more than answers."""
