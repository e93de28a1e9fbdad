from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.responses import StreamingResponse
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount

from otel_sse.integrations.routes import route_of
from tests.integrations.answers import frames, plain
from tests.integrations.driver import call
from tests.integrations.made import add_chat
from tests.integrations.seen import Telemetry
from tests.integrations.servers import Uvicorn


def app_with(path: str, kind: type[Any] = Starlette) -> Any:
    """An application with a streaming route at a template."""
    app = kind()
    add_chat(app, frames, path)
    return app


@pytest.mark.parametrize("kind", [Starlette, FastAPI])
@pytest.mark.parametrize(
    ("template", "path"),
    [("/chat", "/chat"), ("/chat/{id}", "/chat/77"), ("/chat/{id:int}", "/chat/77"), ("/f/{name:path}", "/f/a/b")],
)
def test_the_label_is_the_template(
    kind: type[Any], template: str, path: str, telemetry: Telemetry, uvicorn_server: Uvicorn
) -> None:
    """The stage and the metrics have the route's template, never the path."""
    app = telemetry.instrument(app_with(template, kind))
    assert httpx.get(uvicorn_server.serve(app) + path).status_code == 200
    route = telemetry.stage().attributes["http.route"]
    assert route.replace(":int", "").replace(":path", "") == template.replace(":int", "").replace(":path", "")
    assert telemetry.value("sse.chunks", stage="socket_write", route=route) == 5


def test_a_router_with_a_prefix(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """A FastAPI router's prefix is part of the template."""
    router = APIRouter(prefix="/v2")

    @router.get("/chat/{id}")
    async def chat(id: str) -> StreamingResponse:
        return StreamingResponse(frames(), media_type="text/event-stream")

    app = FastAPI()
    app.include_router(router)
    httpx.get(uvicorn_server.serve(telemetry.instrument(app)) + "/v2/chat/8")
    assert telemetry.stage().attributes["http.route"] == "/v2/chat/{id}"


@pytest.mark.parametrize(
    ("mount", "path", "route"),
    [
        ("/v1", "/v1/chat/5", "/v1/chat/{id}"),
        ("/{tenant}", "/acme/chat/5", "/chat/{id}"),
    ],
)
@pytest.mark.parametrize("outer", ["in place", "wrapped"])
def test_a_mounts_prefix(
    mount: str, path: str, route: str, outer: str, telemetry: Telemetry, uvicorn_server: Uvicorn
) -> None:
    """A mount's prefix is part of the label, unless a parameter in it would make it a raw path."""
    app: Any = Starlette(routes=[Mount(mount, app=app_with("/chat/{id}"))])
    if outer == "wrapped":
        app = CORSMiddleware(app, allow_origins=["*"])
    httpx.get(uvicorn_server.serve(telemetry.instrument(app)) + path)
    assert telemetry.stage().attributes["http.route"] == route


async def test_no_route_no_label(telemetry: Telemetry) -> None:
    """A bare application leaves no template, so there is no label; the raw path is never used."""
    await call(telemetry.instrument(plain()), path="/chat/77")
    assert "http.route" not in telemetry.stage().attributes
    assert telemetry.value("sse.chunks", stage="socket_write") == 5


async def test_the_users_own_function(telemetry: Telemetry) -> None:
    """`route_of` is asked instead of the framework, and may have no answer."""
    app = telemetry.instrument(plain(), route_of=lambda scope: {"/a": "/letter"}.get(scope["path"]))
    await call(app, path="/a")
    await call(app, path="/b")
    assert [stage.attributes.get("http.route") for stage in telemetry.stages(2)] == ["/letter", None]


class Route:
    """A framework's route with nothing that we know."""


@pytest.mark.parametrize(
    ("scope", "route"),
    [
        ({}, ""),
        ({"route": None}, ""),
        ({"route": Route()}, ""),
        ({"path_template": "/items/{id:int}"}, "/items/{id:int}"),
        ({"path_template": 3}, ""),
        ({"path_template": "/chat", "root_path": None}, "/chat"),
        ({"path_template": "/chat", "root_path": "/other"}, "/chat"),
        ({"path_template": "/chat", "root_path": "/api/v1/"}, "/v1/chat"),
        ({"path_template": "/chat", "root_path": "/api/v1", "path_params": {"a": ""}}, "/v1/chat"),
        ({"path_template": "/chat", "root_path": "/api/acme", "path_params": {"tenant": "acme"}}, "/chat"),
    ],
)
def test_whatever_the_scope_holds(scope: dict[str, Any], route: str) -> None:
    """A template is taken only where it is text; the prefix only where it grew from what the request came with."""
    assert route_of(scope, "/api") == route
