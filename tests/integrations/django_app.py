"""A Django application that streams; Django's settings are the process's, so this module makes them once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import django
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import path

from tests.integrations.answers import frames

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="only for tests", LOGGING_CONFIG=None)
django.setup(set_prefix=False)

streaming: Callable[[], AsyncIterator[Any]] = frames
"""What the view streams; `django_app` sets it."""


async def chat(request: HttpRequest) -> StreamingHttpResponse:
    """Stream the answer."""
    return StreamingHttpResponse(streaming(), content_type="text/event-stream")


urlpatterns = [path("chat", chat)]


def django_app(parts: Callable[[], AsyncIterator[Any]] = frames) -> ASGIHandler:
    """Return Django's handler; the view streams `parts`."""
    global streaming
    streaming = parts
    return ASGIHandler()
