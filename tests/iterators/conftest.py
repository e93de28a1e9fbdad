"""A fresh provider for each test, and scripts in a process of their own."""

from tests.fixtures import run_script as run_script
from tests.fixtures import telemetry as telemetry
