"""What is known of work that waits and of the nodes it waits for, and the answer that is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from raytui.core.observed.needs import Part
from raytui.core.observed.workload import EnvironmentSetup
from raytui.core.remedy import Remedy
from raytui.core.spec import WORKER

STARTING = (
    "Ray's scheduler does not list it as without a place; its worker process may be starting or its runtime "
    "environment may be being set up"
)
NO_REPORT = "Ray's monitor writes no report here, and without it the group's strategy is not known"
Amounts = Mapping[str, float]
"""By true resource name."""
Kind = Literal["fits", "scale", "quota", "never", "environment", "unknown"]
"""Why a demand waits.

`fits`: the nodes that are here or on their way can run it once what holds them ends. `scale`: only with more workers.
`quota`: only with more workers than the platform's quotas have room for now. `never`: no number of workers of any group
lets it run. `environment`: it has a place and its runtime environment is being set up. `unknown`: see
`Waiting.because`.
"""


class Demand(msgspec.Struct, frozen=True):
    """Work of one shape that waits."""

    what: Literal["task", "actor", "job", "placement group", "Serve replica", "task or actor"]
    parts: tuple[Part, ...] = ()
    """Empty when Ray tells nothing of what is asked for."""
    strategy: str = ""
    count: int = 1
    name: str = ""
    """The function, class or group that waits, or the job's id; empty when Ray tells only the shape."""
    ids: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    """Ids of the jobs to which they belong."""
    since: float = 0.0
    """Since when the longest waits by Ray's own clock, in seconds since 1970; 0 when Ray does not tell."""
    environment: EnvironmentSetup | None = None
    why_unknown: str = ""
    """Why nothing can be said of it, as the rest of a sentence; empty when something can."""


class Holder(msgspec.Struct, frozen=True):
    """Who holds resources of a node."""

    what: Literal["task", "actor", "placement group"]
    name: str
    node_id: str
    node: str = ""
    """The node's name."""
    resources: Amounts = {}
    job_id: str = ""
    since: float = 0.0
    """0 when unknown."""


class Place(msgspec.Struct, frozen=True):
    """A living node that takes work, or one that is on its way."""

    name: str
    total: Amounts
    free: Amounts | None = None
    """None when nobody reported what is free."""
    kind: str = ""
    """`head`, the worker group, or empty where nothing tells nodes apart but their size."""
    labels: Mapping[str, str] = {}
    node_id: str = ""
    is_coming: bool = False
    """Whether it is still starting."""


class WorkerKind(msgspec.Struct, frozen=True):
    """A group of workers of which the platform can be asked for more."""

    group: str
    shape: Amounts
    """What one more would hold."""
    labels: Mapping[str, str] = {}
    count: int = 0
    """Workers that exist or are being made."""
    last: int = 0
    """The largest index among them."""
    most: int | None = None
    """How many more the platform can give; none when nobody knows."""
    is_seen: bool = False
    """Whether a living worker of the group shows everything it holds; else only CPU, GPU and memory are known."""

    def wanted(self, more: int) -> int:
        """The number to scale to so that at least so many come and none goes."""
        return max(self.last, self.count + more)


class Offer(msgspec.Struct, frozen=True):
    """What one node has of what is asked for."""

    node: str
    """The node's name; empty for a worker that does not exist yet."""
    kind: str
    amounts: Amounts
    of: Amounts = {}
    """What it has when it is empty; empty where that is what `amounts` are."""


class More(msgspec.Struct, frozen=True):
    """More workers of one group."""

    group: str
    number: int
    to: int
    """How many there are to be in all."""

    @property
    def remedy(self) -> Remedy:
        """The verb that brings them."""
        return Remedy("scale", str(self.to) if self.group == WORKER else f"{self.group}={self.to}", "")


class Waiting(msgspec.Struct, frozen=True):
    """Why one demand waits."""

    demand: Demand
    kind: Kind
    because: str = ""
    """For `never` and `unknown`: the reason as the rest of a sentence."""
    largest_free: Offer | None = None
    """The node that has the most free of what one part asks for; none when nobody reported what is free."""
    largest: tuple[Offer, ...] = ()
    """The largest node of each kind, as it is when empty."""
    holders: tuple[Holder, ...] = ()
    """Who holds the node that would have room first, those that hold the most of it first."""
    is_freed: bool = False
    """Whether the end of these holders alone makes room."""
    awaits: tuple[str, ...] = ()
    """Nodes on their way without which it cannot run."""
    groups: tuple[str, ...] = ()
    """Worker groups of which the platform can be asked for more."""
    scale: tuple[More, ...] = ()
    """The fewest more workers with which it runs; for `fits` it then need not wait. Empty when no number does so, or
    nobody knows."""
    later: tuple[More, ...] = ()
    """The fewest more workers with which it runs once the nodes that are here are empty, where that is fewer; for
    `quota` those that it would need."""
    is_beside: bool = False
    """Whether with `scale` it still waits for what holds the nodes that are here."""
    since: float = 0.0
    """Since when it waits: by Ray's own clock, else since whoever watches saw it first; 0 when neither knows."""

    @property
    def key(self) -> str:
        """What it is, the same from one look to the next."""
        demand = self.demand
        parts = ";".join(
            f"{part.count}x{sorted(part.needs.items())}{[sorted(one.items()) for one in part.selectors]}"
            for part in demand.parts
        )
        return f"{demand.what}/{demand.name}/{demand.strategy}/{parts}"
