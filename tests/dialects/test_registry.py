"""The list of dialects."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from otel_sse.dialects import Reader, names, register, unregister
from otel_sse.dialects.builtin import BUILTIN
from otel_sse.dialects.registry import make
from otel_sse.dialects.vendors.writer import WriterCompletions
from otel_sse.errors import ConfigurationError
from otel_sse.wire.events import Event


class Acme(WriterCompletions):
    """A dialect of a user's own."""

    name = "acme"
    __slots__ = ()


class Boom(Exception):
    """What a user's function raises."""


@pytest.fixture
def acme() -> Iterator[None]:
    """Remove the test's dialect afterwards."""
    yield
    unregister("acme")


def always(event: Event, payload: object) -> bool:
    """Recognise everything."""
    return True


def never(event: Event, payload: object) -> bool:
    """Recognise nothing."""
    return False


def test_all_built_in_dialects_are_there() -> None:
    """Every dialect of the package is in the list, once, under its own name."""
    assert set(names()) == {
        *("openai-chat", "openai-completions", "openai-responses", "openai-assistants"),
        *("anthropic-messages", "anthropic-completions", "gemini", "gemini-interactions"),
        *("cohere-v2", "vercel-ui", "replicate", "watsonx", "writer-completions", "ollama", "llama-cpp", "tgi"),
        *("ag-ui", "a2a", "bedrock-converse", "dashscope", "dify", "n8n", "openai-agents"),
        *("langgraph", "langchain-events", "langserve-log", "librechat"),
        *("generic-json", "ndjson-in-data", "plain-text"),
    }
    assert names() == tuple(entry.name for entry in BUILTIN)
    for name in names():
        dialect = make(name)
        assert dialect.name == name
        assert dialect.expects in ("terminal", "finish", "nothing")
        assert make(name) is not dialect


@pytest.mark.usefixtures("acme")
def test_a_registered_dialect_is_asked_first() -> None:
    """A user's dialect may take a stream that a built-in one would have taken."""
    register("acme", Acme, always)
    assert names()[0] == "acme"
    reader = Reader()
    reader.read(Event('{"choices": [{"delta": {"content": "x"}}]}'))
    assert reader.name == "acme"


@pytest.mark.usefixtures("acme")
def test_registering_a_name_again_replaces_it() -> None:
    """There is one dialect of each name."""
    register("acme", Acme, always)
    register("acme", Acme, never)
    assert names().count("acme") == 1
    reader = Reader()
    reader.read(Event('{"choices": [{"delta": {"content": "x"}}]}'))
    assert reader.name == "openai-chat"


def test_unregistering_an_unknown_name_has_no_effect() -> None:
    """Only what is there is removed."""
    before = names()
    unregister("acme")
    assert names() == before


def test_a_dialect_must_have_a_name() -> None:
    """An empty name is refused, and the message says what to do."""
    with pytest.raises(ConfigurationError, match="must not be empty, got ''"):
        register("", Acme, never)


def test_an_unknown_name_is_refused() -> None:
    """The message lists the names there are, and says which one is spelt alike."""
    with pytest.raises(ConfigurationError, match=r"must be one of openai-chat, .*got 'open-ai'\. Use one of these"):
        Reader(dialect="open-ai")
    with pytest.raises(ConfigurationError, match=r"got 'gemminy'\. Did you mean gemini\?"):
        Reader(dialect="gemminy")


@pytest.mark.usefixtures("acme")
def test_a_recogniser_that_raises_is_counted() -> None:
    """A user's function cannot break reading; the other dialects are asked all the same."""

    def broken(event: Event, payload: object) -> bool:
        raise Boom

    register("acme", Acme, broken)
    reader = Reader()
    facts = reader.read(Event('{"choices": [{"delta": {"content": "x"}}]}'))
    assert (reader.name, facts.content, reader.callback_errors) == ("openai-chat", "x", 1)
