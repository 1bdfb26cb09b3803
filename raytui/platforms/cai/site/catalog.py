"""What a workbench offers whatever the project: read with a key alone."""

from __future__ import annotations

import time
from typing import Literal

from raytui.core.observed.catalog import Catalog, Runtime
from raytui.core.observed.snapshot import Reading
from raytui.platforms.cai.api.client import ApiClient
from raytui.platforms.cai.site import runtimes as images
from raytui.platforms.cai.site.projects import visible


async def offered(client: ApiClient, what: Literal["projects", "runtimes"]) -> Catalog:
    """One of the lists, whole; raises what the workbench raises."""
    if what == "projects":
        projects = tuple(await visible(client))
        return Catalog(projects=Reading(projects, at=time.time(), total=len(projects)))
    runtimes = await listed(client)
    return Catalog(runtimes=Reading(runtimes, at=time.time(), total=len(runtimes)))


async def listed(client: ApiClient) -> tuple[Runtime, ...]:
    """The runtime images, the newest first."""
    found = images.parse(await client.pages("ListRuntimes", "runtimes"))
    return tuple(sorted(found, key=images.rank, reverse=True))
