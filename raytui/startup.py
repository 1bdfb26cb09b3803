"""How a call begins: what its words ask for, and the shortest way there.

Here and in `__main__` alone start-up time is bought.

The budget, of an installed and compiled package, by interleaved whole processes (`tests/benchmarks/status.py`,
`console.py`) on a busy machine of two cores, where they differ by a fifth from one measurement to the next:

- `raytui status -o json` of a local cluster takes at most 2.5 times the time of one GET with http.client (measured: 2.4
  of its CPU) and 1/8 of that of `ray status` (not reached; last measured 1/5.3, before 9 ms more were saved).
- The console's first frame takes at most 0.9 times that of a bare Textual application (not reached; measured: 0.95 to
  1.06). An application of one Static takes 0.75 of it, and importing what the console adds to Textual is most of the
  rest.

Where the 113 ms of CPU of a status go (lower quartiles of 25 runs or more; one GET takes 46): Python itself 12;
asyncio, msgspec and http.client 53, of which a GET needs 30; raytui's 110 modules 20; the answers, which come in
threads, are decoded, judged and printed, 28. The first two alone are two thirds of what 1/8 of `ray status` would be.

Where the 249 ms of CPU of a first frame go (lower quartiles of 15 runs; the bare application takes 231): Python itself
11; Textual 70; rich 15; asyncio, ssl and the rest of what Textual imports too, 60; raytui's 160 modules 50, of which
`tui` 22 and `core` 15; from the made application to its frame 41, of which style sheets are 10.

What buys it, in milliseconds of CPU of a status (medians of 41 runs): garbage is not collected while modules are
imported, 9 to 16; after a status the process ends without being taken apart, 28 to 35; what explains waiting and
failures is imported where something waits or failed, 9. Plain words are read without click (`cli.flags`), and modules
that are not needed are not imported: `tests/architecture/test_lazy_imports.py` says where and for what.

What was tried and left (medians of 41 runs): patterns that are compiled when first used, below 1; frozen modules, 0;
msgspec without typing_extensions, 2, which would hide a module from a package of others; annotations of payloads that
are no text, 2 at most. The largest part that a status of a local cluster could do without is the ssl module, 5, which
asyncio and http.client import by themselves; `importlib.util.LazyLoader` does not put it off, for Python 3.11 to
3.13 load such a module at its second import statement.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from raytui.cli.flags import read
from raytui.cli.guard import guard
from raytui.cli.invocation import Console, Invocation

if TYPE_CHECKING:
    from raytui.config.settings import Settings

TURN_S = 0.0005
"""How long a thread of the console keeps the interpreter while another one waits for it."""


def main(arguments: Sequence[str], console: Console | None = None, leave: Callable[[int], int] = int) -> int:
    """Run raytui with these words and answer its exit code.

    `console` opens the console, `leave` may end the process after a status.
    """
    asked, invocation = read(arguments), Invocation(console)
    if not asked.plain or "_RAYTUI_COMPLETE" in os.environ:
        from raytui.cli.root import run

        if asked.json:
            invocation.form = "json"
        collect_again()
        return run(arguments, invocation)
    for field, value in asked.given.items():
        setattr(invocation, field, value)
    if asked.verb:
        from raytui.cli.plain_status import show_status

        return leave(guard(invocation, lambda: show_status(invocation, exit_code=asked.exit_code)))
    from raytui.cli.console import open_console

    return guard(invocation, lambda: open_console(invocation))


def open_screen(settings: Settings) -> int:
    """The console of these settings; answers its exit code."""
    # Textual reads it once, when it is imported. With its own 60 a key pressed just after a frame waits 17 ms for the
    # next; a frame costs what changed in it, and nothing where nothing did.
    os.environ.setdefault("TEXTUAL_FPS", "200")
    from raytui.tui.app import run

    collect_again()
    # From key to paint three threads take turns (terminal in, event loop, terminal out). While a thread reads a long
    # answer, Python lets each of them wait for its turn 5 ms; a shorter turn costs that thread next to nothing.
    sys.setswitchinterval(TURN_S)
    return run(settings)


def collect_again() -> None:
    """Let garbage be collected from now on, except what importing made: that lives as long as the process."""
    gc.freeze()
    gc.enable()


def leave(code: int) -> int:
    """End the process without taking it apart: all that was printed has been flushed, and nothing else is kept."""
    os._exit(code)
