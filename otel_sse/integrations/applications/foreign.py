"""Applications that are no ASGI: what each is, by the names of its classes, and how its streams are watched instead."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, Final

_WSGI: Final = (
    "It is a WSGI application{of}: serve it as ASGI, with otel_sse.instrument(a2wsgi.WSGIMiddleware(app)), "
    "or watch the iterators of its streams with otel_sse.observe."
)
_OWN_SERVER: Final = (
    "It is an application of {of}, which has a server of its own and speaks no ASGI: watch the iterators of its "
    "streams with otel_sse.observe, and what it reads with otel_sse.SSEInstrumentor().instrument()."
)

_KNOWN: Final = {
    ("flask", "Flask"): (_WSGI, " (Flask)"),
    ("django", "WSGIHandler"): (_WSGI, " (Django); Django has an ASGI application too, get_asgi_application()"),
    ("bottle", "Bottle"): (_WSGI, " (Bottle)"),
    ("falcon", "App"): (_WSGI, " (Falcon); Falcon has an ASGI application too, falcon.asgi.App"),
    ("pyramid", "Router"): (_WSGI, " (Pyramid)"),
    ("aiohttp", "Application"): (_OWN_SERVER, "aiohttp.web"),
    ("robyn", "BaseRobyn"): (_OWN_SERVER, "Robyn"),
    ("robyn", "Robyn"): (_OWN_SERVER, "Robyn"),
    ("tornado", "Application"): (_OWN_SERVER, "Tornado"),
}
"""Root package and class, and what is said of it. Nothing is imported: an object's class has its names."""

_WSGI_PARAMETERS: Final = 2


def advice_on(app: Any) -> str:
    """Return what an application is that is no ASGI one, and the way out; "" where that is not known."""
    for names in _names(app):
        if names in _KNOWN:
            form, of = _KNOWN[names]
            return form.format(of=of)
    return _WSGI.format(of="") if _is_wsgi(app) else ""


def _names(app: Any) -> Iterator[tuple[str, str]]:
    for base in type(app).__mro__:
        yield base.__module__.partition(".")[0], base.__name__


def _is_wsgi(app: Any) -> bool:
    """Whether it is called with two arguments of the names that PEP 3333 uses, which all its examples have."""
    try:
        parameters = list(inspect.signature(app).parameters)
    except (TypeError, ValueError):
        return False
    return len(parameters) == _WSGI_PARAMETERS and parameters[0].startswith("env") and parameters[1].startswith("start")
