from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import wrapt
from django.core.handlers.asgi import ASGIHandler
from fastapi import FastAPI
from litestar import Litestar
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from quart import Quart
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from uvicorn.config import Config

from otel_sse.integrations.applications.classes import FrameworkPatches, _is_covered
from otel_sse.integrations.asgi import StreamMiddleware
from tests.integrations.answers import ANSWER, DIGESTS, plain
from tests.integrations.driver import Driver, call
from tests.integrations.frameworks_made import litestar_stream, quart_app
from tests.integrations.made import fastapi_app, starlette_app
from tests.integrations.seen import Telemetry, recorder_of

PATCHED: list[tuple[type[Any], str]] = [
    (Starlette, "build_middleware_stack"),
    (FastAPI, "build_middleware_stack"),
    (Litestar, "__call__"),
    (Quart, "__call__"),
    (ASGIHandler, "__call__"),
    (Config, "load"),
]


@pytest.fixture
def patch(telemetry: Telemetry) -> Callable[[], FrameworkPatches]:
    """Patches the frameworks with middleware that reports to the test's provider."""
    recorder = recorder_of(telemetry.instrument(plain()))
    return lambda: FrameworkPatches(lambda app: StreamMiddleware(app, recorder, telemetry.tracer_provider))


def methods() -> list[Any]:
    """What the patched classes have in their own dictionaries."""
    return [vars(owner)[name] for owner, name in PATCHED]


def test_undo_leaves_no_trace(patch: Callable[[], FrameworkPatches]) -> None:
    """`undo` puts the very functions back that the classes had."""
    before = methods()
    patches = patch()
    assert not any(a is b for a, b in zip(before, methods(), strict=True))
    patches.undo()
    assert all(a is b for a, b in zip(before, methods(), strict=True))


@pytest.mark.parametrize("make", [litestar_stream, quart_app])
async def test_an_application_called_by_keyword(
    make: Callable[[], Any], patch: Callable[[], FrameworkPatches], telemetry: Telemetry
) -> None:
    """A server that names its arguments is served as well."""

    async def by_keyword(scope: Any, receive: Any, send: Any) -> None:
        await app(scope=scope, receive=receive, send=send)

    patches = patch()
    try:
        app = make()
        driver = await call(by_keyword)
    finally:
        patches.undo()
    assert driver.body == ANSWER
    assert telemetry.stage().digests == DIGESTS
    assert set(driver.scope) >= set(Driver(plain()).scope)
    assert not any("otel_sse" in key for key in driver.scope)


async def test_called_with_nonsense_it_fails_as_before(patch: Callable[[], FrameworkPatches]) -> None:
    """A call that no application takes is a TypeError with and without us."""
    patches = patch()
    app: Any = quart_app()
    try:
        with pytest.raises(TypeError, match=r"__call__\(\) missing 2 required positional arguments"):
            await app({"type": "http"})
    finally:
        patches.undo()


async def test_somebody_who_wrapped_after_us_stays(patch: Callable[[], FrameworkPatches], telemetry: Telemetry) -> None:
    """A later patch of another's survives our `undo`, and ours does nothing underneath it."""
    calls: list[str] = []

    def theirs(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        calls.append(type(instance).__name__)
        return wrapped(*args, **kwargs)

    before = {(owner, name): vars(owner)[name] for owner, name in PATCHED}
    patches = patch()
    ours = {(owner, name): vars(owner)[name] for owner, name in PATCHED}
    try:
        for owner, name in PATCHED:
            wrapt.wrap_function_wrapper(owner, name, theirs)
        wrapped = methods()
        patches.undo()
        assert all(a is b for a, b in zip(wrapped, methods(), strict=True))
        recorder_of(telemetry.instrument(plain()))
        apps: list[Any] = [starlette_app(), quart_app()]
        for app in apps:
            driver = await call(app)
            assert b"traceresponse" not in dict(driver.headers)
        config = Config(plain())
        config.load()
        assert not isinstance(config.loaded_app, StreamMiddleware)
        assert calls == ["Starlette", "Quart", "Config"]
    finally:
        for (owner, name), original in before.items():
            assert vars(owner)[name].__wrapped__ is ours[owner, name]
            setattr(owner, name, original)


def test_frameworks_may_be_imported_later(run_script: Callable[..., str]) -> None:
    """A framework that is imported after the patches were made is patched; after `undo` it is not."""
    source = """
    import sys
    from otel_sse.integrations.instrumentor import SSEInstrumentor
    instrumentor = SSEInstrumentor()
    instrumentor.instrument()
    assert "starlette" not in sys.modules and "quart" not in sys.modules
    from starlette.applications import Starlette
    print(type(vars(Starlette)["build_middleware_stack"]).__name__)
    instrumentor.uninstrument()
    from quart import Quart
    print(type(vars(Starlette)["build_middleware_stack"]).__name__, type(vars(Quart)["__call__"]).__name__)
    """
    assert run_script(source).split() == ["FunctionWrapper", "function", "function"]


class Subclass(Starlette):
    """A user's own class of applications."""


@pytest.mark.parametrize(
    ("make", "covered"),
    [
        (Starlette, True),
        (Subclass, True),
        (FastAPI, True),
        (lambda: CORSMiddleware(Starlette()), True),
        (lambda: OpenTelemetryMiddleware(CORSMiddleware(fastapi_app())), True),
        (lambda: CORSMiddleware(plain()), False),
        (plain, False),
    ],
)
def test_what_is_covered_already(make: Callable[[], Any], covered: bool) -> None:
    """An application of a patched class is found behind other middleware."""
    assert _is_covered(make()) is covered


def test_a_circle_of_layers_is_no_trap() -> None:
    """Layers that lead back to themselves end the search."""

    class Circle:
        app: Any = None

    circle = Circle()
    circle.app = circle
    assert not _is_covered(circle)
