"""wrapt's classes, as proxies of ours need them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import wrapt

from otel_sse.iterators.object_proxy import AnyProxy, BaseObjectProxy, ObjectProxy


async def words() -> AsyncIterator[str]:
    yield "a"


@pytest.mark.parametrize("kind", [ObjectProxy, BaseObjectProxy, wrapt.ObjectProxy, wrapt.CallableObjectProxy])
def test_every_proxy_is_one(kind: Any) -> None:
    """Ours and other libraries' are told by one class."""
    assert isinstance(kind(len), AnyProxy)


def test_an_async_stream_behind_a_proxy_can_be_iterated_in_one_way() -> None:
    """In every release of wrapt: a proxy has `__iter__` only where the wrapped object has it."""
    assert getattr(BaseObjectProxy(words()), "__iter__", None) is None


def test_a_proxy_is_the_object_that_it_wraps() -> None:
    """Type, attributes and equality are those of the object."""
    proxy = BaseObjectProxy([1, 2])
    assert isinstance(proxy, list)
    assert (proxy == [1, 2], len(proxy)) == (True, 2)
