"""The labels of contrib's metrics: none that a client can make as many of as it likes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import Any, Final

from opentelemetry import metrics
from opentelemetry.metrics import Meter, MeterProvider

from otel_sse import limits
from otel_sse.iterators.object_proxy import ObjectProxy
from otel_sse.telemetry.made_once import MadeOnce, made_by

Attributes = Mapping[str, Any]

_HOST: Final = "http.server_name"
"""Contrib's name for what the Host header says."""

_COUNTED: Final = (
    "http.host",
    "http.method",
    "http.request.method",
    "net.host.name",
    "net.host.port",
    "server.address",
    "server.port",
)
"""Labels that the server makes, a few of each. Behind some (AWS Lambda's) the client does, so they are counted."""


class Labels:
    """Takes labels out that have too many values.

    Args:
        hosts: Hosts that may be a label, in lower case, with their port where the header has one.
    """

    def __init__(self, hosts: Set[str]) -> None:
        self._hosts = hosts
        self._seen: dict[str, set[object]] = {name: set() for name in _COUNTED}

    def bounded(self, attributes: Attributes | None) -> dict[str, Any]:
        """Return the labels that may stay."""
        kept = dict(attributes or {})
        host = str(kept.pop(_HOST, "")).lower()
        if host in self._hosts:
            kept[_HOST] = host
        for name in _COUNTED:
            if name in kept and not self._is_of_few(name, kept[name]):
                del kept[name]
        return kept

    def _is_of_few(self, name: str, value: object) -> bool:
        seen = self._seen[name]
        if value not in seen and len(seen) < limits.MAX_LABEL_VALUES:
            seen.add(value)
        return value in seen


class _Instrument(ObjectProxy):
    """A counter or histogram whose labels are looked at first."""

    def __init__(self, wrapped: Any, labels: Labels) -> None:
        super().__init__(wrapped)
        self._self_labels = labels

    def add(self, amount: float, attributes: Attributes | None = None, *args: Any, **kwargs: Any) -> None:
        self.__wrapped__.add(amount, self._self_labels.bounded(attributes), *args, **kwargs)

    def record(self, amount: float, attributes: Attributes | None = None, *args: Any, **kwargs: Any) -> None:
        self.__wrapped__.record(amount, self._self_labels.bounded(attributes), *args, **kwargs)


class _Meter(ObjectProxy):
    """A meter that makes such instruments."""

    def __init__(self, wrapped: Meter, labels: Labels, made: MadeOnce | None) -> None:
        super().__init__(wrapped)
        self._self_labels = labels
        self._self_made = made

    def create_histogram(self, *args: Any, **kwargs: Any) -> Any:
        return self._bounded(self.__wrapped__.create_histogram, args, kwargs)

    def create_up_down_counter(self, *args: Any, **kwargs: Any) -> Any:
        return self._bounded(self.__wrapped__.create_up_down_counter, args, kwargs)

    def create_counter(self, *args: Any, **kwargs: Any) -> Any:
        return self._bounded(self.__wrapped__.create_counter, args, kwargs)

    def _bounded(self, create: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        made = self._self_made
        instrument = create(*args, **kwargs) if made is None else made.once(create, *args, **kwargs)
        return _Instrument(instrument, self._self_labels)


class BoundedMeterProvider(MeterProvider):
    """Makes meters whose instruments have few labels.

    Args:
        provider: Where the metrics go; the global provider where None, also if that is set later.
        hosts: See `Labels`.
    """

    def __init__(self, provider: MeterProvider | None, hosts: Set[str]) -> None:
        self._provider = provider
        self._labels = Labels(hosts)

    def get_meter(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> Meter:
        """Return a meter."""
        provider = self._provider or metrics.get_meter_provider()
        args = (name, version or "", provider, schema_url, attributes)
        made = made_by(provider)
        meter: Any = metrics.get_meter(*args) if made is None else made.once(metrics.get_meter, *args)
        bounded: Any = _Meter(meter, self._labels, made)
        return bounded  # type: ignore[no-any-return]
