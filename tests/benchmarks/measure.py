"""Timing shared by the benchmarks: interleaved runs, medians, and a row that names both sides."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

BIN = Path(sys.executable).parent


def wall(
    command: Sequence[str], *, env: Mapping[str, str] | None = None, timeout: float = 120.0, codes: Sequence[int] = (0,)
) -> float:
    """Seconds that one run of a command takes; any exit code but `codes` is an error."""
    began = time.perf_counter()
    done = subprocess.run(command, env=dict(env or os.environ), capture_output=True, timeout=timeout, check=False)
    took = time.perf_counter() - began
    if done.returncode not in codes:
        raise SystemExit(f"{' '.join(command)} exited {done.returncode}: {done.stderr.decode(errors='replace')[-500:]}")
    return took


def interleaved(runs: int, sides: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """The median of each side, the sides measured in turn so that a busy moment hits both."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(runs):
        for name, side in sides.items():
            found[name].append(side())
    return {name: statistics.median(values) for name, values in found.items()}


def row(what: str, ours: float, peer: float, peer_name: str, reach: str) -> None:
    """Print one comparison."""
    print(
        f"{what:<48} {ours * 1000:9.0f} ms   {peer_name} {peer * 1000:9.0f} ms   ratio {ours / peer:6.3f}   to reach {reach}",
        flush=True,
    )


class Table:
    """Comparisons, printed as they are known and all together at the end."""

    def __init__(self) -> None:
        self._rows: list[str] = []

    def add(self, what: str, ours: float, peer: float, peer_name: str, reach: float, *, unit: str = "s") -> None:
        """One comparison: at most `reach` times the peer's figure is wanted."""
        ratio = ours / peer if peer else float("inf")
        said = "reached" if ratio <= reach else "missed"
        self._rows.append(
            f"{what:<46} {ours:9.3f} {unit:<2}  {peer_name:<8} {peer:9.3f} {unit:<2}  {ratio:7.3f}  at most {reach:<6g} {said}"
        )
        print(self._rows[-1], flush=True)

    def show(self) -> None:
        """Print all of them."""
        print(f"\n{'what':<46} {'ours':<13} {'peer':<22} {'ratio':>7}", *self._rows, sep="\n", flush=True)
