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
from otel_sse.wire.events import VIOLATIONS
from tests.stream.literals import SENTENCES, Literal, literals, literals_of, names_used, stale

KINDS = (*FINDINGS, *FAULTS)
CONSTANTS = {name: value for name, value in vars(kinds).items() if name.isupper() and isinstance(value, str)}
DETECTING = ("detect", "hops", "lineage", "integrations", "stage")
"""Rooms that find something while a stream crosses them."""

DETAILS = tuple(dict.fromkeys(kind.detail for kind in KINDS if "<" not in kind.detail))

ENGLISH = {
    "content": "a chunk's kind, a field of frames",
    "terminal": "what a dialect expects, a window of a shell",
    "sequence": "a field of frames",
    "hop": "what it is",
    "lost": "a fate; tests/diagnosis/alignment/test_fates.py holds it",
    "moved": "a fate, likewise",
    "changed": "a fate, likewise",
    "replaced": "a fate, likewise",
    "doubled": "a fate, likewise",
    "failed": "an outcome",
    "incomplete": "an outcome",
    "disconnected": "an outcome",
    "cancelled": "an outcome",
    "abandoned": "an outcome",
    "capped": "an outcome",
}
"""Details that have other homes as words by themselves, so that they are looked for behind a slash alone."""

OTHER_WORDS: dict[tuple[str, str], str] = {
    ("outcome", "semconv.py"): "a metric's label",
    ("outcome", "telemetry/metrics.py"): "a metric's label",
    ("outcome", "telemetry/logs.py"): "a field of the log line",
    ("outcome", "cli/diagnose_view.py"): "a table's title",
    ("outcome", "cli/trace_json.py"): "a field of the output",
    ("outcome", "cli/trace_view.py"): "a table's title",
    ("outcome", "testing/streams.py"): "what an error message is about",
    ("outcome", "diagnosis/faults/endings.py"): "what a sentence is about",
    ("burst", "diagnosis/faults/delays.py"): "a part of a sentence",
    ("stall", "semconv.py"): "a unit",
    ("stall", "stage/checks.py"): "an attribute's name",
    **{(kind, "wire/events.py"): "a violation's kind" for kind in VIOLATIONS if kind in DETAILS},
    **dict.fromkeys(
        [
            *((name, "demo/faults.py") for name in CATALOGUE if name in (*FAMILIES, *DETAILS)),
            *((name, "demo/faults.py") for name in ("after_done", "first_byte")),
            ("reasserted", "demo/fault_model.py"),
            ("stall", "demo/fault_pieces.py"),
            ("stall", "demo/pipeline_control.py"),
        ],
        "the name of one of the demo's faults",
    ),
}
"""Words that are a family's name or a detail and mean something else there."""

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path for place in ("*.md", "docs/*.md", "docs/faults/*.md") for path in ROOT.glob(place))
NAMED = re.compile(rf"(?<![\w/.])(?:{'|'.join(FAMILIES)})/(?:[a-z_0-9]+|<name>|…)(?![\w/])")
"""A kind on a page, or a family's kinds (`protocol/…`)."""


def kinds_in(literal: Literal) -> list[str]:
    """Return all that a literal has of the table: kinds, beginnings and ends of them, families and details."""
    if literal.is_prose:
        return []
    begun = [f"{family}/" for family in FAMILIES if re.search(rf"(?<![\w/]){family}/", literal.text)]
    ended = [f"/{detail}" for detail in DETAILS if re.search(rf"/{detail}(?![\w-])", literal.text)]
    return begun + ended + literal.words((*FAMILIES, *(detail for detail in DETAILS if detail not in ENGLISH)))


def elsewhere() -> list[tuple[str, Literal]]:
    """All that the package writes out beside the table."""
    return [(word, each) for each in literals() if each.path != "stream/kinds.py" for word in kinds_in(each)]


def test_no_kind_is_written_as_a_literal_elsewhere() -> None:
    """Who means a kind or a family takes the constant: a name that is misspelt is then an error, not a new kind."""
    assert [str(literal) for word, literal in elsewhere() if (word, literal.path) not in OTHER_WORDS] == []


@pytest.mark.parametrize(
    "source",
    [
        'kind = "gap/lost"',
        'kind == "gap"',
        'f"check/{name}"',
        'kind.startswith("outcome/")',
        '{"stall": 1}',
        'kind.endswith("/lost")',
        'kind.split("/")[1] in {"replayed", "restarted"}',
        'kind = b"gap/lost"',
        'log("kind gap/lost")',
        'kind = "restarted "',
        """kind: 'Literal["resent"]' = x""",
    ],
)
def test_a_literal_is_seen_wherever_it_stands(source: str) -> None:
    """The walk sees a kind, or a part of one, in whatever expression and annotation, and among other words."""
    assert any(kinds_in(literal) for literal in literals_of(source, "made.py"))


@pytest.mark.parametrize("source", ["'a stalled stream'", "'stall_s'", "'/lost_and_found'", "'mind.the.gap'"])
def test_a_part_of_a_longer_name_is_no_kind(source: str) -> None:
    """A kind is a word of its own."""
    assert [kinds_in(literal) for literal in literals_of(f"x = {source}", "made.py")] == [[]]


def test_a_docstring_is_no_literal() -> None:
    """What a docstring or the text below a constant quotes is no use of it."""
    assert list(literals_of('"""gap"""\nX = 1\n"""gap/lost"""\ndef f():\n    """gap"""', "made.py")) == []


def test_words_that_mean_something_else_are_still_there() -> None:
    """Each exception is one: the word stands in that file."""
    assert stale(OTHER_WORDS, ((word, literal.path) for word, literal in elsewhere())) == []
    assert ENGLISH.keys() <= set(DETAILS)
    assert set(SENTENCES) <= {literal.path for literal in literals() if literal.is_prose}


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
