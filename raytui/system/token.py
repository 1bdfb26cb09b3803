"""Ray's token as a person gives it, by one rule: RAY_AUTH_TOKEN, else the file that RAY_AUTH_TOKEN_PATH names.

That is Ray's own order. The last place where Ray itself looks, `~/.ray/auth_token`, counts only for a cluster that
somebody else made.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from raytui.core.secret import unsendable
from raytui.system.files import open_regular

MAX_BYTES = 65536
"""A longer file is no token."""


class RayToken(msgspec.Struct, frozen=True):
    """What was given; all empty when nothing was."""

    text: str = ""
    """The token, a secret; empty when it is of no use."""
    source: str = ""
    """The variable, and the file that it names."""
    path: str = ""
    """The file; empty for a token in the variable itself."""
    trouble: str = ""
    """Why what was given is of no use, as a part of a sentence that holds nothing of it."""
    is_missing: bool = False
    """Whether the file that is named gives nothing at all."""

    def __repr__(self) -> str:
        return f"RayToken(source={self.source!r}, trouble={self.trouble!r})"


def ray_token(environ: Mapping[str, str], base: Path, *, of_the_user: bool = False) -> RayToken:
    """The token that the environment gives; a relative path starts at `base`.

    `of_the_user` looks at `~/.ray/auth_token` last.
    """
    given, named = environ.get("RAY_AUTH_TOKEN", ""), environ.get("RAY_AUTH_TOKEN_PATH", "").strip()
    if given.strip():
        return _of(given, "RAY_AUTH_TOKEN", "")
    home = Path(environ["HOME"]) if environ.get("HOME") else Path("~").expanduser()
    if named:
        path = home / named[2:] if named == "~" or named.startswith("~/") else base / named
        return _read(path, f"{path} (RAY_AUTH_TOKEN_PATH)")
    path = home / ".ray" / "auth_token"
    return _read(path, str(path)) if of_the_user and path.is_file() else RayToken()


def _read(path: Path, source: str) -> RayToken:
    try:
        with open_regular(path) as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        return RayToken("", source, str(path), f"it cannot be read: {error.strerror or error}", is_missing=True)
    if len(data) > MAX_BYTES:
        return RayToken("", source, str(path), f"it is longer than {MAX_BYTES} bytes", is_missing=True)
    try:
        return _of(data.decode(), source, str(path))
    except UnicodeDecodeError:
        return RayToken("", source, str(path), "it is no text in UTF-8: save it as UTF-8 without BOM")


def _of(text: str, source: str, path: str) -> RayToken:
    if not text.strip():
        return RayToken("", source, path, "it is empty", is_missing=True)
    trouble = unsendable(text)
    return RayToken("" if trouble else text.strip(), source, path, trouble)
