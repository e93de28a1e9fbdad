"""What was seen of a fault, as one sentence for a person. The facts themselves are the fault's evidence."""

from __future__ import annotations

import re
from typing import Final

_DIGESTS: Final = re.compile(r", (?:by digest|digests? \w+(?: to \w+| and \d+ more)?)")
_OTHER_DIGEST: Final = re.compile(r": digest \w+, then \w+")
_NUMBERS: Final = re.compile(r"(\d[\d, -]*?)(?: and \d+ more places)? (?:is|was|are|were|came|has|did|of) ")
_IS: Final = re.compile(r" is (?=the beginning|a run)")
_ELSEWHERE: Final = re.compile(r"; (seen at [^;]* too)")


def sentence_of(evidence: str) -> str:
    """Return evidence as one sentence: its first statement, without digests, and where it was seen too.

    Args:
        evidence: Statements with `; ` between them.
    """
    first = evidence.partition("; ")[0]
    told = _DIGESTS.sub("", _OTHER_DIGEST.sub(", with other content", first)).strip()
    if not told:
        return ""
    if numbers := _NUMBERS.match(told):
        several = "," in numbers[1] or "-" in numbers[1]
        told = f"Chunks {_IS.sub(' are ', told, count=1)}" if several else f"Chunk {told}"
    elsewhere = _ELSEWHERE.search(evidence)
    return f"{told[0].upper()}{told[1:]}{f', {elsewhere[1]}' if elsewhere else ''}."
