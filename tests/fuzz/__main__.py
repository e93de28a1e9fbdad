"""`make fuzz`: random requests through the bare and the instrumented application, until the time is up."""

from __future__ import annotations

import argparse
import secrets
import sys

from tests.fuzz.comparing import one, run


def main() -> int:
    """Run it; return 1 where something differs."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long (60)")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="which cases; a random one where it is left out")
    parser.add_argument("--case", help="only the case of this name")
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    if asked.case is not None:
        difference = one(asked.seed, asked.case)
        count, found = 1, [] if difference is None else [difference]
    else:
        count, found = run(asked.seed, asked.seconds)
    for each in found:
        print(each)
    print(f"{count} cases, {len(found)} differences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
