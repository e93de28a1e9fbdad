"""What dialects with objects as payloads have in common."""

from __future__ import annotations

import pytest

from otel_sse.dialects.objects import ObjectDialect
from tests.dialects.made import event


def test_an_id_opens_once() -> None:
    """The same id opens nothing more; another does, and the first again after it."""
    dialect = ObjectDialect()
    assert [dialect.opened(value) for value in ("a", "a", None, "", 5, "b", "b", "a")] == [
        *("a", None, None, None, None),
        *("b", None, "a"),
    ]


def test_a_subclass_must_say_what_an_object_means() -> None:
    """The base reads no object itself."""
    with pytest.raises(NotImplementedError):
        ObjectDialect().read(event({}))
