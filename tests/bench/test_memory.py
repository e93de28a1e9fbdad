"""Memory of an open stream: the difference to the plain application, and one short run."""

from __future__ import annotations

import pytest

from bench import memory, variants
from bench.memory import PerStream, open_streams, over_plain


def test_variants_are_over_the_plain_application() -> None:
    """The plain application's own row stays what it takes itself."""
    found = {variants.PLAIN: PerStream(100.0, 200.0), variants.ALL: PerStream(350.0, 900.0)}
    assert over_plain(found) == {variants.PLAIN: PerStream(100.0, 200.0), variants.ALL: PerStream(250.0, 700.0)}


def test_an_instrumented_stream_takes_more_than_a_plain_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short run in this process reads what open streams hold on the heap."""
    monkeypatch.setattr(memory, "_SETTLE_S", 0.01)
    plain, ours = (open_streams(name, 20).heap_bytes for name in (variants.PLAIN, variants.ALL))
    assert ours > plain > 0
