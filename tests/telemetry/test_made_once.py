"""What the global meter provider has made is made once."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider

from otel_sse.telemetry.instruments import meter_of
from otel_sse.telemetry.made_once import MadeOnce, made_by


def listed(*args: Any, **kwargs: Any) -> list[Any]:
    """A new object each time."""
    return [args, kwargs]


@pytest.fixture
def made() -> MadeOnce:
    """Nothing yet."""
    return MadeOnce(metrics.get_meter_provider())


def test_only_the_global_provider_is_remembered() -> None:
    """The global provider has the same memory each time; one of the user's has none, so that it can be freed."""
    provider = MeterProvider(shutdown_on_exit=False)
    assert made_by(provider) is None
    assert made_by(metrics.get_meter_provider()) is not None
    assert made_by(metrics.get_meter_provider()) is made_by(metrics.get_meter_provider())
    provider.shutdown()


def test_same_arguments_make_one_object(made: MadeOnce) -> None:
    """What is asked for with equal arguments is made once, whatever they are of: lists, mappings and plain values."""
    first = made.once(listed, "a", [1.0], {"k": [1]}, unit="s")
    assert made.once(listed, "a", [1.0], {"k": [1]}, unit="s") is first
    assert made.once(listed, "a", [2.0], {"k": [1]}, unit="s") is not first
    assert made.once(listed, "a", [1.0], {"k": [1]}, unit="ms") is not first
    assert made.once(list, ("a",)) is not first


def test_what_cannot_be_compared_is_made_each_time(made: MadeOnce) -> None:
    """Arguments that can be no key are handed on."""
    assert made.once(listed, {1}) is not made.once(listed, {1})


def test_our_meter_of_the_global_provider_is_one() -> None:
    """All recorders without a provider of their own have one meter, and one with another version has another."""
    assert meter_of("1", None) is meter_of("1", None)
    assert meter_of("1", metrics.get_meter_provider()) is meter_of("1", None)
    assert meter_of("2", None) is not meter_of("1", None)
