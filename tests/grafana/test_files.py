"""The committed files are what the code makes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grafana.generate.files import ROOT, differing, files, write
from grafana.generate.promql import rate, series
from grafana.generate.traceql import event, span, spans
from otel_sse import semconv


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the committed files."""
    shutil.copytree(ROOT / "grafana", tmp_path / "grafana")
    return tmp_path


def test_committed_files_are_what_the_code_makes() -> None:
    """Nothing was changed by hand, and nothing in semconv without `make grafana`."""
    assert differing() == []


def test_a_changed_a_missing_and_a_left_over_file_are_found_and_mended(project: Path) -> None:
    """The check tells each of them, and writing brings all back."""
    (project / "grafana/dashboards/streams.json").write_text("{}")
    (project / "grafana/prometheus/otel-sse.rules.yml").unlink()
    (project / "grafana/dashboards/old.json").write_text("{}")
    changed = {
        "grafana/dashboards/streams.json",
        "grafana/prometheus/otel-sse.rules.yml",
        "grafana/dashboards/old.json",
    }
    assert {str(path) for path in differing(project)} == changed
    write(project)
    assert differing(project) == []
    assert {path for path in files() if not (project / path).is_file()} == set()


def test_command_checks_and_refuses_what_it_does_not_know() -> None:
    """`--check` is quiet and 0 where all is in order; anything else is refused with 2."""
    command = [sys.executable, "-m", "grafana.generate"]
    good = subprocess.run([*command, "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    bad = subprocess.run([*command, "--chekc"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert bad.returncode == 2
    assert bad.stderr == "argument must be --check or nothing, got '--chekc'. Leave it out.\n"


def test_a_label_that_a_metric_does_not_have_cannot_be_written() -> None:
    """A query over a label of another metric is refused while the files are made."""
    with pytest.raises(ValueError, match=r"labels of sse\.chunks must be of stage, route, got kind"):
        rate(semconv.CHUNKS, ("kind",))
    with pytest.raises(ValueError, match="got outcome"):
        series(semconv.CHUNKS, 'outcome=~"x"')


def test_forms_of_traceql_that_are_answered_wrongly_cannot_be_written() -> None:
    """Two event conditions, a select of an event's attribute and a name that does not exist are refused."""
    kind = event(semconv.FINDING_KIND, '= "duplicate/terminal"')
    assert spans(kind, span(semconv.STAGE, '= "emit"'))
    with pytest.raises(ValueError, match="one event condition at most"):
        spans(kind, event(semconv.FINDING_CERTAINTY, '= "certain"'))
    with pytest.raises(ValueError, match="attribute must be one of"):
        spans(kind, show=(semconv.FINDING_KIND,))
    with pytest.raises(ValueError, match=r"got 'sse\.stagee'"):
        span("sse.stagee", "!= nil")
