"""The rules under promtool, and whether its tests can fail."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from grafana.generate.alerts import ALERTS
from tests.grafana.backends import binary
from tests.grafana.committed import FOLDER

pytestmark = pytest.mark.backend

RULES = "otel-sse.rules.yml"
TESTS = "otel-sse.rules.test.yml"


def promtool(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run promtool in a folder."""
    program = binary("promtool", "prometheus")
    return subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of rules and tests, to be changed."""
    for name in (RULES, TESTS):
        shutil.copy(FOLDER / "prometheus" / name, tmp_path)
    return tmp_path


def test_prometheus_takes_the_rules() -> None:
    """`promtool check rules` finds nothing, duplicates among the rules included."""
    checked = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES, folder=FOLDER / "prometheus")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(ALERTS)} rules found" in checked.stdout


def test_unit_tests_of_the_rules_pass() -> None:
    """Every alert fires where it should, and only there."""
    tested = promtool("test", "rules", TESTS, folder=FOLDER / "prometheus")
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_every_alert_has_unit_tests_for_new_series_and_restarts() -> None:
    """Each is named by tests that let it fire; by one with a series that begins late; and by one with a restart."""
    tests = yaml.safe_load((FOLDER / "prometheus" / TESTS).read_text())["tests"]
    for alert in ALERTS:
        of_alert = [test for test in tests if alert.name in str(test)]
        assert [test for test in of_alert if f'"{alert.name}", alertstate="firing", severity' in str(test)], alert.name
        told = " ".join(test["name"] for test in of_alert)
        assert "restart" in told, alert.name
        # A quantile of what is seen for the first time has no rate; the runbook says so.
        assert alert.name == "SSESlowFirstContent" or "first seen above zero" in told or "series that is new" in told


@pytest.mark.parametrize(
    ("alert", "before", "after"),
    [
        *((alert.name, "unless", "and") for alert in ALERTS if "unless" in alert.expr),
        ("SSEDuplicateChunks", 'certainty="certain"', 'certainty!=""'),
        ("SSEDuplicateChunks", "[1d]", "[1h]"),
        ("SSEDuplicateChunks", "max by (job, instance, ", "max by (job, pod, instance, "),
        ("SSEDuplicateChunks", "increase(", "delta("),
        ("SSEDuplicateChunks", "[5m]", "[30m]"),
        ("SSEMissingChunks", "missing", "duplicate"),
        ("SSEMissingChunks", "[5m]", "[30m]"),
        ("SSEStalls", "0.05", "0.005"),
        ("SSEStalls", "0.05", "0.5"),
        ("SSEStalls", "job, route, stage, kind", "job, route, stage"),
        ("SSEStalls", " > 2.5", " > 1.5"),
        ("SSEStalls", " > 2.5", " > 3.5"),
        ("SSENoData", "[1h]", "[1d]"),
        ("SSENoData", "by (job)", "by (job, instance)"),
        ("SSESlowFirstContent", "0.95", "0.5"),
        ("SSESlowFirstContent", "0.95", "0.995"),
        ("SSESlowFirstContent", 'stage="socket_write"', 'stage!=""'),
        ("SSEIncompleteStreams", "0.05", "0.005"),
        ("SSEIncompleteStreams", "0.05", "0.5"),
        ("SSEIncompleteStreams", " > 2.5", " > 1.5"),
        ("SSEIncompleteStreams", " > 2.5", " > 3.5"),
        ("SSEIncompleteStreams", "incomplete|failed", "incomplete"),
        ("SSEIncompleteStreams", "incomplete|failed", "failed"),
        ("SSEIncompleteStreams", 'outcome=~"incomplete|failed"', 'outcome!="completed"'),
        ("SSERecorderDrops", "dropped", "queued"),
        ("SSERecorderDrops", "increase(", "delta("),
        ("SSEInternalErrors", "job, site", "job"),
    ],
)
def test_a_rule_that_is_wrong_fails_its_unit_tests(copied: Path, alert: str, before: str, after: str) -> None:
    """The unit tests notice when a threshold, a window, a label or the treatment of new series is another."""
    assert fails(copied, alert, {"expr": (before, after)})


@pytest.mark.parametrize("alert", [alert.name for alert in ALERTS])
def test_an_alert_that_waits_an_hour_fails_its_unit_tests(copied: Path, alert: str) -> None:
    """The unit tests notice `for`."""
    (wait,) = [one.wait for one in ALERTS if one.name == alert]
    assert fails(copied, alert, {"for": (wait, "60m")})


def fails(folder: Path, alert: str, changes: dict[str, tuple[str, str]]) -> bool:
    """Whether the unit tests of an alert expect something else, once parts of its rule are replaced."""
    rules = yaml.safe_load((folder / RULES).read_text())
    (changed,) = [rule for rule in rules["groups"][0]["rules"] if rule["alert"] == alert]
    for field, (before, after) in changes.items():
        assert before in changed[field]
        changed[field] = changed[field].replace(before, after)
    rules["groups"][0]["rules"] = [changed]
    (folder / RULES).write_text(yaml.safe_dump(rules))
    tests = yaml.safe_load((folder / TESTS).read_text())
    tests["tests"] = [test for test in tests["tests"] if alert in str(test)]
    (folder / TESTS).write_text(yaml.safe_dump(tests))
    tested = promtool("test", "rules", TESTS, folder=folder)
    # A rule that can't be read would fail too, and prove nothing.
    return tested.returncode == 1 and "got:" in tested.stdout + tested.stderr
