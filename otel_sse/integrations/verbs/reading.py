"""How the chunks of one stage are to be read, as a caller says it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otel_sse.dialects.registry import make
from otel_sse.errors import ConfigurationError, must

ContentOf = Callable[[Any], "str | None"]


def checked(dialect: Any, content_of: Any) -> dict[str, Any]:
    """Return both as `StageSpec` takes them, so that what is wrong is told where it is said and not in a stream.

    Args:
        dialect: A dialect's name, a function that makes one, or None.
        content_of: A function, or None.

    Raises:
        ConfigurationError: No dialect has that name, or the function makes none.
        TypeError: `content_of` can't be called.
    """
    if content_of is not None and not callable(content_of):
        raise TypeError(must("content_of", "be a function or None", content_of, "Pass one that returns the content."))
    if dialect is not None:
        made = dialect() if callable(dialect) else make(dialect)
        if not all(hasattr(made, name) for name in ("name", "expects", "read")):
            rule = "be a dialect, by name or by a function that makes one (with name, expects and read)"
            raise ConfigurationError(must("dialect", rule, dialect, "Correct it or leave it."))
    return {"dialect": dialect, "content_of": content_of}
