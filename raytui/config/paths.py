"""Where raytui keeps what, after the XDG base directory specification; what it writes is for the user alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

PRIVATE_DIR = 0o700
PRIVATE_FILE = 0o600


def home(environ: Mapping[str, str]) -> Path:
    """The user's home directory: `HOME`, else what the system says."""
    return Path(environ["HOME"]) if environ.get("HOME") else Path("~").expanduser()


def expand(text: str, environ: Mapping[str, str], base: Path) -> Path:
    """A path as a person writes it: `~` is the home directory, a relative one starts at `base`."""
    if text == "~" or text.startswith("~/"):
        return home(environ) / text[2:]
    return base / text


def user_config(environ: Mapping[str, str]) -> Path:
    """The user's own configuration file, whether it exists or not."""
    return _base(environ, "XDG_CONFIG_HOME", ".config") / "raytui" / "config.toml"


def state_dir(environ: Mapping[str, str], cwd: Path) -> tuple[Path, str]:
    """The directory of local applications and the journal, and the variable that names it (or `default`)."""
    if environ.get("RAYTUI_STATE_DIR"):
        return expand(environ["RAYTUI_STATE_DIR"], environ, cwd), "RAYTUI_STATE_DIR"
    named = environ.get("XDG_STATE_HOME", "").startswith("/")
    return _base(environ, "XDG_STATE_HOME", ".local/state") / "raytui", "XDG_STATE_HOME" if named else "default"


def make_private(directory: Path) -> None:
    """Make a directory of mode 0700; one that exists keeps its mode. Raises OSError."""
    directory.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)


def write_private(path: Path, data: bytes) -> None:
    """Write a new file of mode 0600; raises FileExistsError when it exists, OSError when it cannot be written."""
    make_private(path.parent)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _base(environ: Mapping[str, str], variable: str, default: str) -> Path:
    # The specification: a relative path here is to be ignored.
    named = environ.get(variable, "")
    return Path(named) if named.startswith("/") else home(environ) / default
