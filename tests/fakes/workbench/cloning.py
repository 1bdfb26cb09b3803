"""Fills new projects: from git, where a local repository stands in for every address that this machine does not hold."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from .model import Project
    from .state import Workbench

CLONE_SECONDS = 300.0


async def fill(bench: Workbench, project: Project, git_url: str, git_ref: str) -> None:
    """Take a project from `creating` to `success` or `failure`, no sooner than the fault clone_seconds."""
    await asyncio.sleep(bench.faults.clone_seconds)
    cloned = not git_url or (
        not bench.faults.clone_fails and await _clone(_source(bench, git_url), git_ref, project.folder)
    )
    if cloned:
        bench.link_venv(project)
    project.creation_status = "success" if cloned else "failure"


def _source(bench: Workbench, git_url: str) -> str:
    parts = urlsplit(git_url)
    if parts.scheme == "file":
        return parts.path
    if git_url.startswith("/"):
        return git_url
    return bench.faults.git_source or str(Path.cwd())


async def _clone(source: str, git_ref: str, folder: Path) -> bool:
    words = ["git", "-c", "protocol.file.allow=always", "-c", "safe.directory=*", "clone", "--quiet", "--no-hardlinks"]
    words += ["--branch", git_ref] if git_ref else []
    process = await asyncio.create_subprocess_exec(*words, "--", source, str(folder), stdin=asyncio.subprocess.DEVNULL)
    try:
        return await asyncio.wait_for(process.wait(), CLONE_SECONDS) == 0
    except TimeoutError:
        process.kill()
        await process.wait()
        return False
    except asyncio.CancelledError:
        process.kill()
        raise
