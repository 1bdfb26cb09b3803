"""Which virtual environment the nodes of this machine run in when none is named."""

from __future__ import annotations

import sys
from pathlib import Path


def default_venv() -> Path:
    """The environment we run in when Ray is installed there, else ~/.venv."""
    own = Path(sys.prefix)
    return own if (own / "bin" / "ray").exists() else Path.home() / ".venv"
