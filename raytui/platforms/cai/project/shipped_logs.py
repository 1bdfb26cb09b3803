"""Logs that the launchers of a cluster shipped to the project folder, found in it or through the API's files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from raytui.core.errors import NotFound, OperationFailed, RaytuiError
from raytui.core.observed.shipped_logs import LIFE_RECORD, NodeLife, is_life, is_node, life_of
from raytui.platforms.cai.project.files import ProjectFiles
from raytui.platforms.cai.project.folder import folder_of

AT_ONCE = 8
"""Folders that are asked for at the same time: from outside each is a request."""


def lives_in(files: ProjectFiles) -> Callable[[str], Coroutine[None, None, tuple[NodeLife, ...]]]:
    """How a store finds what the launchers of a cluster shipped."""

    async def lives(cluster: str) -> tuple[NodeLife, ...]:
        return await _lives(files, f"{folder_of(cluster)}/logs")

    return lives


async def _lives(files: ProjectFiles, logs: str) -> tuple[NodeLife, ...]:
    """Every kept life of every node below a cluster's folder of logs, by node and time.

    Raises why that folder cannot be read; what cannot be read below it keeps back nothing else.
    """
    gate = asyncio.Semaphore(AT_ONCE)

    async def folders(place: str) -> list[str]:
        async with gate:
            return sorted(entry.name for entry in await files.entries(place) if entry.is_dir)

    async def names_of(node: str) -> list[str] | RaytuiError:
        try:
            return await folders(f"{logs}/{node}")
        except RaytuiError as error:
            return error

    async def life(node: str, name: str) -> NodeLife:
        place = f"{logs}/{node}/{name}"
        async with gate:
            try:
                held = await files.entries(place)
            except RaytuiError as error:
                return NodeLife(node, name, unreadable=error.message)
            try:
                record = await files.read(f"{place}/{LIFE_RECORD}")
            except (NotFound, OperationFailed):
                record = b""
        return life_of(node, name, place, record, ((entry.name, entry.size) for entry in held if not entry.is_dir))

    nodes = [name for name in await folders(logs) if is_node(name)]
    named = await asyncio.gather(*map(names_of, nodes))
    wanted: list[tuple[str, str]] = []
    unread: list[NodeLife] = []
    for node, names in zip(nodes, named, strict=True):
        if isinstance(names, RaytuiError):
            unread.append(NodeLife(node, unreadable=names.message))
        else:
            wanted += [(node, name) for name in names if is_life(name)]
    found = await asyncio.gather(*(life(node, name) for node, name in wanted))
    return (*unread, *(each for each in found if each.logs or each.unreadable))
