"""Programs in a real pseudo-terminal, for what only a terminal shows: the first frame, keys, and what watching costs."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence


def spawn(command: Sequence[str], env: Mapping[str, str], size: tuple[int, int] = (80, 24)) -> tuple[int, int]:
    """The process and its terminal."""
    pid, master = pty.fork()
    if pid == 0:
        os.execvpe(command[0], list(command), env)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    return pid, master


def end(pid: int, master: int) -> None:
    """Kill the process and close its terminal."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(master)


def drain(masters: Sequence[int], seconds: float) -> int:
    """Read for so long what is written, and count it."""
    written, until = 0, time.perf_counter() + seconds
    while (left := until - time.perf_counter()) > 0:
        for master in select.select(masters, [], [], left)[0]:
            written += len(os.read(master, 65536))
    return written


def seconds_until(master: int, marker: bytes, limit: float, what: str) -> float:
    """Seconds until `marker` is written; an empty one stands for any byte. Ends the program after `limit`."""
    began, seen = time.perf_counter(), b""
    while time.perf_counter() < began + limit:
        if select.select([master], [], [], 0.5)[0]:
            try:
                seen += os.read(master, 65536)
            except OSError:  # it has ended
                break
            if marker in seen:
                return time.perf_counter() - began
    raise SystemExit(f"{what} did not show {marker!r} within {limit:g} s: {seen[-300:]!r}")
