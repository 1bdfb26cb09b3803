"""What is wrong with the secrets that files and variables give: the API key and the person's own Ray token."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from raytui.core.errors import ConfigurationError, Problem
from raytui.core.secret import unsendable
from raytui.system.token import ray_token


def key_file_problem(path: Path) -> Problem | None:
    """Why the file is of no use as the file of an API key; none when it is."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            return Problem("api_key_file", f"{path} is no file", "put the API key alone into a file of mode 0600")
        if mode & 0o077:
            return Problem(
                "api_key_file", f"{path} can be read by others (mode {stat.S_IMODE(mode):04o})", f"chmod 600 {path}"
            )
        text = path.read_text(encoding="utf-8")
        if not text.strip():
            return Problem("api_key_file", f"{path} is empty", "put the API key alone into it")
        why = unsendable(text)
        if why:
            return Problem("api_key_file", f"the API key in {path} cannot be sent", why)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror or str(error) if isinstance(error, OSError) else "it is no text in UTF-8"
        hint = "put the API key alone into a file of mode 0600, or set CML_API_KEY"
        return Problem("api_key_file", f"{path} cannot be read: {why}", hint)
    return None


def read_key(path: Path) -> str:
    """The key as the file has it now: one that was sound at first may have been replaced since.

    Raises `ConfigurationError`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError.from_problems(
            [Problem("api_key_file", f"{path} can no longer be read: {error}")]
        ) from error
    why = unsendable(text)
    if why:
        raise ConfigurationError.from_problems(
            [Problem("api_key_file", f"the API key in {path} can no longer be sent", why)]
        )
    return text


def ray_token_problems(environ: Mapping[str, str], cwd: Path) -> Iterator[Problem]:
    """What is wrong with a Ray token that the person's own variables give.

    One that cannot be read is an error where it is needed.
    """
    token = ray_token(environ, cwd)
    if token.trouble and not token.is_missing:
        yield Problem("auth", f"the Ray token in {token.source} cannot be sent", token.trouble)
