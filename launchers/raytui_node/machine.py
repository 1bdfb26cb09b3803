"""What the machine or pod that a launcher runs on has, where nothing was said: CPUs, memory, GPUs, shared memory."""

import os
import shutil
import subprocess

_SHM = "/dev/shm"  # noqa: S108


def shm_bytes() -> int:
    """Size of the shared memory; 0 where there is none."""
    try:
        stat = os.statvfs(_SHM)
    except OSError:
        return 0
    return stat.f_frsize * stat.f_blocks


def machine_cpus() -> int:
    """CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine_memory() -> int:
    """Memory of the machine, or what its control group leaves of it."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            with open(path) as file:
                text = file.read().strip()
        except OSError:
            continue
        if text.isdigit():
            total = min(total, int(text))
    return total


def machine_gpus() -> int:
    """GPUs, counted with nvidia-smi, because CAI has no variable for it.

    0 when that program is missing or does not answer.
    """
    program = shutil.which("nvidia-smi")
    if program is None:
        return 0
    try:
        listing = subprocess.run(
            [program, "-L"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=5, check=False
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    return sum(1 for line in listing.splitlines() if line.startswith(b"GPU "))
