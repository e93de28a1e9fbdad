"""Applications that are no ASGI."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import flask
import pytest
from aiohttp import web
from django.core.handlers.wsgi import WSGIHandler

from otel_sse import NotAnApplicationError, instrument
from otel_sse.integrations.applications.foreign import advice_on


def wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """A bare WSGI application."""
    start_response("200 OK", [])
    return [b""]


class Class:
    """Looks like an application of a framework that is not installed here."""

    def __init__(self, module: str, name: str) -> None:
        self.made = type(name, (), {"__module__": module})()


class OwnFlask(flask.Flask):
    """A subclass, as applications have them."""


@pytest.mark.parametrize(
    ("app", "said"),
    [
        (wsgi, "It is a WSGI application: serve it as ASGI"),
        (flask.Flask("app"), "It is a WSGI application (Flask): serve"),
        (OwnFlask("app"), "a2wsgi.WSGIMiddleware(app)"),
        (object.__new__(WSGIHandler), "get_asgi_application()"),
        (Class("falcon.app", "App").made, "falcon.asgi.App"),
        (Class("pyramid.router", "Router").made, "(Pyramid)"),
        (Class("bottle", "Bottle").made, "(Bottle)"),
        (web.Application(), "It is an application of aiohttp.web, which has a server of its own"),
        (Class("robyn", "Robyn").made, "of Robyn, which"),
        (Class("tornado.web", "Application").made, "of Tornado, which"),
    ],
    ids=["function", "flask", "subclass", "django", "falcon", "pyramid", "bottle", "aiohttp", "robyn", "tornado"],
)
def test_the_message_says_what_it_is_and_the_way_out(app: Any, said: str) -> None:
    """By the names of its class, or by how it is called; `observe` is always one."""
    with pytest.raises(NotAnApplicationError) as raised:
        instrument(app)
    assert said in str(raised.value)
    assert "otel_sse.observe" in str(raised.value)


@pytest.mark.parametrize("app", [7, "app", None, object(), lambda scope: None, int], ids=range(6))
def test_of_anything_else_nothing_is_guessed(app: Any) -> None:
    """The message asks for the application itself."""
    assert advice_on(app) == ""
    with pytest.raises(NotAnApplicationError, match="Pass the application object itself"):
        instrument(app)


def test_an_application_of_the_users_own_with_such_a_name() -> None:
    """The package counts too."""
    assert advice_on(Class("shop.web", "Application").made) == ""
