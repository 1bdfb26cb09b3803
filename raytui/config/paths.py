"""Where raytui keeps what, after the XDG base directory specification."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


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


def _base(environ: Mapping[str, str], variable: str, default: str) -> Path:
    # The specification: a relative path here is to be ignored.
    named = environ.get(variable, "")
    return Path(named) if named.startswith("/") else home(environ) / default
