"""The program: `raytui` and `python -m raytui`."""

from __future__ import annotations

import sys

from raytui import startup


def main() -> int:
    """Run raytui with the process's arguments and answer its exit code."""
    return startup.main(sys.argv[1:], startup.open_screen)


if __name__ == "__main__":
    sys.exit(main())
