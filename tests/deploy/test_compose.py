"""The compose files, held against the compose specification and against what they name."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from otel_sse.demo.faults import ALIASES, SIMPLE
from tests.deploy.tools import DEPLOY, ROOT, built

FILES = ["compose.yaml", "compose.lite.yaml"]
URL = re.compile(r"\b(?:http|ws)://([a-z][\w-]*):(\d+)")
HERE = {"localhost"}
HEALTH = {
    "collector-agent": ("collector/agent.yaml", "extensions", "health_check", "endpoint"),
    "collector-gateway": ("collector/gateway.yaml", "extensions", "health_check", "endpoint"),
    "jaeger": ("jaeger/jaeger.yaml", "extensions", "healthcheckv2", "http", "endpoint"),
    "tempo": ("tempo/tempo.yaml", "server", "http_listen_port"),
}
"""Where each program's configuration says at which port it tells its health."""

MIB_PER_TRACE = 0.75
"""What a trace of the demo takes in Jaeger's memory: 565 MiB at 700 traces, 2,115 MiB at 2,940."""


def load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))
    return loaded


SERVICES = [
    pytest.param(load(name), content, id=f"{name}: {service}")
    for name in FILES
    for service, content in load(name)["services"].items()
]


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(built("compose-spec.json", "tools").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", FILES)
def test_it_follows_the_specification(schema: dict[str, Any], name: str) -> None:
    """The file is valid by the JSON schema that compose itself uses."""
    jsonschema.validate(load(name), schema)


def test_a_wrong_key_is_found(schema: dict[str, Any]) -> None:
    """The schema refuses a key that compose does not know, so that it passes means something."""
    wrong = load("compose.yaml")
    wrong["services"]["tempo"]["health_check"] = {}
    with pytest.raises(jsonschema.ValidationError, match="health_check"):
        jsonschema.validate(wrong, schema)


@pytest.mark.backend
@pytest.mark.parametrize("name", FILES)
def test_docker_compose_can_load_it(name: str) -> None:
    """The library that loads files for Docker Compose finds it consistent, variables filled in and anchors resolved."""
    command = [str(built("compose-spec", "tools")), "-format", "json", str(DEPLOY / name)]
    done = subprocess.run(command, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["services"].keys() == load(name)["services"].keys()


@pytest.mark.parametrize(("file", "service"), SERVICES)
def test_a_service_is_pinned_watched_and_private(file: dict[str, Any], service: dict[str, Any]) -> None:
    """Its image has a version, it has a health check, and its ports are on loopback only."""
    base = service["image"]
    if "build" in service:
        inline = service["build"].get("dockerfile_inline") or (DEPLOY / "demo" / "Dockerfile").read_text(
            encoding="utf-8"
        )
        for base in re.findall(r"^FROM (\S+)", inline, re.MULTILINE):
            assert re.search(r":v?\d+\.\d+\.\d+", base), base
    elif service.get("pull_policy") != "never":  # built by another service
        assert re.search(r":v?\d+\.\d+\.\d+$", base), base
    assert service["healthcheck"]["test"][0] == "CMD"
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


@pytest.mark.parametrize(("file", "service"), SERVICES)
def test_what_a_service_names_is_there(file: dict[str, Any], service: dict[str, Any]) -> None:
    """Services that it waits for or sends to, folders that it mounts, and volumes exist."""
    assert service.get("depends_on", {}).keys() <= file["services"].keys()
    for value in service.get("environment", {}).values():
        assert {host for host, _ in URL.findall(value)} <= file["services"].keys()
    for volume in service.get("volumes", ()):
        source = volume.partition(":")[0]
        assert (DEPLOY / source).exists() if source.startswith(".") else source in file["volumes"]
    if "context" in service.get("build", {}):
        assert (DEPLOY / service["build"]["context"]).resolve() == ROOT
        assert (ROOT / service["build"]["dockerfile"]).is_file()


@pytest.mark.parametrize("name", FILES)
def test_a_health_check_asks_where_the_service_answers(name: str) -> None:
    """Its port is the one at which the program's configuration serves its health."""
    asked = {}
    for service, content in load(name)["services"].items():
        if service in HEALTH:
            (asked[service],) = re.findall(r"http://127\.0\.0\.1:(\d+)/", content["healthcheck"]["test"][-1])
    assert asked
    assert asked == {service: _health_port(service) for service in asked}


def _health_port(service: str) -> str:
    path, *keys = HEALTH[service]
    found = yaml.safe_load((DEPLOY / path).read_text(encoding="utf-8"))
    for key in keys:
        found = found[key]
    return re.findall(r"\d+", str(found))[-1]


@pytest.mark.parametrize("name", FILES)
def test_nobody_waits_for_himself(name: str) -> None:
    """Services can be put in an order in which each one's dependencies come before it."""
    waiting = {service: set(content.get("depends_on", {})) for service, content in load(name)["services"].items()}
    while ready := {service for service, on in waiting.items() if not on & waiting.keys()}:
        waiting = {service: on for service, on in waiting.items() if service not in ready}
    assert not waiting


@pytest.mark.parametrize("name", FILES)
def test_no_tag_is_built_twice(name: str) -> None:
    """One service of each tag builds it, and all others of that tag take what is there, after that one has started."""
    services = load(name)["services"]
    builders: dict[str, str] = {}
    for service, content in services.items():
        if "build" in content:
            assert content["image"] not in builders, f"{service} and {builders[content['image']]} build the same tag"
            builders[content["image"]] = service
    for service, content in services.items():
        if "build" not in content and content["image"].endswith(":local"):
            assert content["pull_policy"] == "never", service
            assert builders[content["image"]] in _before(services, service), service


def _before(services: dict[str, Any], service: str) -> set[str]:
    direct = set(services[service].get("depends_on", {}))
    return direct.union(*(_before(services, each) for each in direct))


@pytest.mark.parametrize("name", FILES)
def test_jaeger_has_room_for_the_traces_that_it_keeps(name: str) -> None:
    """All traces that it keeps fit into what Go tries to stay in, and that is below the limit."""
    jaeger = load(name)["services"]["jaeger"]
    config = yaml.safe_load((DEPLOY / "jaeger/jaeger.yaml").read_text(encoding="utf-8"))
    kept = config["extensions"]["jaeger_storage"]["backends"]["memory"]["memory"]["max_traces"]
    assert kept * MIB_PER_TRACE < int(jaeger["environment"]["GOMEMLIMIT"].removesuffix("MiB"))
    assert int(jaeger["environment"]["GOMEMLIMIT"].removesuffix("MiB")) * 2**20 < 0.9 * _bytes(jaeger["mem_limit"])


def test_the_readme_says_how_much_memory_is_needed() -> None:
    """Its figure is the sum of the limits."""
    limits = [_bytes(each["mem_limit"]) for each in load("compose.yaml")["services"].values() if "mem_limit" in each]
    readme = (DEPLOY / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"([\d.]+) GB of memory", readme) == [f"{sum(limits) / 2**30:g}"]


def _bytes(limit: str) -> int:
    return int(limit[:-1]) * {"m": 2**20, "g": 2**30}[limit[-1]]


@pytest.mark.parametrize("service", ["prometheus", "alertmanager"])
def test_links_lead_to_the_published_port(service: str) -> None:
    """What an alert links to is the address at which the port is published, not the container's name."""
    content = load("compose.yaml")["services"][service]
    (port,) = content["ports"]
    assert f"--web.external-url=http://{port.rpartition(':')[0]}" in content["command"]


PAGES = [ROOT / "README.md", *(path for name in ("docs", "examples", "deploy") for path in (ROOT / name).rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_publish_on_loopback_only(page: Path) -> None:
    """A command that starts a container publishes its ports to this machine and no other."""
    for command in re.findall(r"^docker run .*", page.read_text(encoding="utf-8"), re.MULTILINE):
        assert re.findall(r"-p (\S+)", command) == re.findall(r"-p (127\.0\.0\.1:\S+)", command)


def test_no_two_services_take_the_same_port() -> None:
    """Every published port is published once."""
    for name in FILES:
        ports = [port for service in load(name)["services"].values() for port in service.get("ports", ())]
        assert len(ports) == len(set(ports))


@pytest.mark.parametrize(
    "path",
    ["prometheus/prometheus.yml", "alertmanager/alertmanager.yml", "../grafana/provisioning/datasources/otel-sse.yaml"],
)
def test_configurations_name_services_of_the_file(path: str) -> None:
    """What Prometheus scrapes, where alerts go and what Grafana asks are services of compose.yaml."""
    text = (DEPLOY / path).read_text(encoding="utf-8")
    hosts = set(re.findall(r"\b([a-z][a-z-]*):\d{4,5}\b", text))
    assert hosts
    assert hosts - HERE <= load("compose.yaml")["services"].keys()


def test_dashboards_are_mounted_where_the_provisioning_looks() -> None:
    """Grafana finds the dashboards at the path that their provider names."""
    providers = yaml.safe_load((ROOT / "grafana/provisioning/dashboards/otel-sse.yaml").read_text(encoding="utf-8"))
    (path,) = {provider["options"]["path"] for provider in providers["providers"]}
    assert f"../grafana/dashboards:{path}:ro" in load("compose.yaml")["services"]["grafana"]["volumes"]


def test_one_system_alerts() -> None:
    """Prometheus has the rules, and Grafana's own ones are not mounted beside them, as a part of a folder or alone."""
    services = load("compose.yaml")["services"]
    assert "../grafana/prometheus:/etc/prometheus/rules:ro" in services["prometheus"]["volumes"]
    sources = [ROOT / "deploy" / volume.partition(":")[0] for volume in services["grafana"]["volumes"]]
    rules = next((ROOT / "grafana/provisioning/alerting").glob("*.yaml"))
    assert not [source for source in sources if rules.is_relative_to(source.resolve())]


def test_rules_are_loaded_and_their_tests_are_not() -> None:
    """Prometheus' pattern matches the file of rules, and not the unit tests beside it, which it would refuse."""
    (pattern,) = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text(encoding="utf-8"))["rule_files"]
    found = [path.name for path in (ROOT / "grafana/prometheus").glob(Path(pattern).name)]
    assert found == ["otel-sse.rules.yml"]


def test_no_file_holds_a_password() -> None:
    """No configuration below deploy/ or grafana/ sets a password, a token or a key."""
    secret = re.compile(
        r"^\s*-?\s*[\w.]*(?:password|passwd|token|secret_key|access_key|api_key)\w*\s*[:=]\s*(?!true|false)[^\s{$]",
        re.I,
    )
    for folder in (DEPLOY, ROOT / "grafana"):
        for path in [*folder.rglob("*.y*ml"), *folder.rglob("Dockerfile")]:
            for line in path.read_text(encoding="utf-8").splitlines():
                assert not secret.match(line) or "_file" in line, f"{path}: {line}"


def test_the_visitor_knows_every_fault() -> None:
    """Its faults are the demo's, so the fault in the README's example exists."""
    readme = (DEPLOY / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r'"fault": "(\w+)"', readme)) <= {*SIMPLE, *ALIASES}
