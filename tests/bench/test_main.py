"""`python -m bench` from its arguments to its tables and its file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bench import plan
from bench.__main__ import main
from bench.page import BEGINS, ENDS, STAGES

TINY = plan.Plan(chunks=40, rounds=1, warm_ups=0, response_rounds=2, requests=2, starts=1)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quick run takes next to no time, and leaves the environment as it is."""
    monkeypatch.setattr(plan, "QUICK", TINY)
    monkeypatch.setattr(os, "environ", dict(os.environ))


@pytest.mark.usefixtures("tiny")
def test_tables_go_to_standard_output_and_talk_to_standard_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The parts asked for are measured, printed with their targets, and written; missed targets are no error."""
    parts = ["--only", "request", "--only", "response"]
    main(["--quick", *parts, "--json", str(tmp_path / "run.json")])
    out, err = capsys.readouterr()
    assert "| naive add_event " in out
    assert "| request thread, all / naive " in out
    assert "Lateness" not in out
    assert err.splitlines() == ["measuring: request", "measuring: response", "written: run.json"]
    assert json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["results"]["lag"] == {}


@pytest.mark.usefixtures("tiny")
def test_page_gets_the_tables(tmp_path: Path) -> None:
    """The page shows the run that was just made."""
    path = tmp_path / "cost.md"
    path.write_text(f"{BEGINS}\n{ENDS}\n", encoding="utf-8")
    main(["--quick", "--only", "response", "--page", str(path)])
    assert "\n| plain (itself) " in path.read_text(encoding="utf-8")


@pytest.mark.usefixtures("tiny")
def test_stages_have_a_place_of_their_own_on_the_page(tmp_path: Path) -> None:
    """A run of single stages leaves the other tables as they are."""
    path = tmp_path / "cost.md"
    first, last = STAGES
    path.write_text(f"{BEGINS}\nold\n{ENDS}\n{first}\n{last}\n", encoding="utf-8")
    main(["--quick", "--only", "stages", "--page", str(path)])
    others, _, stages = path.read_text(encoding="utf-8").partition(first)
    assert others == f"{BEGINS}\nold\n{ENDS}\n"
    assert "| observe, text " in stages


@pytest.mark.usefixtures("tiny")
def test_full_run_is_kept_where_its_parts_belong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Single stages have a file of their own; a run of some of the other parts is not kept."""
    monkeypatch.setattr(plan, "FULL", TINY)
    monkeypatch.setattr("bench.__main__.RESULTS", tmp_path)
    main(["--only", "stages"])
    main(["--only", "response"])
    assert [path.name for path in tmp_path.iterdir()] == ["stages.json"]


@pytest.mark.usefixtures("tiny")
def test_environment_does_not_change_what_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of OpenTelemetry that stand in the environment are forgotten before anything is made."""
    os.environ["OTEL_SDK_DISABLED"] = "true"
    main(["--quick", "--only", "response"])
    assert "OTEL_SDK_DISABLED" not in os.environ


def test_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The message names the parts that there are."""
    with pytest.raises(SystemExit) as refused:
        main(["--only", "nothing"])
    assert refused.value.code == 2
    assert "growth" in capsys.readouterr().err
