"""Projects for a deployment: found by exact name, or made from a git repository and watched until it is cloned."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from raytui.core.errors import ConfigurationError, DeadlineExceeded, OperationFailed, Problem, Unreachable
from raytui.core.observed.catalog import Project
from raytui.platforms.cai.api.client import ApiClient
from raytui.platforms.cai.api.exactly_once import Create, Listing
from raytui.platforms.cai.site.projects import find, parse, read
from raytui.system.backoff import Backoff

CLONE_S = 600.0
"""Default deadline of a clone in seconds."""
_READY = frozenset({"success", ""})
_FAILED = frozenset({"failure", "failed"})


async def ensure(
    client: ApiClient,
    name: str,
    git_url: str,
    *,
    branch: str = "",
    shared_memory_mb: int = 0,
    timeout: float = CLONE_S,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Project, bool]:
    """The project of this name with its files in place, and whether it was made now.

    Raises ConfigurationError for a git URL that holds a password or token, OperationFailed when the clone failed,
    DeadlineExceeded when it did not end in `timeout` seconds.
    """
    found = await find(client, name)
    made = found is None
    if found is None:
        progress(f"creating project {name}")
        body = _body(name, git_url, branch, shared_memory_mb)

        async def listed() -> Listing[Project]:
            return Listing(await find(client, name))

        what = f"the project {name} was created"
        found = await Create(client, "CreateProject", {"name": name}, body, what=what, parse=_made, find=listed).run()
    return await ready(client, found, timeout=timeout, progress=progress), made


async def ready(
    client: ApiClient, project: Project, *, timeout: float = CLONE_S, progress: Callable[[str], None] = lambda _: None
) -> Project:
    """Wait until the project's files are there."""
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout
    backoff = Backoff(client.timing.poll, client.timing.slowest_poll)
    said = ""
    while project.creation_status.lower() not in _READY:
        if project.creation_status.lower() in _FAILED:
            raise OperationFailed(
                f"the project {project.name} could not be made: the clone failed",
                hint="check the repository and branch, delete the project in the workbench and run it again",
            )
        if loop.time() >= end:
            raise DeadlineExceeded(
                f"waited {timeout:g} s for the clone of project {project.name} ({project.id}); it is still "
                f"{project.creation_status}",
                hint="look at the project in the workbench and run it again: it goes on from there",
            )
        if project.creation_status != said:
            said = project.creation_status
            progress(f"project {project.name} is {said}")
        await asyncio.sleep(backoff.next())
        try:
            project = await read(client, project.id)
        except Unreachable:
            if loop.time() >= end:
                raise
    return project


def _body(name: str, git_url: str, branch: str, shared_memory_mb: int) -> dict[str, object]:
    parts = urlsplit(git_url)
    if parts.scheme in {"http", "https"} and (parts.username or parts.password):
        problem = Problem(
            "github_repo",
            "the git URL holds a user name or token",
            "give it without: the workbench keeps git URLs in clear text",
        )
        raise ConfigurationError.from_problems([problem])
    body: dict[str, object] = {
        "name": name,
        "description": "Ray clusters, managed by raytui",
        "visibility": "private",
        "template": "git" if git_url else "blank",
        "default_project_engine_type": "ml_runtime",
    }
    optional: dict[str, object] = {"git_url": git_url, "git_ref": branch, "shared_memory_limit": shared_memory_mb}
    return body | {key: value for key, value in optional.items() if value}


def _made(payload: Mapping[str, object]) -> Project | None:
    project = parse(payload)
    return project if project.id else None
