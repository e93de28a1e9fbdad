"""The backends' own configurations: by their own programs where these can be had, else against what is documented."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from otel_sse import semconv
from tests.deploy.tools import DEPLOY, ROOT, installed, jaeger

TYPES = {"string": "string", "int": "int"}
COLUMNS_OF_A_SCOPE = {"string": 20, "int": 5}
"""How many dedicated columns Tempo's vParquet5 has for each scope and type."""

TEMPO_KEYS = {
    "stream_over_http_enabled",
    "server.http_listen_port",
    "server.log_level",
    "server.grpc_server_max_recv_msg_size",
    "server.grpc_server_max_send_msg_size",
    "distributor.receivers.otlp.protocols.grpc.endpoint",
    "distributor.receivers.otlp.protocols.grpc.max_recv_msg_size_mib",
    "distributor.receivers.otlp.protocols.http.endpoint",
    "distributor.receivers.otlp.protocols.http.max_request_body_size",
    "distributor.max_attribute_bytes",
    "ingester.lifecycler.ring.replication_factor",
    "ingester.trace_idle_period",
    "ingester.trace_live_period",
    "ingester.max_block_duration",
    "querier.frontend_worker.frontend_address",
    "querier.frontend_worker.grpc_client_config.max_recv_msg_size",
    "querier.frontend_worker.grpc_client_config.max_send_msg_size",
    "compactor.compaction.block_retention",
    "storage.trace.backend",
    "storage.trace.local.path",
    "storage.trace.s3.bucket",
    "storage.trace.s3.endpoint",
    "storage.trace.s3.region",
    "storage.trace.wal.path",
    "storage.trace.block.version",
    "storage.trace.block.parquet_dedicated_columns",
    "memberlist.join_members",
    "overrides.defaults.ingestion.rate_limit_bytes",
    "overrides.defaults.ingestion.burst_size_bytes",
    "overrides.defaults.global.max_bytes_per_trace",
    "overrides.defaults.read.max_bytes_per_tag_values_query",
    "usage_report.reporting_enabled",
}
"""The keys that the documentation of Tempo 2.10 has, of those that this folder uses. Look a new one up there first."""

RESOURCE = {"service.instance.id"}
EVENTS = ("event sse.chunk", "event sse.finding")


def read(path: str) -> Any:
    return yaml.safe_load((DEPLOY / path).read_text(encoding="utf-8"))


def columns() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read("tempo/tempo.yaml")["storage"]["trace"]["block"]["parquet_dedicated_columns"]
    return found


@pytest.mark.parametrize("column", [pytest.param(c, id=f"{c['scope']}.{c['name']}") for c in columns()])
def test_a_dedicated_column_is_an_attribute_that_exists(column: dict[str, Any]) -> None:
    """It has the name, the place and the type of an attribute of the reference."""
    if column["scope"] == "resource":
        assert column["name"] in RESOURCE
        return
    (attribute,) = [each for each in semconv.ATTRIBUTES if each.name == column["name"]]
    assert TYPES[column["type"]] == attribute.type
    assert (column["scope"] == "event") == (attribute.on in EVENTS)


def test_tempo_has_room_for_the_columns() -> None:
    """No scope has more dedicated columns of a type than the block format holds."""
    counted = Counter((column["scope"], column["type"]) for column in columns())
    assert all(count <= COLUMNS_OF_A_SCOPE[kind] for (_, kind), count in counted.items())
    assert read("tempo/tempo.yaml")["storage"]["trace"]["block"]["version"] == "vParquet5"


def test_tempo_has_no_key_that_is_not_documented() -> None:
    """Tempo refuses to start on a key that it does not know, wherever it stands."""
    assert unknown_keys(read("tempo/tempo.yaml")) == set()


@pytest.mark.parametrize(
    ("block", "key"), [("distributor", "max_attribute_size"), ("ingester", "trace_idle"), ("server", "log_levels")]
)
def test_an_undocumented_key_is_found(block: str, key: str) -> None:
    """A slip of the pen in any block is told with its whole path."""
    config = read("tempo/tempo.yaml")
    config[block][key] = 1
    assert unknown_keys(config) == {f"{block}.{key}"}


def unknown_keys(config: dict[str, Any]) -> set[str]:
    return set(paths(config)) - TEMPO_KEYS


def paths(config: Any, above: str = "") -> Iterator[str]:
    """Each value's keys from the top, joined by dots; lists are values."""
    for key, value in config.items():
        path = f"{above}{key}"
        yield from paths(value, f"{path}.") if isinstance(value, dict) else [path]


def test_a_long_trace_fits_everywhere() -> None:
    """Tempo takes a trace ten times its default, and every receiver messages above the largest batch that is sent."""
    tempo, gateway = read("tempo/tempo.yaml"), read("collector/gateway.yaml")
    assert tempo["overrides"]["defaults"]["global"]["max_bytes_per_trace"] == 50_000_000
    largest = max(exporter["sending_queue"]["batch"]["max_size"] for exporter in gateway["exporters"].values())
    protocols = [
        tempo["distributor"]["receivers"]["otlp"]["protocols"],
        *(read(path)["receivers"]["otlp"]["protocols"] for path in ("jaeger/jaeger.yaml", "collector/agent.yaml")),
        *(read(f"collector/{name}.yaml")["receivers"]["otlp"]["protocols"] for name in ("gateway", "balance")),
    ]
    for each in protocols:
        assert each["http"]["max_request_body_size"] > largest
        assert each["grpc"]["max_recv_msg_size_mib"] * 1024 * 1024 > largest


@pytest.mark.backend
def test_prometheus_takes_its_configuration(tmp_path: Path) -> None:
    """`promtool check config` finds nothing wrong with it and with the rules that it loads."""
    promtool = installed("promtool", "apt-get install prometheus")
    text = (DEPLOY / "prometheus/prometheus.yml").read_text(encoding="utf-8")
    config = tmp_path / "prometheus.yml"
    config.write_text(text.replace("/etc/prometheus/rules", str(ROOT / "grafana/prometheus")), encoding="utf-8")
    done = subprocess.run([promtool, "check", "config", str(config)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "1 rule files found" in done.stdout


@pytest.mark.backend
def test_alertmanager_takes_its_configuration() -> None:
    """`amtool check-config` finds nothing wrong with it."""
    amtool = installed("amtool", "apt-get install prometheus-alertmanager")
    command = [amtool, "check-config", str(DEPLOY / "alertmanager/alertmanager.yml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.backend
def test_jaeger_takes_its_configuration() -> None:
    """`jaeger validate` finds nothing wrong with it."""
    command = [str(jaeger()), "validate", f"--config={DEPLOY / 'jaeger/jaeger.yaml'}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
