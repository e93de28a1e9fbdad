"""LiteLLM's proxy: the stage `callback`, around `async_post_call_streaming_iterator_hook`.

The public place is `otel_sse.litellm`, which says what to install where LiteLLM is missing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from inspect import getattr_static
from typing import Any, Final, ParamSpec, TypeVar

from litellm.integrations.custom_logger import CustomLogger

from otel_sse.integrations.verbs.policies import kind_of, watched
from otel_sse.stream.stages import CALLBACK

HOOK: Final = "async_post_call_streaming_iterator_hook"

P = ParamSpec("P")
T = TypeVar("T")


def callback_stage(hook: Callable[P, AsyncIterator[T]]) -> Callable[P, AsyncIterator[T]]:
    """Decorate a streaming hook of your own, so that its chunks are seen coming in and going out.

    Both sides are the stage `callback`, with direction `in` and `out`. The chunks are untouched.

    Example:
        >>> class Mine(CustomLogger):
        ...     @callback_stage
        ...     async def async_post_call_streaming_iterator_hook(self, user_api_key_dict, response, request_data):
        ...         async for chunk in response:
        ...             yield chunk

    Args:
        hook: An async generator function or method; the first argument that is an async iterable is the stream.
    """
    return watched(hook, CALLBACK, kind_of(hook), rewrites=True)


class CallbackStage(CustomLogger):  # type: ignore[misc]
    """A callback for LiteLLM's proxy that hands every chunk on as it is and makes the stage `callback` of them.

    Name an instance under `litellm_settings: callbacks:` in the proxy's configuration. A subclass may bring its own
    hook; what comes in and goes out of that is then the stage.

    Source: LiteLLM, `litellm.integrations.custom_logger.CustomLogger`.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # LiteLLM calls a hook only where it stands in the very class of the callback.
        own = cls.__dict__.get(HOOK)
        setattr(cls, HOOK, getattr_static(cls, HOOK) if own is None else callback_stage(own))

    @callback_stage
    async def async_post_call_streaming_iterator_hook(
        self, user_api_key_dict: Any, response: Any, request_data: dict[str, Any]
    ) -> AsyncGenerator[Any, None]:
        """Hand on every chunk of `response`.

        Args:
            user_api_key_dict: Who asks, as LiteLLM says; not looked at.
            response: The chunks.
            request_data: The request's body; not looked at.
        """
        async for chunk in response:
            yield chunk
