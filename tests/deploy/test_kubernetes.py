"""The Kubernetes files: rendered by kustomize, and each resource held against its schema."""

from __future__ import annotations

import copy
import json
import re
import subprocess
from functools import cache
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.deploy.tools import DEPLOY, ROOT, built

OVERLAYS = ["base", "overlays/scaled"]
VERSION = "1.31"
"""The oldest Kubernetes that these files are written for."""

CUSTOM = {
    "PrometheusRule": "monitoring.coreos.com_prometheusrules.yaml",
    "PodMonitor": "monitoring.coreos.com_podmonitors.yaml",
}
SIZE_LIMIT_BYTES = 1024 * 1024
"""What a ConfigMap may have."""


@cache
def render(overlay: str) -> list[dict[str, Any]]:
    """Return all resources of an overlay."""
    command = [str(built("kustomize", "tools")), "build", str(DEPLOY / "kubernetes" / overlay)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return [resource for resource in yaml.safe_load_all(done.stdout) if resource]


def of(overlay: str, kind: str) -> dict[str, dict[str, Any]]:
    """Return the resources of one kind by name."""
    return {each["metadata"]["name"]: each for each in render(overlay) if each["kind"] == kind}


def pods(overlay: str) -> dict[str, dict[str, Any]]:
    """Return the pod template of every workload by its name."""
    found = {kind: of(overlay, kind) for kind in ("Deployment", "StatefulSet", "DaemonSet")}
    return {name: each["spec"]["template"] for kind in found.values() for name, each in kind.items()}


def check(resource: dict[str, Any]) -> None:
    """Hold a resource against its schema: Kubernetes' own, strict, or that of the Prometheus operator."""
    if resource["kind"] not in CUSTOM:
        kubernetes_validate.validate(resource, VERSION, strict=True)
        return
    definition = yaml.safe_load(built(CUSTOM[resource["kind"]], "tools").read_text(encoding="utf-8"))
    (version,) = [each for each in definition["spec"]["versions"] if each["name"] == "v1"]
    jsonschema.validate(resource, _closed(version["schema"]["openAPIV3Schema"], root=True))


def _closed(schema: Any, *, root: bool = False) -> Any:
    """The same schema, closed to properties it does not name, in Python's words where Go's or Kubernetes' differ."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _closed(value) for key, value in schema.items()}
    if "(?i)" in str(schema.get("pattern")):
        made["pattern"] = "(?i)" + schema["pattern"].replace("(?i)", "")
    if schema.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
    if not root and isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
        made["additionalProperties"] = schema.get("x-kubernetes-preserve-unknown-fields", False)
    if root:
        made["properties"]["metadata"] = {"type": "object"}
    return made


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_resource_follows_its_schema(overlay: str) -> None:
    """Each is valid for the oldest Kubernetes that is meant, without any unknown key."""
    for resource in render(overlay):
        check(resource)


@pytest.mark.parametrize("kind", ["DaemonSet", "PodMonitor", "PrometheusRule"])
def test_a_wrong_key_is_found(kind: str) -> None:
    """The schemas refuse a key that does not exist, so that all passed means something."""
    resource = copy.deepcopy(next(iter(of("base", kind).values())))
    resource["spec"]["intervals"] = 1
    with pytest.raises((jsonschema.ValidationError, kubernetes_validate.ValidationError), match="intervals"):
        check(resource)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_services_lead_to_pods(overlay: str) -> None:
    """What each service selects exists, and the port that it leads to is one of the container's."""
    for name, service in of(overlay, "Service").items():
        selector = service["spec"]["selector"].items()
        chosen = [pod for pod in pods(overlay).values() if selector <= pod["metadata"]["labels"].items()]
        assert chosen, name
        for pod in chosen:
            named = {port["name"] for port in pod["spec"]["containers"][0]["ports"]}
            assert {port["targetPort"] for port in service["spec"]["ports"]} <= named, name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_addresses_in_variables_are_services(overlay: str) -> None:
    """Where a tier sends to is a service of the same overlay, and one that has this port."""
    services = of(overlay, "Service")
    for pod in pods(overlay).values():
        for variable in pod["spec"]["containers"][0].get("env", ()):
            for host, port in re.findall(r"http://([\w-]+):(\d+)", variable["value"]):
                assert int(port) in [each["port"] for each in services[host]["spec"]["ports"]]
    storage = next(data for name, data in of(overlay, "ConfigMap").items() if name.startswith("tempo-storage"))
    for host in re.findall(r"\b(tempo-[\w-]+):\d+", json.dumps(storage["data"])):
        assert host in services


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_monitors_find_pods(overlay: str) -> None:
    """Each monitor selects pods that exist, and the port that it scrapes is one of theirs."""
    for name, monitor in of(overlay, "PodMonitor").items():
        ports = {endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]}
        chosen = [
            pod for pod in pods(overlay).values() if _selects(monitor["spec"]["selector"], pod["metadata"]["labels"])
        ]
        assert chosen, name
        for pod in chosen:
            assert ports <= {port["name"] for port in pod["spec"]["containers"][0]["ports"]}, name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_series_of_applications_outlive_an_agent(overlay: str) -> None:
    """No label that the operator adds of an agent's pod stands on what applications pushed to it."""
    (endpoint,) = of(overlay, "PodMonitor")["applications"]["spec"]["podMetricsEndpoints"]
    assert endpoint["honorLabels"]
    (dropped,) = [each["regex"] for each in endpoint["relabelings"] if each["action"] == "labeldrop"]
    assert all(re.fullmatch(dropped, label) for label in ("pod", "container", "endpoint"))
    assert not any(re.fullmatch(dropped, label) for label in ("job", "instance", "namespace", "__address__"))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_node_has_an_agent(overlay: str) -> None:
    """Where a service leads to its own node only, its pods tolerate every taint, so that no node is without."""
    assert of(overlay, "Service")["agent"]["spec"]["internalTrafficPolicy"] == "Local"
    assert of(overlay, "DaemonSet")["agent"]["spec"]["template"]["spec"]["tolerations"] == [{"operator": "Exists"}]


def test_the_readme_replaces_every_data_source() -> None:
    """Each address that the provisioning names has a replacement on the page, and Tempo's is a service."""
    page = (DEPLOY / "kubernetes" / "README.md").read_text(encoding="utf-8")
    provisioned = yaml.safe_load((ROOT / "grafana/provisioning/datasources/otel-sse.yaml").read_text(encoding="utf-8"))
    for source in provisioned["datasources"]:
        assert f"| {source['name']} | `{source['url']}` |" in page
    for overlay in OVERLAYS:
        (host,) = re.findall(r"http://([\w-]+)\.otel-sse:3200", page)
        assert 3200 in [port["port"] for port in of(overlay, "Service")[host]["spec"]["ports"]]


def _selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    within = all(labels.get(each["key"]) in each["values"] for each in selector.get("matchExpressions", ()))
    return within and selector.get("matchLabels", {}).items() <= labels.items()


def test_configurations_are_those_of_this_folder() -> None:
    """The collectors' and Tempo's files come from deploy/ as they are, and each pod reads the one that is there."""
    maps = of("overlays/scaled", "ConfigMap")
    (collector,) = [data["data"] for name, data in maps.items() if name.startswith("collector-")]
    for name, text in collector.items():
        assert text == (DEPLOY / "collector" / name).read_text(encoding="utf-8")
    for pod in pods("overlays/scaled").values():
        names = {volume["configMap"]["name"] for volume in pod["spec"]["volumes"] if "configMap" in volume}
        assert names <= maps.keys()
        if pod["spec"]["containers"][0]["name"] == "collector":
            for argument in pod["spec"]["containers"][0]["args"]:
                assert argument.removeprefix("--config=/etc/otelcol/") in collector


def test_every_dashboard_is_a_config_map() -> None:
    """Each file in grafana/dashboards is in a ConfigMap of its own, with the label and below the size needed."""
    found: dict[str, str] = {}
    for each in of("base", "ConfigMap").values():
        if each["metadata"].get("labels", {}).get("grafana_dashboard") == "1":
            found |= each["data"]
            assert len(json.dumps(each).encode()) < SIZE_LIMIT_BYTES
    files = (ROOT / "grafana" / "dashboards").glob("*.json")
    assert found == {path.name: path.read_text(encoding="utf-8") for path in files}


def test_the_scaled_overlay_keeps_traces_together() -> None:
    """Agents send to the balancing tier, which may watch the endpoints of its gateways, and these scale."""
    overlay = "overlays/scaled"
    agent = {
        v["name"]: v["value"]
        for v in of(overlay, "DaemonSet")["agent"]["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    assert agent["SSE_NEXT"] == "http://balance:4318"
    balance = of(overlay, "Deployment")["balance"]["spec"]["template"]["spec"]
    assert balance["containers"][0]["env"][0] == {"name": "SSE_GATEWAY_SERVICE", "value": "gateway.otel-sse"}
    role, binding = of(overlay, "Role")["balance"], of(overlay, "RoleBinding")["balance"]
    assert role["rules"] == [
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["get", "list", "watch"]}
    ]
    assert binding["subjects"][0]["name"] == balance["serviceAccountName"]
    gateways = of(overlay, "StatefulSet")["gateway"]["spec"]
    assert "replicas" not in gateways
    assert of(overlay, "Service")[gateways["serviceName"]]["spec"]["clusterIP"] == "None"
    assert of(overlay, "HorizontalPodAutoscaler")["gateway"]["spec"]["scaleTargetRef"]["name"] == "gateway"


def test_tempo_stores_in_a_bucket() -> None:
    """Both overlays give Tempo object storage, and its keys come from a secret that is not among the files."""
    for overlay in OVERLAYS:
        (storage,) = [
            each["data"] for name, each in of(overlay, "ConfigMap").items() if name.startswith("tempo-storage")
        ]
        assert storage["TEMPO_BACKEND"] == "s3"
        assert not of(overlay, "Secret")
