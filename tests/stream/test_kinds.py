"""Every kind of finding and of fault stands in one table, and its name is written nowhere else."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from otel_sse.demo.faults import FAULTS as CATALOGUE
from otel_sse.stream import kinds
from otel_sse.stream.kinds import FAMILIES, FAULTS, FINDINGS, PHRASES, Kind
from otel_sse.stream.outcome import ABANDONED, CANCELLED, CAPPED, DISCONNECTED, FAILED, INCOMPLETE
from tests.stream.literals import Literal, literals, literals_of, names_used

KINDS = (*FINDINGS, *FAULTS)
CONSTANTS = {name: value for name, value in vars(kinds).items() if name.isupper() and isinstance(value, str)}
DETECTING = ("detect", "hops", "lineage", "integrations", "stage")
"""Rooms that find something while a stream crosses them."""

OTHER_WORDS = {
    ("outcome", "semconv.py"): "a metric's label",
    ("outcome", "telemetry/metrics.py"): "a metric's label",
    ("outcome", "cli/diagnose_view.py"): "a table's title",
    ("outcome", "cli/trace_json.py"): "a field of the output",
    ("outcome", "cli/trace_view.py"): "a table's title",
    ("outcome", "testing/streams.py"): "what an error message is about",
    ("stall", "stage/checks.py"): "an attribute's name",
    ("stall", "demo/faults.py"): "the name of one of the demo's faults",
    ("stall", "demo/fault_pieces.py"): "the name of one of the demo's faults",
    ("stall", "demo/pipeline_control.py"): "the name of one of the demo's faults",
}
"""Words that are a family's name and mean something else there."""

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path for place in ("*.md", "docs/*.md", "docs/faults/*.md") for path in ROOT.glob(place))
NAMED = re.compile(rf"(?<![\w/.])(?:{'|'.join(FAMILIES)})/(?:[a-z_0-9]+|<name>|…)(?![\w/])")
"""A kind on a page, or a family's kinds (`protocol/…`)."""


def is_a_kind(literal: Literal) -> bool:
    """Whether a literal is a kind, the beginning of one, or a family's name."""
    text = literal.text
    begins_one = any(text.startswith(f"{family}/") for family in FAMILIES)
    return begins_one or (text in FAMILIES and (text, literal.path) not in OTHER_WORDS)


def test_no_kind_is_written_as_a_literal_elsewhere() -> None:
    """Who means a kind or a family takes the constant: a name that is misspelt is then an error, not a new kind."""
    found = [literal for literal in literals() if literal.path != "stream/kinds.py" and is_a_kind(literal)]
    assert [str(literal) for literal in found] == []


@pytest.mark.parametrize(
    "source", ['kind = "gap/lost"', 'kind == "gap"', 'f"check/{name}"', 'kind.startswith("outcome/")', '{"stall": 1}']
)
def test_a_literal_is_seen_wherever_it_stands(source: str) -> None:
    """The walk sees a kind in an assignment, a comparison, a call, a mapping and between placeholders."""
    assert [is_a_kind(literal) for literal in literals_of(source, "made.py")][:1] == [True]


def test_a_docstring_is_no_literal() -> None:
    """What a docstring or the text below a constant quotes is no use of it."""
    assert list(literals_of('"""gap"""\nX = 1\n"""gap/lost"""\ndef f():\n    """gap"""', "made.py")) == []


def test_words_that_mean_something_else_are_still_there() -> None:
    """Each exception is one: the word stands in that file."""
    assert {(literal.text, literal.path) for literal in literals()} >= OTHER_WORDS.keys()


def test_each_kind_has_one_row_and_one_constant() -> None:
    """Constants and rows name the same kinds, each once, in families that exist."""
    named = [value for value in CONSTANTS.values() if "/" in value]
    assert Counter(kind.name for kind in KINDS) == Counter(named)
    assert max(Counter(named).values()) == 1
    assert {kind.family for kind in KINDS} == set(FAMILIES) == set(CONSTANTS.values()) - set(named)


@pytest.mark.parametrize(("name", "value"), CONSTANTS.items(), ids=CONSTANTS)
def test_a_constant_is_named_as_its_kind(name: str, value: str) -> None:
    """A constant is the detail in capitals, or family and detail; a family's is the family."""
    words = re.sub(r"[<>]", "", value).upper()
    assert name in (words.replace("/", "_"), words.partition("/")[2])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_row_says_what_its_kind_means(kind: Kind) -> None:
    """A row has a sentence, and a phrase that names no other placeholder than how many chunks."""
    assert kind.brief.endswith(".")
    assert kind.name == f"{kind.family}/{kind.detail}"
    assert kind.phrase.format(chunks="3 chunks") == kind.phrase.replace("{chunks}", "3 chunks")
    assert PHRASES.get(kind.name, "") == kind.phrase


def test_the_catalogue_of_faults_is_in_the_table() -> None:
    """Each fault that the demo can make is named by the row of the kind that it shows, and by no other."""
    named = {fault: kind.name for kind in KINDS for fault in kind.faults}
    assert Counter(fault for kind in KINDS for fault in kind.faults) == Counter(CATALOGUE.keys())
    for name, fault in CATALOGUE.items():
        for place in filter(None, (fault.pipeline, fault.gateway)):
            rule = place.kind.startswith("check/")
            assert named[name] == ("check/<name>" if rule else place.kind), name


def test_findings_are_what_detectors_say() -> None:
    """Every kind that a detector or integration says is a finding's, and each of these is said somewhere."""
    said = {CONSTANTS[name] for name in names_used("kinds", *DETECTING) & CONSTANTS.keys()}
    assert "of_rule" in names_used("kinds", "detect")
    assert {kind for kind in said if "/" in kind} | {"check/<name>"} == {kind.name for kind in FINDINGS}


def test_findings_of_a_family() -> None:
    """They are those of the table, and no fault that only the diagnosis tells is among them."""
    assert [kind.name for kind in kinds.findings_of("stall")] == ["stall/first_byte", "stall/content"]
    assert kinds.findings_of("outcome") == ()


def test_kinds_of_rules_and_outcomes_are_made_of_a_name() -> None:
    """A rule's kind has its name, and each bad outcome's is the one that the table has."""
    assert kinds.of_rule("markdown_leak") == "check/markdown_leak"
    bad = (FAILED, INCOMPLETE, DISCONNECTED, CANCELLED, ABANDONED, CAPPED)
    assert [kinds.of_outcome(outcome) for outcome in bad] == [
        kind.name for kind in FAULTS if kind.family == kinds.OUTCOME
    ]


@pytest.mark.parametrize(
    ("kind", "family", "detail"), [("gap/lost", "gap", "lost"), ("gap", "gap", ""), ("check/a/b", "check", "a/b")]
)
def test_a_kind_falls_into_family_and_detail(kind: str, family: str, detail: str) -> None:
    """The first slash parts them; where there is none, all of it is the family."""
    assert (kinds.family_of(kind), kinds.detail_of(kind)) == (family, detail)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_kind_on_a_page_exists(page: Path) -> None:
    """What a page calls a kind is one of the table, one of a user's rule, or all of a family."""
    named = set(NAMED.findall(page.read_text(encoding="utf-8")))
    families = {f"{family}/…" for family in FAMILIES}
    assert [kind for kind in named - families - {kind.name for kind in KINDS} if kinds.family_of(kind) != "check"] == []


def test_detection_page_says_what_proves_each_finding() -> None:
    """docs/detection.md names every finding, or its whole family, beside the evidence for it."""
    text = (ROOT / "docs" / "detection.md").read_text(encoding="utf-8")
    evidence = text.partition("## What a stage sees")[2].partition("\n## ")[0]
    named = set(NAMED.findall(evidence))
    assert [kind.name for kind in FINDINGS if not {kind.name, f"{kind.family}/…"} & named] == []


def test_reference_lists_the_findings_and_diagnose_the_faults() -> None:
    """docs/reference.md has a row for each finding, and docs/diagnose.md one for each kind of the diagnosis alone."""
    pages = {name: (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("reference.md", "diagnose.md")}
    assert [kind.name for kind in FINDINGS if f"| `{kind.name}` | {kind.brief} |" not in pages["reference.md"]] == []
    assert [kind.name for kind in FAULTS if f"| `{kind.name}` |" not in pages["diagnose.md"]] == []
