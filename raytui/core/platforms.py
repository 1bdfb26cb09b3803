"""What distinguishes the platforms where only a name is known: one line for each, and no other edit for a new one."""

from __future__ import annotations

from typing import Literal

import msgspec

PlatformName = Literal["local", "cai", "attached"]
"""Processes of this machine, Cloudera AI applications, or any Ray behind an address: watched, never changed."""


class Traits(msgspec.Struct, frozen=True):
    """What rules and front ends ask of a platform."""

    cpu: float = 2.0
    """CPUs of a node whose size is left out."""
    memory: float = 8.0
    """GB of a node whose size is left out."""
    is_watched: bool = False
    """Somebody else makes its clusters: raytui makes no applications there and changes nothing."""
    is_this_machine: bool = False
    """Its nodes share this machine's ports and clock; elsewhere a node has its ports to itself, and logs go by UTC."""
    is_workbench: bool = False
    """It has a login and asks for a key; an application names an image, a script and a part of its address."""
    revives: bool = False
    """It starts a failed application again by itself."""


_TRAITS: dict[str, Traits] = {
    "local": Traits(cpu=1.0, memory=2.0, is_this_machine=True),
    "cai": Traits(is_workbench=True, revives=True),
    "attached": Traits(is_watched=True),
}


def traits(platform: str) -> Traits:
    """Those of a platform by its name; those of an unknown one are the plain ones."""
    return _TRAITS.get(platform, Traits())
