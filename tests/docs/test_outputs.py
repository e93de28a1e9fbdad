"""Outputs that pages show, held against what is printed."""

from __future__ import annotations

import pytest

from tests.docs import outputs

PRINTED = """trace 1e84c6cac467651d5d6cc67aad75fb94  2026-11-20 10:27:18.695 UTC
├── stream emit  2.246 s  completed, 104 findings
│   chunk   1  0.307 s  control   b1af15994e08  raw 237
│   chunk   2  0.347 s  content   6dcd4ce23d88  raw 204
│   ! duplicate/doubled at 2
└── listening on http://127.0.0.1:8765
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1e84c6cac467651d5d6cc67aad75fb94", "00" * 16),
        ("2026-11-20 10:27:18.695", "2027-01-01 00:00:00.000"),
        ("2.246 s", "31 ms"),
        (":8765", ":80"),
        ("b1af15994e08", "b1af15994e09"),
        ("control   ", "control   "),
        ("at 2\n", "at\n│      2\n"),
    ],
)
def test_times_ids_ports_and_layout_do_not_count(old: str, new: str) -> None:
    """An output is the same where only what changes from run to run differs."""
    assert old in PRINTED
    assert outputs.difference(PRINTED.replace(old, new), PRINTED) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("104 findings", "103 findings"),
        ("6dcd4ce23d88", "6dcd4ce23d89"),
        ("duplicate/doubled", "duplicate/replayed"),
        ("raw 204", "raw 205"),
        ("completed, ", ""),
        ("emit", "emit twice"),
    ],
)
def test_everything_else_counts(old: str, new: str) -> None:
    """A number, a digest of content or a word that differs is shown, as a line of the page and one of the command."""
    shown = PRINTED.replace(old, new)
    found = outputs.difference(shown, PRINTED)
    assert found is not None
    line = next(line for line in shown.splitlines() if line not in PRINTED)
    assert "-" + " ".join(outputs.words(line)) in found.splitlines()


def test_a_gap_leaves_lines_out_and_keeps_the_order() -> None:
    """`...` stands for any lines; what is around it must come in the order in which it is shown."""
    head, _, *_, last = PRINTED.splitlines()
    assert outputs.difference(f"{head}\n│   ...\n{last}", PRINTED) is None
    assert outputs.difference(f"{last}\n...\n{head}", PRINTED) is not None
    assert outputs.difference(f"{head}\n{last}", PRINTED) is not None


def test_numbers_may_vary_where_the_page_says_so() -> None:
    """Where numbers vary, words are still compared."""
    shown = PRINTED.replace("104", "7").replace("at 2", "at 9")
    assert outputs.difference(shown, PRINTED, numbers_vary=True) is None
    assert outputs.difference(shown.replace("findings", "faults"), PRINTED, numbers_vary=True) is not None


def test_an_output_is_written_anew_with_its_gaps_and_ids() -> None:
    """The lines that a page shows are those that are printed now; ids stay, because commands of the page name them."""
    lines = PRINTED.splitlines()
    shown = "\n".join([lines[0], lines[1].replace("104", "99"), "│   ...", lines[4].replace("at 2", "at 3")]) + "\n"
    printed = PRINTED.replace("1e84", "ffff").replace("2.246 s", "3.000 s")
    assert outputs.rewritten(shown, printed).splitlines() == [
        lines[0],
        lines[1].replace("2.246 s", "3.000 s"),
        "│   ...",
        lines[4],
    ]


def test_a_part_that_is_gone_is_not_guessed() -> None:
    """A part of which no line is printed any more has to be written by hand."""
    with pytest.raises(ValueError, match="by hand"):
        outputs.rewritten("trace x\n...\nnothing like it\n", "trace x\n")
