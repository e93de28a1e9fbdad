"""deploy/kubernetes/generate.py: what repeats grafana/ is what it makes of it."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from tests.deploy.tools import DEPLOY, ROOT


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DEPLOY / "kubernetes" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_files_are_what_it_makes(generate: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """`--check` finds no file that differs."""
    assert (generate.main(["--check"]), capsys.readouterr().out) == (0, "")


def test_the_rules_are_prometheus_own(generate: ModuleType) -> None:
    """The PrometheusRule has every group and rule of the Prometheus file, unchanged."""
    rules = yaml.safe_load((ROOT / generate.RULES).read_text(encoding="utf-8"))
    assert yaml.safe_load((ROOT / generate.PROMETHEUS_RULE).read_text(encoding="utf-8"))["spec"] == rules
    assert rules["groups"]


def test_a_dashboard_that_is_added_is_missed(generate: ModuleType, tmp_path: Path) -> None:
    """A new dashboard, or a rule that changed, makes the files differ."""
    for path in (generate.RULES, generate.PROMETHEUS_RULE, generate.DASHBOARDS):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    shutil.copytree(ROOT / "grafana" / "dashboards", tmp_path / "grafana" / "dashboards")
    assert generate.differing(tmp_path) == []
    (tmp_path / "grafana" / "dashboards" / "another.json").write_text("{}", encoding="utf-8")
    assert generate.differing(tmp_path) == [generate.DASHBOARDS]


def test_an_argument_that_it_does_not_know_is_told(generate: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """Anything but `--check` ends with 2 and a sentence."""
    assert generate.main(["--all"]) == 2
    assert capsys.readouterr().err == "argument must be --check or nothing, got '--all'. Leave it out.\n"
