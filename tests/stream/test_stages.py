"""Every stage that the package makes stands in one table, and its name is written nowhere else."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from otel_sse import semconv
from otel_sse.stream import stages
from otel_sse.stream.stages import STAGES, Stage
from tests.stream.literals import Literal, literals, literals_of, stale, stands_in

CONSTANTS = {name: value for name, value in vars(stages).items() if name.isupper() and isinstance(value, str)}
PREFIXES = tuple(value.removesuffix("<name>") for value in CONSTANTS.values() if value.endswith("<name>"))
NAMES = tuple(value for value in CONSTANTS.values() if not value.endswith("<name>"))
PROMISES = {
    "is_origin": stages.ORIGINS,
    "receives": stages.RECEIVERS,
    "reads_body": stages.READERS,
    "adds_nothing": stages.ADDING_NOTHING,
    "hands_on_all": stages.FAITHFUL,
    "is_last": stages.LAST,
}
OTHER_WORDS = {
    ("normalize", "__init__.py"): "the name of a function",
    ("client", "hops/hop.py"): "a side of a connection",
    ("client", "integrations/request_span/scope.py"): "a key of an ASGI scope",
    ("emit", "options.py"): "the name of an option",
    ("emit", "integrations/patches.py"): "a group of patches",
    ("emit", "integrations/patching.py"): "a group of patches",
}
"""Words that are a stage's name and mean something else there."""


def stages_in(literal: Literal) -> list[str]:
    """Return the stages' names that a literal has, or the beginnings of those that have a user's name in them."""
    if literal.is_prose:
        return []
    begun = [prefix for prefix in PREFIXES if re.search(rf"(?<![\w.]){re.escape(prefix)}(?!py\b)", literal.text)]
    marked = [name for name in NAMES if not name.isalpha() and stands_in(name, literal.text)]
    return begun + marked + literal.words(name for name in NAMES if name.isalpha())


def elsewhere() -> list[tuple[str, Literal]]:
    """All that the package writes out beside the table."""
    return [(word, each) for each in literals() if each.path != "stream/stages.py" for word in stages_in(each)]


def test_no_stage_is_written_as_a_literal_elsewhere() -> None:
    """Who means a stage takes the constant: a name that is misspelt is then an error, not a stage without promises."""
    assert [str(literal) for word, literal in elsewhere() if (word, literal.path) not in OTHER_WORDS] == []


@pytest.mark.parametrize(
    "source",
    [
        'name = "emit"',
        'name == "ws.send"',
        'f"policy.{name}"',
        '{"callback"}',
        'text = "socket_write "',
        'log("lost at socket_write, and nobody saw it there or at any other place")',
        'name = b"provider"',
        """name: 'Literal["emit"]' = x""",
    ],
)
def test_a_literal_is_seen_wherever_it_stands(source: str) -> None:
    """The walk sees a stage in whatever expression and annotation, and among other words."""
    assert any(stages_in(literal) for literal in literals_of(source, "made.py"))


def test_words_that_mean_something_else_are_still_there() -> None:
    """Each exception is one: the word stands in that file."""
    assert stale(OTHER_WORDS, ((word, literal.path) for word, literal in elsewhere())) == []


def test_each_stage_has_one_row_and_one_constant() -> None:
    """Constants and rows name the same stages, each once."""
    assert Counter(stage.name for stage in STAGES) == Counter(CONSTANTS.values())
    assert max(Counter(CONSTANTS.values()).values()) == 1


@pytest.mark.parametrize(("name", "value"), CONSTANTS.items(), ids=CONSTANTS)
def test_a_constant_is_named_as_its_stage(name: str, value: str) -> None:
    """A constant is the name in capitals."""
    assert name == value.replace("<name>", "name").replace(".", "_").upper()


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_row_says_what_crosses_the_stage(stage: Stage) -> None:
    """A row has a sentence."""
    assert stage.brief.endswith(".")


@pytest.mark.parametrize("promise", PROMISES)
def test_names_by_promise_are_those_of_the_table(promise: str) -> None:
    """Each set has the stages whose row makes the promise, and no promise is without one."""
    assert PROMISES[promise] == {stage.name for stage in STAGES if getattr(stage, promise)} != set()


def test_every_promise_has_its_set() -> None:
    """What a row can promise, the code can ask."""
    assert set(PROMISES) == set(Stage.__struct_fields__) - {"name", "brief"}


def test_what_the_stages_promise() -> None:
    """Who reads another process, who hands on all, who adds nothing: what the diagnosis rests on."""
    assert {"provider"} == stages.ORIGINS
    assert {"provider", "client"} == stages.READERS
    assert {"provider", "client", "ws.receive"} == stages.RECEIVERS
    assert {"socket_write", "ws.receive"} == stages.FAITHFUL
    assert {"socket_write", "ws.send", "ws.receive"} == stages.ADDING_NOTHING
    assert {"socket_write"} == stages.LAST


def test_stages_of_policies_and_guards_have_their_names() -> None:
    """The name is that of the policy or the guard, behind what it is."""
    assert stages.of_policy("judge") == "policy.judge"
    assert [stages.of_guard(guard) for guard in semconv.GUARDS][-2:] == ["guard.deduplicate", "guard.trim_restarts"]
