from __future__ import annotations

import math

import pytest

from bench import sizing
from bench.sizing_plan import SECONDS_A_DAY, Load, Measured, tables
from bench.sizing_tiers import Tier

TIERS = [
    Tier("agent", 5.0, 50.0, 200.0),
    Tier("gateway, nothing kept", 3.0, 50.0, 150.0),
    Tier("gateway, all kept", 4.0, 50.0, 150.0),
    Tier("balance", 2.0, 50.0, 100.0),
]
MEASURED = Measured({"all": (200.0, 20.0), "packed": (40.0, 4.0), "findings": (2.0, 0.2)}, TIERS, 100_000)


def test_lower_details_take_less() -> None:
    """A chunk takes fewer bytes the lower the detail is, and less when it is compressed."""
    found = [sizing.sizes(detail, 1) for detail in sizing.DETAILS]
    plain = [each.plain for each in found]
    assert plain == sorted(plain, reverse=True)
    assert plain[0] > 3 * plain[1] > 3 * plain[2]
    assert all(each.zipped < each.plain for each in found)


def test_every_chunk_is_measured_at_every_stage() -> None:
    """What is sized holds an event for each chunk and stage, so that bytes are divided by what is there."""
    bodies = sizing.sizes("all", 2).bodies
    assert sum(body.count(b"sse.chunk.seq") for body in bodies) == 2 * sizing.CHUNKS * sizing.STAGES


def test_bytes_cores_and_storage_follow_from_the_rate() -> None:
    """A thousand chunks a second are 3,000 crossings; bytes, CPU and storage are those times what was measured."""
    load = Load(1_000)
    assert (load.events, load.open_streams) == (3_000, 20)
    assert load.megabytes_a_second(MEASURED, "all") == pytest.approx(0.6)
    assert load.cores(MEASURED, "agent", "all") == pytest.approx(3_000 * 5e-6 / 0.6)
    assert load.cores(MEASURED, "agent", "packed") == pytest.approx(3_000 * 5e-6 / 0.6 / 5)
    assert load.gigabytes_a_day(MEASURED, "all", 1.0) == pytest.approx(3_000 * 20 * SECONDS_A_DAY / 1e9)


def test_faulty_streams_are_stored_whatever_the_share() -> None:
    """With a share of nothing one stream in a hundred is kept, and a share adds to it."""
    load = Load(1_000_000)
    whole = load.gigabytes_a_day(MEASURED, "all", 1.0)
    assert load.gigabytes_a_day(MEASURED, "all", 0.0) == pytest.approx(whole / 100)
    assert load.gigabytes_a_day(MEASURED, "all", 0.05) == pytest.approx(whole * (0.01 + 0.99 * 0.05))


def test_memory_of_gateways_is_what_was_measured_a_byte() -> None:
    """What waits takes as many bytes of memory for each of OTLP as a gateway took for what was sent to it."""
    assert math.isclose(MEASURED.memory_factor, 100 * 1024**2 / (100_000 * 200))
    assert Load(1_000).waiting_gigabytes(MEASURED, "all") == pytest.approx(0.6 * 15 * MEASURED.memory_factor / 1e3)


def test_tables_have_a_line_for_each_rate_and_detail() -> None:
    """Three tables where there was a Collector; the bytes alone where there was none."""
    with_collector = tables(MEASURED, [Load(1_000), Load(10_000_000)])
    assert with_collector.count("\n\n") == 2
    assert [line.split(" | ")[:2] for line in with_collector.splitlines() if line.startswith("| 10,000,000")] == [
        ["| 10,000,000", f"`{detail}`"] for detail in ("all", "packed", "findings")
    ]
    without = tables(Measured(MEASURED.bytes, [], 100_000), [Load(1_000)])
    assert "\n\n" not in without
