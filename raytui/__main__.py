"""The program: `raytui` and `python -m raytui`."""

from __future__ import annotations

import gc
import sys


def main() -> int:
    """Run raytui with the process's arguments and answer its exit code."""
    gc.disable()  # until all is imported
    from raytui import startup

    return startup.main(sys.argv[1:], startup.open_screen, startup.leave)


if __name__ == "__main__":
    sys.exit(main())
