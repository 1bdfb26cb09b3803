"""`python -m tests.world --runs 10000 --first-seed 1`: many lives; `--seed N -v`: the story of one."""

from __future__ import annotations

import argparse
import collections
import re
import sys
import time

from tests.world.lives import live


def _shape(text: str) -> str:
    """A finding without its names and numbers."""
    return re.sub(r"\d+(\.\d+)?", "N", re.sub(r"(rayc-)?(head|(?:worker|cpu)-\d)", "APP", text))[:90]


def main() -> int:
    """Run lives and print what must not be, by invariant and seed."""
    parser = argparse.ArgumentParser(prog="python -m tests.world", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--kinds", type=int, default=12, help="how many kinds of findings are shown of each invariant")
    parser.add_argument("-v", "--verbose", action="store_true")
    reported = parser.parse_args()
    seeds = (
        [reported.seed]
        if reported.seed is not None
        else range(reported.first_seed, reported.first_seed + reported.runs)
    )
    began = time.monotonic()
    found: dict[str, list[tuple[int, str]]] = collections.defaultdict(list)
    spent, guilty = 0.0, 0
    for seed in seeds:
        result = live(seed)
        spent += result.seconds
        guilty += bool(result.findings)
        for finding in result.findings:
            found[finding.invariant].append((seed, finding.text))
        if reported.verbose or (reported.seed is not None and result.findings):
            print("\n".join(result.story))
    count = len(seeds)
    took = time.monotonic() - began
    print(f"{count} lives in {took:.1f} s ({1000 * spent / count:.1f} ms CPU each); lives with findings: {guilty}")
    for invariant, rows in sorted(found.items()):
        print(f"{invariant}: {len(rows)} findings in {len({seed for seed, _ in rows})} lives")
        alike: dict[str, list[tuple[int, str]]] = collections.defaultdict(list)
        for seed, text in rows:
            alike[_shape(text)].append((seed, text))
        for same in sorted(alike.values(), key=len, reverse=True)[: reported.kinds]:
            print(f"  {len(same)} like seed {same[0][0]}: {same[0][1][:500]}")
            if len(same) > 1:
                print(f"      also {', '.join(str(seed) for seed, _ in same[1:8])}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
