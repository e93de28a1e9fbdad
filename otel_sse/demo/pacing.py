"""How fast the demo's model speaks: reproducible gaps with the distribution of a real one."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from otel_sse.errors import ConfigurationError, must

CHUNK_DELAY_VARIABLES: Final = ("OTEL_SSE_CHUNK_DELAY_MS", "CHUNK_DELAY_MS")
"""Environment variables that replace the gaps by one fixed time, in milliseconds; the first that is set wins."""

MAX_CHUNK_DELAY_MS: Final = 60_000

_FIRST_TOKEN_S: Final = 0.25
_USUAL_S: Final = (0.006, 0.014)
_SLOW_S: Final = (0.020, 0.040)
_SLOW_SHARE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Pace:
    """The times of a model's answers.

    Args:
        seed: The same seed gives the same times.
        chunk_delay_s: One fixed gap between all tokens, the first one's wait too, in seconds; None for a model's own.
    """

    seed: int = 1
    chunk_delay_s: float | None = None

    @classmethod
    def read(cls, environ: Mapping[str, str], seed: int = 1) -> Pace:
        """Return the pace that the environment asks for.

        Args:
            environ: Variables to look at.
            seed: The same seed gives the same times.

        Raises:
            ConfigurationError: The variable is not a number of milliseconds from 0 to 60,000.
        """
        variable = next((name for name in CHUNK_DELAY_VARIABLES if environ.get(name, "").strip()), None)
        return cls(seed, None if variable is None else _milliseconds(variable, environ[variable]) / 1000)

    def gaps(self, answer: int) -> Gaps:
        """Return the waits of one answer.

        Args:
            answer: Number of the answer, so that answers differ from one another.
        """
        return Gaps(self, random.Random(self.seed * 1_000_003 + answer))


class Gaps:
    """The waits of one answer, in seconds: before the first token, then between two tokens."""

    def __init__(self, pace: Pace, chance: random.Random) -> None:
        self._fixed_s = pace.chunk_delay_s
        self._chance = chance

    def first_s(self) -> float:
        """Return the wait before the first token: 250 ms, unless a fixed gap was asked for."""
        return _FIRST_TOKEN_S if self._fixed_s is None else self._fixed_s

    def next_s(self) -> float:
        """Return the wait before the next token: most often about 10 ms, one in ten 20 to 40 ms."""
        if self._fixed_s is not None:
            return self._fixed_s
        least_s, most_s = _SLOW_S if self._chance.random() < _SLOW_SHARE else _USUAL_S
        return self._chance.uniform(least_s, most_s)


def _milliseconds(variable: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    # A comparison with NaN is false, so NaN is refused too.
    if not 0 <= value <= MAX_CHUNK_DELAY_MS:
        rule = f"be a number of milliseconds from 0 to {MAX_CHUNK_DELAY_MS}"
        raise ConfigurationError(must(variable, rule, text, "Correct it or leave it unset."))
    return value
