"""What is said where the packages of the extra `prometheus` are not there."""

from __future__ import annotations

import subprocess
import sys

import pytest

WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == MISSING or name.startswith(MISSING + "."):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
import otel_sse
try:
    import otel_sse.prometheus
except otel_sse.MissingExtraError as error:
    print(error)
"""


@pytest.mark.parametrize("missing", ["opentelemetry.exporter.prometheus", "opentelemetry.sdk", "prometheus_client"])
def test_without_its_packages_it_says_what_to_install(missing: str) -> None:
    """Importing `otel_sse.prometheus` without one of them is a MissingExtraError that names the extra."""
    code = f"MISSING = {missing!r}\n{WITHOUT}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "otel_sse.prometheus must find the packages of the extra 'prometheus', got an import error. "
        "Install them with: pip install 'otel-sse[prometheus]'\n"
    )
