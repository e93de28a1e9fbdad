"""LiteLLM's proxy: its streaming hook as the stage `callback`.

Raises:
    MissingExtraError: On import, where the packages of the extra `litellm` are missing.
"""

from otel_sse.errors import MissingExtraError

try:
    from otel_sse.integrations.litellm import CallbackStage, callback_stage
except ImportError as error:
    if (error.name or "").startswith("otel_sse"):
        raise
    raise MissingExtraError("otel_sse.litellm", "litellm") from error

__all__ = ["CallbackStage", "callback_stage"]
