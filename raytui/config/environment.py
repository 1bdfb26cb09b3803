"""What the platform's own variables say about where the workbench is, outside and inside of one of its workloads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from raytui.config import paths

_HOST = re.compile(
    r"(?:(?P<scheme>https?)://)?(?P<name>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?P<port>:\d{1,5})?", re.IGNORECASE
)


def normal_host(text: str) -> str:
    """`scheme://name[:port]` of an address given with or without scheme, path or final slash.

    Raises ValueError when it is none.
    """
    found = _HOST.match(text.strip())
    rest = text.strip()[found.end() :] if found else ""
    if found is None or (rest and rest[0] not in "/?#"):
        raise ValueError(f"{text!r} is no address of a workbench")
    return f"{(found['scheme'] or 'https').lower()}://{found['name'].lower()}{found['port'] or ''}"


def host_of(environ: Mapping[str, str]) -> tuple[str, str]:
    """Host and the variable that gave it, or two empty texts; an empty variable counts as unset.

    `CDSW_DOMAIN` has no scheme, so inside a workload the address of the project says whether the workbench speaks
    https.
    """
    for name in ("CML_HOST", "CDSW_PROJECT_URL", "CDSW_DOMAIN"):
        if environ.get(name, "").strip():
            return environ[name], name
    return "", ""


def workbench_variable(environ: Mapping[str, str]) -> str:
    """The variable that names a workbench, raytui's own or the platform's; empty when none does."""
    return "RAYTUI_HOST" if environ.get("RAYTUI_HOST", "").strip() else host_of(environ)[1]


def key_of(environ: Mapping[str, str]) -> tuple[str, str]:
    """The API key and the variable that gave it, or two empty texts."""
    return next(
        ((environ[name], name) for name in ("CML_API_KEY", "CDSW_APIV2_KEY") if environ.get(name, "").strip()), ("", "")
    )


def project_dir(environ: Mapping[str, str], project_id: str, cwd: Path) -> Path | None:
    """The project's folder when we run inside a workload of that very project, whose home directory it is."""
    if not project_id or environ.get("CDSW_PROJECT_ID") != project_id:
        return None
    return paths.home(environ) if environ.get("HOME") else cwd
