"""Runs one Ray node to its end: `python raytui_node head` or `python raytui_node worker`.

The launchers beside this folder run it so.
"""

import os
import sys


def _run() -> int:
    # This folder's own modules, whatever else is named raytui_node on the path; and what lies beside the folder, which
    # may be anything in a folder of the user's own, must not stand in for the standard library.
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    import raytui_node  # noqa: F401

    del sys.path[0]
    from raytui_node.node import main

    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(_run())
