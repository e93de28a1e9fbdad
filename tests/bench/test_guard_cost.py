"""What is measured of guards is the guards, on streams that they have nothing to do on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from bench.guard_cost import GUARDS, main, measure, streams


@pytest.mark.parametrize("guard", GUARDS)
def test_each_guard_hands_on_every_chunk(guard: str) -> None:
    """A pass that dropped chunks would measure something else."""

    async def through(answer: Sequence[Any]) -> list[Any]:
        async def yielding() -> Any:
            for item in answer:
                yield item

        return [item async for item in GUARDS[guard](yielding())]

    for answer in streams(40).values():
        assert asyncio.run(through(answer)) == list(answer)


def test_each_guard_is_measured_on_each_stream() -> None:
    """One row for each, with quartiles around the median."""
    found = measure(12, 3)
    assert {(each.guard, each.items) for each in found} == {(guard, items) for guard in GUARDS for items in streams(3)}
    assert all(each.quartiles_us[0] <= each.added_us <= each.quartiles_us[1] for each in found)


def test_table_has_a_line_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    """The command prints what was measured."""
    main(["12", "3"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "CPU added per chunk (us), 12 chunks, 3 rounds"
    assert len(lines) == 2 + 3 * len(GUARDS)
