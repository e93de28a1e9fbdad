"""The route's template of a request, for labels: low in number, never a raw path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def route_of(scope: Mapping[str, Any], root_path: object = "") -> str:
    """Return the route's template that the framework left in the scope, or "".

    Args:
        scope: The ASGI scope as it is once the application has answered (Starlette and FastAPI leave `route`,
            Litestar `path_template`; Quart and Django leave nothing).
        root_path: `root_path` when the request arrived; what was added since is the prefix of a mounted app.
    """
    route = scope.get("route")
    template = getattr(route, "path_format", None) or getattr(route, "path", None) or scope.get("path_template")
    if not isinstance(template, str):
        return ""
    return _mount_prefix(scope, root_path) + template


def _mount_prefix(scope: Mapping[str, Any], root_path: object) -> str:
    now = scope.get("root_path", "")
    if not isinstance(now, str) or not isinstance(root_path, str) or not now.startswith(root_path):
        return ""
    prefix = now[len(root_path) :].rstrip("/")
    given = scope.get("path_params")
    values = [str(value) for value in given.values()] if isinstance(given, Mapping) else []
    # A mount such as /{tenant} puts the tenant's name into root_path: a raw path, so it is left out.
    return "" if any(value and value in prefix for value in values) else prefix
