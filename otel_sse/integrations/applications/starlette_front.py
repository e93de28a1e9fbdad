"""What stands first in a Starlette stack. Imported only where Starlette is there."""

from __future__ import annotations

from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import Receive, Scope, Send


class Front(ServerErrorMiddleware):
    """Passes for the ServerErrorMiddleware that it stands before, and does nothing.

    Args:
        app: Our middleware, around the application's own ServerErrorMiddleware.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        return await self.app(scope, receive, send)
