"""A fresh provider for each test."""

from tests.fixtures import telemetry as telemetry
