"""Meters and instruments of the global meter provider, each made once: while none is set it keeps whatever it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry import metrics
from opentelemetry.metrics import MeterProvider


class MadeOnce:
    """What one provider has made, each once. It takes no lock: a fork must find none held.

    Args:
        provider: The provider.
    """

    def __init__(self, provider: MeterProvider) -> None:
        self.provider = provider
        self._made: dict[Any, Any] = {}

    def once(self, make: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what `make` has made of these arguments, or make it now; each time where they can't be compared."""
        key = (make, _comparable(args), _comparable(kwargs))
        try:
            found = self._made.get(key)
        except TypeError:
            return make(*args, **kwargs)
        # Of two threads that are here at once both get what the first has made.
        return self._made.setdefault(key, make(*args, **kwargs)) if found is None else found


_latest: MadeOnce | None = None


def made_by(provider: MeterProvider) -> MadeOnce | None:
    """Return what the global provider has made; None for any other provider, which may be freed some day."""
    global _latest
    if provider is not metrics.get_meter_provider():
        return None
    latest = _latest
    if latest is None or latest.provider is not provider:
        _latest = latest = MadeOnce(provider)
    return latest


def _comparable(value: Any) -> Any:
    """Return arguments as something that can be a key, where they are of lists, mappings and what can be one."""
    if isinstance(value, Mapping):
        return tuple((key, _comparable(each)) for key, each in value.items())
    return tuple(_comparable(each) for each in value) if isinstance(value, (list, tuple)) else value
