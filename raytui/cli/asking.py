"""The question whether to go on: asked on stderr, answered by a line, ended by Ctrl-C."""

from __future__ import annotations

import os
import select
import signal
import sys

from raytui.cli.diagnostics import Diagnostics
from raytui.core.units import sanitize


def is_agreed(diagnostics: Diagnostics, typed: str = "") -> bool:
    """Ask on stderr whether to go on; an empty line is a no.

    `typed` is what must be typed for a yes, where a letter would be too little.

    Ctrl-C and the end of the input raise KeyboardInterrupt.
    """
    # asyncio's own handler would only note a Ctrl-C and go on waiting for the line. Nothing else runs meanwhile. One
    # that comes after the question and before the read would be noticed with the next line only: its byte in the pipe
    # ends the wait.
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    earlier = signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    try:
        while True:
            diagnostics.write(f"Type {sanitize(typed)} to go on: " if typed else "Go on? [y/N]: ")
            select.select([sys.stdin, woken], [], [])
            line = sys.stdin.readline()
            if not line:
                raise KeyboardInterrupt
            if typed:
                return line.strip() == typed
            answer = line.strip().lower()
            if answer in {"", "n", "no", "y", "yes"}:
                return answer in {"y", "yes"}
    finally:
        signal.set_wakeup_fd(earlier)
        signal.signal(signal.SIGINT, before)
        os.close(woken)
        os.close(wakes)
