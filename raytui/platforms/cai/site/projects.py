"""Projects of a workbench as it lists them: all that a key sees, one by name or id, and what one allows its pods."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from raytui.core.errors import OperationFailed
from raytui.core.observed.catalog import Project, chosen
from raytui.core.units import parse_time
from raytui.platforms.cai.api.client import ApiClient
from raytui.platforms.cai.applications.records import number

DEFAULT_SHM_MB = 64
"""Shared memory of a pod unless the project says otherwise."""


async def find(client: ApiClient, name: str) -> Project | None:
    """The project of exactly this name, none when there is none; raises OperationFailed when there are several."""
    filtered = await client.pages(
        "ListProjects", "projects", query={"search_filter": msgspec.json.encode({"name": name}).decode()}
    )
    # A filter that misses would make a second project, so its "none" is checked against the whole list.
    entries = _named(filtered, name) or _named(await client.pages("ListProjects", "projects"), name)
    if len(entries) > 1:
        ids = ", ".join(str(entry.get("id")) for entry in entries)
        raise OperationFailed(
            f"{len(entries)} projects are named {name}: {ids}", hint="name the one by its id with CML_PROJECT_ID"
        )
    return parse(entries[0]) if entries else None


async def visible(client: ApiClient) -> list[Project]:
    """Every project that the key may see, by name."""
    return sorted(
        (parse(entry) for entry in await client.pages("ListProjects", "projects")), key=lambda project: project.name
    )


async def named(client: ApiClient, wanted: str, origin: str = "") -> Project:
    """The project that a name or an id means; raises what `chosen` raises."""
    query = {"search_filter": msgspec.json.encode({"name": wanted}).decode()}
    filtered = _named(await client.pages("ListProjects", "projects", query=query), wanted)
    if len(filtered) == 1:
        return parse(filtered[0])
    return chosen(await visible(client), wanted, origin)


async def read(client: ApiClient, project_id: str) -> Project:
    """One project by its id; raises NotFound."""
    return parse(await client.call("GetProject", {"project_id": project_id}))


async def set_shared_memory(client: ApiClient, project_id: str, megabytes: int) -> None:
    """Change the size of /dev/shm for what is started from now on."""
    await client.call("UpdateProject", {"project_id": project_id}, body={"shared_memory_limit": megabytes})


async def raise_shared_memory(client: ApiClient, gigabytes: float) -> tuple[int, int]:
    """Let the project allow its pods so much /dev/shm at least; the megabytes before and after. Never lowers it."""
    project_id = client.workbench.project_id
    before = (await read(client, project_id)).shared_memory_limit or DEFAULT_SHM_MB
    wanted = megabytes_of(gigabytes)
    if before >= wanted:
        return before, before
    await set_shared_memory(client, project_id, wanted)
    return before, wanted


def megabytes_of(gigabytes: float) -> int:
    """What a project's limit says for so many GB."""
    return math.ceil(gigabytes * 1024)


def _named(entries: list[dict[str, object]], name: str) -> list[dict[str, object]]:
    return [entry for entry in entries if entry.get("name") == name]


def parse(entry: Mapping[str, object]) -> Project:
    """One entry of the list."""
    return Project(
        str(entry.get("id") or ""),
        str(entry.get("name") or ""),
        str(entry.get("creation_status") or ""),
        int(number(entry.get("shared_memory_limit"))),
        _owner(entry),
        str(entry.get("visibility") or ""),
        parse_time(str(entry.get("created_at") or "")),
        _may_write(entry),
    )


def _owner(entry: Mapping[str, object]) -> str:
    owner = entry.get("owner")
    return str(owner.get("username") or owner.get("name") or "") if isinstance(owner, dict) else ""


def _may_write(entry: Mapping[str, object]) -> bool | None:
    """What the key may do; a workbench that sends no permissions tells nothing."""
    granted = entry.get("permissions")
    if not isinstance(granted, dict) or not granted:
        return None
    return bool(granted.get("write") or granted.get("admin"))
