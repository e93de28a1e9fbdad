"""The gateway's callback: a hook in LiteLLM's form, and LiteLLM's own where that is installed."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import otel_sse
from otel_sse.stream.stages import CALLBACK


class Callback:
    """Sees each chunk that the model sends, and hands it on: what LiteLLM calls a custom logger."""

    async def async_post_call_streaming_iterator_hook(
        self, user_api_key_dict: Any, response: Any, request_data: dict[str, Any]
    ) -> AsyncIterator[Any]:
        """Hand on every chunk of `response`."""
        async for chunk in otel_sse.observe(response, stage=CALLBACK):
            yield chunk


def make_callback() -> Any:
    """Return the callback: otel_sse's own for LiteLLM where that is installed, else one of the same form."""
    if find_spec("litellm") is None:
        return Callback()
    # Else LiteLLM asks the network for a list of prices as it is imported.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    return import_module("otel_sse.litellm").CallbackStage()
