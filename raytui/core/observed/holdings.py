"""Who holds what on a platform, and how much may be held, as the platform tells it: values, no judgement."""

from __future__ import annotations

from typing import Literal

import msgspec

from raytui.core.errors import Failure


class Amounts(msgspec.Struct, frozen=True):
    """CPUs, memory and GPUs; none where nothing was reported, or where there is no limit."""

    cpu: float | None = None
    memory: float | None = None
    """GB."""
    gpus: float | None = None


class Quota(msgspec.Struct, frozen=True):
    """How much one user or group may use at a time, and uses."""

    kind: Literal["user", "group"]
    owner: str
    """Name of the user or group."""
    limit: Amounts
    used: Amounts


class Label(msgspec.Struct, frozen=True):
    """One kind of GPU that the platform has, under the node label that names it."""

    id: str
    name: str
    total: float | None = None
    """GPUs of this kind in the whole platform; none when not reported."""
    used: tuple[tuple[str, float], ...] = ()
    """GPUs in use by user, of the users that may be seen."""
    limit: float | None = None
    """How many the person who asks may use at a time."""


class Held(msgspec.Struct, frozen=True):
    """One workload that has not ended, and what it holds for as long as that is so, or waits for."""

    id: str
    user: str
    project: str
    name: str
    state: str = "running"
    """The platform's word: running, starting, stopping, or scheduling while it waits for capacity."""
    kind: str = ""
    """application, job, session or what else the platform has."""
    group: str = ""
    cpu: float | None = None
    memory: float | None = None
    """GB."""
    gpus: float | None = None
    label: str = ""
    """Name of the kind of its GPUs; empty when it has none or nobody can tell."""
    since: float = 0.0
    """When it was made, in seconds since 1970; 0 when unknown."""


class Holdings(msgspec.Struct, frozen=True):
    """What the platform tells of quotas and of those who use them."""

    user: str = ""
    """Who asks; empty when unknown."""
    project: str = ""
    """Name of the project of the cluster; empty when unknown."""
    quotas: tuple[Quota, ...] = ()
    """Those that count for whoever asks: the user's own, and that of the project's group."""
    labels: tuple[Label, ...] = ()
    held: tuple[Held, ...] = ()
    """Workloads that have not ended, as far as they may be seen."""
    total: int = 0
    """How many there are in all, those beyond the first page included."""
    failure: Failure | None = None
    """Why the workloads could not be read; none when they were."""
    unknown: tuple[str, ...] = ()
    """What could not be read, a sentence each."""
    running: frozenset[str] = frozenset()
    """Names of the cluster's applications that ran when this was read: what began or ended since counts on top."""
    starting: frozenset[str] = frozenset()
    """Names of those that were starting then."""
