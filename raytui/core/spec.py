"""What a person wants: the desired state of one cluster, as a plain value."""

from __future__ import annotations

from typing import Literal

import msgspec

from raytui.core.platforms import PlatformName, traits

Port = int | Literal["auto"]
"""A TCP port, or `auto`: the platform picks a free one outside Ray's worker range 10002-19999."""

DEFAULT_RAY_PORT = 6379
DEFAULT_DASHBOARD_PORT = 8265
GIGABYTE = 10**9
LOGS_PER_NODE_MB = 64
LOGS_PER_CLUSTER_MB = 512
"""What launchers keep of Ray's logs at most where nothing is said, in compressed megabytes."""
AUTO = "auto"
"""In place of an image: the newest of the workbench's list that fits. In place of a port: a free one."""
WORKER = "worker"
"""The group that the table `workers` describes; every other group has a table of its own in `groups`."""
GROUP_LABEL = "raytui/group"
"""Label of a worker's Ray node that holds the name of its group."""


class HeadSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The head's size. A head never gets GPUs: it schedules, it does not compute."""

    cpu: float | None = None
    """CPUs of the head; none: 1 locally, 2 on Cloudera AI."""
    memory: float | None = None
    """Memory of the head in GB; none: 2 locally, 8 on Cloudera AI."""
    runtime_identifier: str | None = None
    """Runtime image of the head application; required on Cloudera AI."""
    script: str | None = None
    """Path of the head launcher inside the project; required on Cloudera AI."""


class WorkersSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One group of workers: how many, and the size of each."""

    count: int = 1
    """Number of worker applications; 0 is none of this group."""
    cpu: float | None = None
    """CPUs of each worker; none: 1 locally, 2 on Cloudera AI."""
    memory: float | None = None
    """Memory of each worker in GB; none: 2 locally, 8 on Cloudera AI."""
    gpus: int = 0
    """GPUs of each worker."""
    runtime_identifier: str | None = None
    """Runtime image of the worker applications; required on Cloudera AI."""
    script: str | None = None
    """Path of the worker launcher inside the project; a group without one takes that of the group `worker`."""
    accelerator: str | None = None
    """The node label of the workbench that names the kind of GPU; none takes any. Means nothing elsewhere."""
    resource_group_id: int | None = None
    """The workbench's resource group that the workers run in; none leaves that to it. Means nothing elsewhere."""
    resource_profile_id: int | None = None
    """The workbench's resource profile of each worker; none leaves that to it. Means nothing elsewhere."""


class LogsSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is kept of Ray's logs where it outlives the nodes, while they run."""

    keep: bool = True
    """Whether launchers ship them at all."""
    per_node_mb: int | None = None
    """Compressed megabytes of one node at most, over all its lives; none: 64."""
    per_cluster_mb: int | None = None
    """Compressed megabytes of all nodes at most; none: 512."""

    @property
    def environment(self) -> dict[str, str]:
        """What launchers read of it; nothing where nothing was said, so that they take their own defaults."""
        said = {
            "RAYTUI_LOGS_KEEP": "" if self.keep else "0",
            "RAYTUI_LOGS_PER_NODE_MB": f"{self.per_node_mb or ''}",
            "RAYTUI_LOGS_PER_CLUSTER_MB": f"{self.per_cluster_mb or ''}",
        }
        return {name: value for name, value in said.items() if value}


_USUAL_LOGS = LogsSpec()


class ClusterSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One Ray cluster: a head and its workers, which may be of several kinds."""

    name: str = "ray-cluster"
    """Name of the cluster; the applications are NAME-head, NAME-worker-N and NAME-GROUP-N."""
    ray_port: Port = DEFAULT_RAY_PORT
    """Port of the head's GCS."""
    dashboard_port: Port = DEFAULT_DASHBOARD_PORT
    """Port of Ray's dashboard on the head."""
    expose_dashboard: bool = False
    """Serve Ray's dashboard through the head application's address, behind the platform's login and Ray's token."""
    auth: Literal["token", "disabled"] = "token"
    """Ray's own authentication; `token` generates one token for the cluster."""
    shared_memory: float | None = None
    """GB of `/dev/shm` that the project is to allow each pod at least; raised before applications are made."""
    logs: LogsSpec = _USUAL_LOGS
    """What is kept of Ray's logs; no part of a digest, for no node's work depends on it."""
    head: HeadSpec = HeadSpec()
    workers: WorkersSpec = WorkersSpec()
    """The group `worker`."""
    groups: dict[str, WorkersSpec] = {}
    """Further groups of workers by name, without `worker`."""

    def __post_init__(self) -> None:
        """Only the default's very object is left out when a spec is written, and earlier releases know no logs."""
        if self.logs == _USUAL_LOGS:
            msgspec.structs.force_setattr(self, "logs", _USUAL_LOGS)

    def __hash__(self) -> int:
        """As any frozen value has one: equal specs have equal hashes, in whatever order their groups stand."""
        top = (self.name, self.ray_port, self.dashboard_port, self.expose_dashboard, self.auth)
        return hash((top, self.logs, self.head, self.workers, frozenset(self.groups.items())))

    @property
    def all_groups(self) -> dict[str, WorkersSpec]:
        """Every group of workers by name, `worker` first."""
        return {WORKER: self.workers, **self.groups}

    def resolved(self, platform: PlatformName) -> ClusterSpec:
        """The same spec with the platform's sizes in place of those left out, and without what means nothing there."""
        cpu, memory = traits(platform).cpu, traits(platform).memory
        of_workbench = {} if traits(platform).is_workbench else dict.fromkeys(_OF_WORKBENCH)

        def sized(workers: WorkersSpec) -> WorkersSpec:
            return msgspec.structs.replace(
                workers,
                cpu=cpu if workers.cpu is None else workers.cpu,
                memory=memory if workers.memory is None else workers.memory,
                **of_workbench,
            )

        head = self.head
        return msgspec.structs.replace(
            self,
            head=msgspec.structs.replace(
                head, cpu=cpu if head.cpu is None else head.cpu, memory=memory if head.memory is None else head.memory
            ),
            workers=sized(self.workers),
            groups={name: sized(workers) for name, workers in self.groups.items()},
        )

    def with_workers(self, count: int, group: str = WORKER) -> ClusterSpec:
        """The same spec with another number of workers of one of its groups; raises KeyError without such a group."""
        return self.with_group(group, msgspec.structs.replace(self.all_groups[group], count=count))

    def with_group(self, group: str, workers: WorkersSpec) -> ClusterSpec:
        """The same spec with this group in place of the one of that name, or beside the others."""
        if group == WORKER:
            return msgspec.structs.replace(self, workers=workers)
        return msgspec.structs.replace(self, groups={**self.groups, group: workers})

    def digest(self, group: str = WORKER) -> str:
        """Twelve hexadecimal digits that change whenever a node of this group would have to be made again.

        The number of workers does not count, nor do the other groups: what is made again with one is no other's matter.
        The head goes with the group `worker`, as it did when that was the only one, so that digests of then still hold.
        """
        import hashlib  # 1.5 ms that a status does not need

        alone = msgspec.structs.replace(self, workers=self.all_groups[group], groups={}, shared_memory=None)
        alone = alone.with_workers(0)
        return hashlib.sha256(msgspec.json.encode(_values(alone), order="deterministic")).hexdigest()[:12]


_OF_WORKBENCH = ("accelerator", "resource_group_id", "resource_profile_id")
"""What of a group only a workbench knows."""
_SINCE_GROUPS = {"groups", "shared_memory", *_OF_WORKBENCH}
"""Fields that a digest leaves out where nothing is said, because digests made before there were such fields do too."""


def _values(value: object) -> object:
    """Every field by its name, numbers alike.

    Encoded, a spec leaves out what is the default's very object, and 1 is not 1.0.
    """
    if isinstance(value, msgspec.Struct):
        said = ((name, getattr(value, name)) for name in value.__struct_fields__ if name != "logs")
        return {name: _values(held) for name, held in said if held or name not in _SINCE_GROUPS}
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def head_name(cluster: str) -> str:
    """Name of the head application."""
    return f"{cluster}-head"


def worker_name(cluster: str, index: int, group: str = WORKER) -> str:
    """Name of the worker application with this index in its group, counted from 1."""
    return f"{cluster}-{group}-{index}"


def application_names(spec: ClusterSpec) -> list[str]:
    """Names of every application that a spec asks for: the head, the workers, those of the further groups."""
    groups = spec.all_groups.items()
    workers = (worker_name(spec.name, n + 1, group) for group, size in groups for n in range(size.count))
    return [head_name(spec.name), *workers]


def place(group: str, index: int) -> tuple[int, str, int]:
    """Where an application stands among those of its cluster: the head (no group), `worker`, other groups by name."""
    return (("", WORKER).index(group), "", index) if group in {"", WORKER} else (2, group, index)
