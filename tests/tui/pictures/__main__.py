"""Draw the pictures of the README again: `python -m tests.tui.pictures [NAME...]`."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from tests.tui.pictures.scenes import SCENES


def main() -> None:
    """Write each picture, or those that are named, beside this file, and say how large it is."""
    os.environ["TZ"] = "UTC"
    os.environ.pop("NO_COLOR", None)
    time.tzset()
    for name in sys.argv[1:] or SCENES:
        path = Path(__file__).with_name(name)
        path.write_text(asyncio.run(SCENES[name]()))
        print(f"{path.stat().st_size / 1000:6.1f} kB  {name}")


if __name__ == "__main__":
    main()
