"""How large this machine is for us: what we may use, not what is built in."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

NVIDIA_S = 10.0


def cpus() -> int:
    """CPUs that this process may run on."""
    return len(os.sched_getaffinity(0))


def memory() -> int:
    """Bytes of memory, the container's limit included."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):
            total = min(total, int(Path(path).read_text("ascii")))
    return total


def gpus() -> int | None:
    """GPUs that nvidia-smi lists; none when it is missing or does not answer."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    try:
        listed = subprocess.run([program, "-L"], capture_output=True, timeout=NVIDIA_S, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return sum(line.startswith(b"GPU ") for line in listed.splitlines())
