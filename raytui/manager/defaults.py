"""What the commands and the console put into a spec where nothing is given, before a start is planned from it.

The paths of the launchers, an image for `auto`, and what a deploy left with the project. The library's call puts in
neither paths nor images that are missing: there each of them is a problem.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from raytui.core.desired.asked import overlay, value_of, with_groups_of
from raytui.core.desired.required import with_launchers
from raytui.core.observed.snapshot import Application
from raytui.core.protocols.platform import Platform
from raytui.core.remedy import Hint
from raytui.core.spec import AUTO, ClusterSpec

DEPLOYED = "is made as it was last deployed into the project; what a flag or the profile says counts before that"


def counting(fields: Collection[str], wanted: ClusterSpec, basis: ClusterSpec) -> frozenset[str]:
    """Those of `fields` that change something in `basis`: an image of `auto` is content with the one that there is."""
    return frozenset(
        path
        for path in fields
        if not (path.endswith("runtime_identifier") and value_of(wanted, path) == AUTO and value_of(basis, path))
    )


def on_basis(basis: ClusterSpec, wanted: ClusterSpec, fields: Collection[str]) -> ClusterSpec:
    """What is recorded or was deployed, with those of `fields` as wanted, and the groups that are wanted."""
    return with_groups_of(overlay(basis, wanted, counting(fields, wanted, basis)), wanted)


async def deployed(platform: Platform, wanted: ClusterSpec, given: Collection[str]) -> ClusterSpec | None:
    """What a deploy left for the cluster of this name, under what somebody gave; none when it left nothing."""
    left = await platform.specs.deployed(wanted.name)
    if left is None:
        return None
    left = left.resolved(platform.name)
    return on_basis(left, wanted, given)


async def filled(platform: Platform, spec: ClusterSpec, *, launchers: bool) -> tuple[ClusterSpec, list[Hint]]:
    """The spec with an image wherever it says `auto`, and which were taken; with `launchers` with their paths, too."""
    done = await platform.specs.complete(with_launchers(spec, platform.name) if launchers else spec)
    taken: dict[str, list[str]] = {}
    for who, before, after in _images(spec, done):
        if before == AUTO:
            taken.setdefault(after or "", []).append(who)
    return done, [f"auto takes the image {image} for {' and '.join(who)}" for image, who in taken.items()]


def on_ports(spec: ClusterSpec, applications: tuple[Application, ...]) -> ClusterSpec:
    """The spec on the ports of the head that exists.

    Workers must meet it where it is, and a head made again keeps its address.
    """
    head = next((app for app in applications if app.role == "head" and app.ray_port), None)
    if head is None:
        return spec
    return msgspec.structs.replace(
        spec,
        ray_port=head.ray_port if spec.ray_port == "auto" else spec.ray_port,
        dashboard_port=head.dashboard_port if spec.dashboard_port == "auto" else spec.dashboard_port,
    )


def _images(before: ClusterSpec, after: ClusterSpec) -> list[tuple[str, str | None, str | None]]:
    """Who runs which image, before and after."""
    groups = after.all_groups
    return [
        ("the head", before.head.runtime_identifier, after.head.runtime_identifier),
        *(
            (
                f"the group {name}" if name != "worker" else "the workers",
                one.runtime_identifier,
                groups[name].runtime_identifier,
            )
            for name, one in before.all_groups.items()
            if one.count
        ),
    ]
