"""LiteLLM's proxy: its streaming hook as the stage `callback`.

Raises:
    MissingExtraError: On import, where the packages of the extra `litellm` are missing.
"""

from otel_sse.errors import needs

with needs("litellm", "otel_sse.litellm"):
    from otel_sse.integrations.litellm import CallbackStage, callback_stage

__all__ = ["CallbackStage", "callback_stage"]
