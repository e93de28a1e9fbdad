"""Counters at 0 before the first request: what an alert's `increase()` needs to see the first fault of a route."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from otel_sse import limits
from otel_sse.integrations.server_span import layers
from otel_sse.recording.recorder import Recorder
from otel_sse.stream.stages import EMIT, PROVIDER

_STREAMING_METHODS: Final = frozenset({"GET", "POST"})


def start_counters(recorder: Recorder, app: object, stage: str) -> None:
    """Make the counters that alerts rest on at 0, for the stages that appear by themselves and every known route.

    A counter first seen at 1 has an `increase()` of 0. To be called when an application is instrumented, and again
    once it has started: by then it has all its routes, and the meter provider is there.

    Args:
        recorder: Counts.
        app: The application, or what is around it. Only Starlette's kind says which routes it has.
        stage: The stage at the socket.
    """
    options = recorder.options
    stages = [stage, *([EMIT] if options.emit else []), *([PROVIDER] if options.clients else [])]
    recorder.metrics.start_afresh()
    recorder.metrics.start(stage)
    for route in islice(_routes(app), limits.MAX_STARTED_ROUTES):
        for each in stages:
            recorder.metrics.start(each, route)


def _routes(app: object) -> Iterator[str]:
    for layer in layers(app):
        routes = getattr(layer, "routes", None)
        if isinstance(routes, list):
            # The layers further in have no others: an application's routes are its router's.
            yield from dict.fromkeys(_templates(routes, ""))
            return


def _templates(routes: list[Any], prefix: str) -> Iterator[str]:
    for route in routes:
        included = getattr(route, "effective_route_contexts", None)
        if included is not None:
            # A router that FastAPI (0.163 on) has included: it looks at its routes when it is asked.
            yield from _templates([getattr(each, "starlette_route", None) or each for each in included()], prefix)
            continue
        path = getattr(route, "path", "")
        inner = getattr(route, "routes", None)
        if isinstance(inner, list):
            # As in `routes.route_of`: a prefix with a value in it is no part of a label.
            yield from _templates(inner, prefix if "{" in path else prefix + path)
        elif _may_stream(route):
            yield prefix + (getattr(route, "path_format", None) or path)


def _may_stream(route: Any) -> bool:
    # Those that are not in the schema of an API are its own pages (FastAPI's /docs); WebSocket routes have no methods.
    methods = getattr(route, "methods", None) or ()
    return not _STREAMING_METHODS.isdisjoint(methods) and bool(getattr(route, "include_in_schema", True))
