"""From measured bytes and CPU to what a rate of chunks needs. Plain arithmetic; docs/sizing.md explains it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.sizing_tiers import Tier

STAGES: Final = 3
STREAM_CHUNKS: Final = 500
CHUNKS_PER_S_OF_STREAM: Final = 50
SECONDS_A_DAY: Final = 86_400
CORE_LOAD: Final = 0.6
"""The part of a core that is planned with: what the autoscaler of deploy/kubernetes aims at."""

FAULTY: Final = 0.01
"""The part of all streams that is taken to have a finding, to be slow or broken off."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run found.

    Args:
        bytes: Detail → bytes of a chunk at one stage, as OTLP and as gzip makes it.
        tiers: The Collector's tiers; empty where there was no Collector.
        events: How many chunk events went through each tier.
    """

    bytes: dict[str, tuple[float, float]]
    tiers: list[Tier]
    events: int

    def tier(self, name: str) -> Tier:
        """Return a tier by its name."""
        (found,) = [each for each in self.tiers if each.name == name]
        return found

    @property
    def memory_factor(self) -> float:
        """Bytes of memory of a gateway for each byte of OTLP that waits in it: all that was sent waited."""
        gateway = self.tier("gateway, nothing kept")
        return (gateway.highest_mib - gateway.idle_mib) * 1024**2 / (self.events * self.bytes["all"][0])


@dataclass(frozen=True, slots=True)
class Load:
    """What an installation has to bear.

    Args:
        rate: Chunks a second that leave applications, over all streams.
    """

    rate: int

    @property
    def events(self) -> int:
        """Crossings a second: each chunk crosses three stages."""
        return self.rate * STAGES

    @property
    def open_streams(self) -> int:
        """Streams that are open at the same time, at a model's 50 chunks a second each."""
        return self.rate // CHUNKS_PER_S_OF_STREAM

    def megabytes_a_second(self, measured: Measured, detail: str) -> float:
        """OTLP that applications send, in MB/s."""
        return self.events * measured.bytes[detail][0] / 1e6

    def gigabytes_a_day(self, measured: Measured, detail: str, share: float) -> float:
        """What a day of kept traces takes in storage, in GB.

        Args:
            measured: What a run found.
            detail: The level of detail.
            share: The part of clean streams that is kept, 0 to 1.
        """
        kept = FAULTY + (1 - FAULTY) * share
        return self.events * measured.bytes[detail][1] * kept * SECONDS_A_DAY / 1e9

    def cores(self, measured: Measured, tier: str, detail: str) -> float:
        """Cores that a tier needs, at 60 % load. CPU goes with the bytes, so a lower detail takes its part of it.

        Args:
            measured: What a run found.
            tier: The tier's name.
            detail: The level of detail.
        """
        part = measured.bytes[detail][0] / measured.bytes["all"][0]
        return self.events * measured.tier(tier).event_us * part / 1e6 / CORE_LOAD

    def waiting_gigabytes(self, measured: Measured, detail: str) -> float:
        """Memory of all gateways together for what waits undecided, in GB: open streams, and ten seconds more."""
        seconds = STREAM_CHUNKS / CHUNKS_PER_S_OF_STREAM / 2 + 10
        return self.megabytes_a_second(measured, detail) * seconds * measured.memory_factor / 1e3


def tables(measured: Measured, loads: Sequence[Load]) -> str:
    """Return the tables of the page, as Markdown."""
    found = [_bytes(measured)]
    if measured.tiers:
        found += [_tiers(measured), _loads(measured, loads)]
    return "\n\n".join(found)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _bytes(measured: Measured) -> str:
    rows = [[f"`{detail}`", f"{plain:.1f}", f"{zipped:.1f}"] for detail, (plain, zipped) in measured.bytes.items()]
    return _table(["detail", "bytes a chunk and stage, OTLP", "the same, compressed"], rows)


def _tiers(measured: Measured) -> str:
    rows = [
        [
            tier.name,
            f"{tier.event_us:.2f}",
            _round(CORE_LOAD * 1e6 / tier.event_us / STAGES),
            f"{tier.idle_mib:.0f}",
            f"{tier.highest_mib:.0f}",
        ]
        for tier in measured.tiers
    ]
    return _table(
        ["tier", "µs of CPU a chunk event", "chunks a second, a core at 60 %", "MiB idle", "MiB at most"], rows
    )


def _loads(measured: Measured, loads: Sequence[Load]) -> str:
    rows = []
    for load in loads:
        for detail in ("all", "packed", "findings"):
            rows.append(
                [
                    f"{load.rate:,}",
                    f"`{detail}`",
                    f"{load.events:,}",
                    _round(load.megabytes_a_second(measured, detail)),
                    _round(load.cores(measured, "agent", detail)),
                    _round(load.cores(measured, "balance", detail)),
                    _round(load.cores(measured, "gateway, nothing kept", detail)),
                    _round(load.waiting_gigabytes(measured, detail)),
                    *(_round(load.gigabytes_a_day(measured, detail, share)) for share in (1.0, 0.05, 0.0)),
                ]
            )
    head = ["chunks/s", "detail", "crossings/s", "MB/s", "agent cores", "balance cores", "gateway cores", "gateway GB"]
    return _table([*head, "GB/day, all kept", "share 5 %", "share 0"], rows)


def _round(value: float) -> str:
    """Two digits that count; nobody plans with more."""
    if value >= 100:
        return f"{float(f'{value:.2g}'):,.0f}"
    return f"{value:.2g}" if value >= 0.01 else "< 0.01"
