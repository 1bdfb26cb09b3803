"""The program: `raytui` and `python -m raytui`."""

from __future__ import annotations

import gc
import sys


def main() -> int:
    """Run raytui with the process's arguments and answer its exit code."""
    gc.disable()  # until all is imported
    try:
        from raytui import startup
    except KeyboardInterrupt:
        if sys.stderr is not None:
            sys.stderr.write("error: interrupted; nothing was being changed\n")
        return 130

    return startup.main(sys.argv[1:], startup.open_screen, startup.leave)


if __name__ == "__main__":
    sys.exit(main())
