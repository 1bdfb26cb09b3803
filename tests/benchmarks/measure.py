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
