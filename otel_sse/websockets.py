"""WebSocket hops: the two ends of one connection as stages of the streams that cross it.

    from otel_sse.websockets import watch

`instrument` does it for every connection of `websockets`, `aiohttp` (client) and ASGI applications; `watch` for one.
None of these libraries is needed to import this module.
"""

from otel_sse.hops.messages import Hooks
from otel_sse.hops.negotiation import offered_headers
from otel_sse.integrations.websockets.serving import stream_for
from otel_sse.integrations.websockets.watching import watch
from otel_sse.integrations.websockets.websockets_lib import accept_offer

__all__ = ["Hooks", "accept_offer", "offered_headers", "stream_for", "watch"]
