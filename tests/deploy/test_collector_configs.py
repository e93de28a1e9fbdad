"""Every configuration in deploy/collector is one that the Collector takes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy.tools import DEPLOY, collector

pytestmark = pytest.mark.backend

FOLDER = DEPLOY / "collector"
TOGETHER = {
    "agent": ["agent.yaml"],
    "gateway": ["gateway.yaml"],
    "balance, fixed": ["balance.yaml", "resolver-static.yaml"],
    "balance, Kubernetes": ["balance.yaml", "resolver-kubernetes.yaml"],
}
"""Which files are read together."""

OTHERS = {"builder.yaml", "kustomization.yaml"}


def validate(*paths: Path) -> subprocess.CompletedProcess[str]:
    """Run `validate` on configurations that are read together."""
    command = [str(collector()), "validate", *(f"--config={path}" for path in paths)]
    environment = {"PATH": os.environ["PATH"], "SSE_GATEWAYS": '["gateway-1:4317", "gateway-2:4317"]'}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("names", TOGETHER.values(), ids=TOGETHER)
def test_the_collector_takes_it(names: list[str]) -> None:
    """`validate` finds nothing wrong with the files as they are."""
    done = validate(*(FOLDER / name for name in names))
    assert (done.returncode, done.stderr) == (0, "")


def test_every_file_is_validated() -> None:
    """A configuration that is added is added to this test too."""
    assert {path.name for path in FOLDER.glob("*.yaml")} == OTHERS | {
        name for names in TOGETHER.values() for name in names
    }


def test_a_wrong_key_is_found(tmp_path: Path) -> None:
    """`validate` refuses a policy that does not exist, so that it passes means something."""
    config = yaml.safe_load((FOLDER / "gateway.yaml").read_text(encoding="utf-8"))
    config["processors"]["tail_sampling"]["policies"][0]["numeric_attribute"]["minimum"] = 1
    (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    done = validate(tmp_path / "gateway.yaml")
    assert done.returncode != 0
    assert "minimum" in done.stderr


def test_each_component_of_the_manifest_is_used() -> None:
    """The distribution has what the configurations name, and nothing else."""
    configs = [
        yaml.safe_load((FOLDER / name).read_text(encoding="utf-8")) for names in TOGETHER.values() for name in names
    ]
    used = {
        (section, name.partition("/")[0].replace("_", ""))
        for config in configs
        for section in ("receivers", "processors", "connectors", "exporters", "extensions")
        for name in config.get(section, {})
    }
    manifest = yaml.safe_load((FOLDER / "builder.yaml").read_text(encoding="utf-8"))
    made = {
        (section, module["gomod"].split()[0].rsplit("/", 1)[1].removesuffix(section.removesuffix("s")))
        for section in ("receivers", "processors", "connectors", "exporters", "extensions")
        for module in manifest[section]
    }
    assert used == made
