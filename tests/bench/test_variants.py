"""Each variant serves the application's bytes unchanged, and records what its name says."""

from __future__ import annotations

import asyncio

import pytest

from bench import apps, variants
from bench.chunks import large
from bench.variants import Variant


async def _bodies(variant: Variant) -> list[bytes]:
    bodies: list[bytes] = []

    async def send(message: apps.Message) -> None:
        if message["type"] == "http.response.body":
            bodies.append(message["body"])

    await variant.app(apps.scope(), apps.receive, send)
    return bodies


@pytest.mark.parametrize("name", variants.NAMES)
def test_bytes_pass_unchanged(name: str) -> None:
    """What is compared does the same work: all variants send the same bodies."""
    chunks = large(20)
    variant = variants.make(name, apps.stream(chunks))
    try:
        assert asyncio.run(_bodies(variant)) == [*chunks, b""]
    finally:
        variant.close()


@pytest.mark.parametrize("name", [name for name in variants.NAMES if name not in (variants.PLAIN, variants.UNSAMPLED)])
def test_finish_brings_everything_through_the_exporter(name: str) -> None:
    """After `finish` the bytes are encoded and counted; a second `finish` finds nothing more."""
    variant = variants.make(name, apps.stream(large(20)))
    try:
        asyncio.run(_bodies(variant))
        variant.finish()
        encoded_bytes = variant.exporter.bytes
        assert encoded_bytes > 0
        variant.finish()
        assert variant.exporter.bytes == encoded_bytes
    finally:
        variant.close()


def test_naive_wrapper_keeps_every_event() -> None:
    """With the default limit of 128 it would lose most, and look cheap: twice the chunks are about twice the bytes."""

    def encoded_bytes(count: int) -> int:
        variant = variants.make(variants.NAIVE, apps.stream(large(count)))
        asyncio.run(_bodies(variant))
        variant.finish()
        variant.close()
        return variant.exporter.bytes

    assert encoded_bytes(1_000) > 1.9 * encoded_bytes(500)
