"""Applications that are instrumented until the test has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from tests.testing.made import Gateway, each, instrumented


@pytest.fixture
def make_app() -> Iterator[Callable[..., Any]]:
    """Makes instrumented applications."""
    with ExitStack() as stack:

        def make(gateway: Gateway = each, **options: Any) -> Any:
            return stack.enter_context(contextmanager(instrumented)(gateway, **options))

        yield make
