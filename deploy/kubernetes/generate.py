"""Make the Kubernetes files that repeat what grafana/ has: the PrometheusRule, and the ConfigMaps of the dashboards.

`python deploy/kubernetes/generate.py` writes them; with `--check` it only says which differ, and exits with 1 where one
does.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import yaml

from otel_sse.errors import must

ROOT: Final = Path(__file__).resolve().parents[2]
RULES: Final = Path("grafana/prometheus/otel-sse.rules.yml")
PROMETHEUS_RULE: Final = Path("deploy/kubernetes/base/prometheus-rule.yaml")
DASHBOARDS: Final = Path("grafana/kustomization.yaml")

_NOTE: Final = "# Made by `make grafana` from {}; change it there.\n"


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as it reads."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def prometheus_rule(root: Path) -> dict[str, Any]:
    """Return the alert rules as the Prometheus operator's resource."""
    rules = yaml.safe_load((root / RULES).read_text(encoding="utf-8"))
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "otel-sse"},
        "spec": rules,
    }


def dashboards(root: Path) -> dict[str, Any]:
    """Return a kustomization that makes a ConfigMap of each dashboard, with the label that Grafana's chart reads."""
    files = sorted((root / "grafana" / "dashboards").glob("*.json"))
    maps = [{"name": f"dashboard-{file.stem}", "files": [f"dashboards/{file.name}"]} for file in files]
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "generatorOptions": {"disableNameSuffixHash": True, "labels": {"grafana_dashboard": "1"}},
        "configMapGenerator": maps,
    }


def files(root: Path = ROOT) -> dict[Path, str]:
    """Return the text of each file, by its path below the project's folder."""
    return {
        PROMETHEUS_RULE: _yaml(str(RULES), prometheus_rule(root)),
        DASHBOARDS: _yaml("the files in dashboards/", dashboards(root)),
    }


def _yaml(source: str, content: Any) -> str:
    text: str = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    return _NOTE.format(source) + text


def differing(root: Path = ROOT) -> list[Path]:
    """Return the files that are missing or differ from what they should be."""
    return [path for path, text in files(root).items() if not (root / path).is_file() or _read(root / path) != text]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` say which differ."""
    if arguments not in ([], ["--check"]):
        print(must("argument", "be --check or nothing", " ".join(arguments), "Leave it out."), file=sys.stderr)
        return 2
    changed = differing()
    for path in changed:
        if arguments:
            print(must(str(path), "be what grafana/ makes of it", "another text", "Run make grafana, and commit it."))
        else:
            (ROOT / path).write_text(files()[path], encoding="utf-8")
            print(path)
    return bool(changed) if arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
