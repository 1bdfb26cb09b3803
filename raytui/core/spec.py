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
    """How many workers, and the size of each."""

    count: int = 1
    """Number of worker applications; 0 is a head alone."""
    cpu: float | None = None
    """CPUs of each worker; none: 1 locally, 2 on Cloudera AI."""
    memory: float | None = None
    """Memory of each worker in GB; none: 2 locally, 8 on Cloudera AI."""
    gpus: int = 0
    """GPUs of each worker."""
    runtime_identifier: str | None = None
    """Runtime image of the worker applications; required on Cloudera AI."""
    script: str | None = None
    """Path of the worker launcher inside the project; required on Cloudera AI."""


class ClusterSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One Ray cluster: a head and its workers."""

    name: str = "ray-cluster"
    """Name of the cluster; the applications are NAME-head and NAME-worker-N."""
    ray_port: Port = DEFAULT_RAY_PORT
    """Port of the head's GCS."""
    dashboard_port: Port = DEFAULT_DASHBOARD_PORT
    """Port of Ray's dashboard on the head."""
    expose_dashboard: bool = False
    """Serve Ray's dashboard through the head application's address, behind the platform's login and Ray's token."""
    auth: Literal["token", "disabled"] = "token"
    """Ray's own authentication; `token` generates one token for the cluster."""
    head: HeadSpec = HeadSpec()
    workers: WorkersSpec = WorkersSpec()

    def resolved(self, platform: PlatformName) -> ClusterSpec:
        """The same spec with the platform's sizes in place of those left out."""
        cpu, memory = traits(platform).cpu, traits(platform).memory
        head, workers = self.head, self.workers
        return msgspec.structs.replace(
            self,
            head=msgspec.structs.replace(
                head, cpu=cpu if head.cpu is None else head.cpu, memory=memory if head.memory is None else head.memory
            ),
            workers=msgspec.structs.replace(
                workers,
                cpu=cpu if workers.cpu is None else workers.cpu,
                memory=memory if workers.memory is None else workers.memory,
            ),
        )

    def with_workers(self, count: int) -> ClusterSpec:
        """The same spec with another number of workers."""
        return msgspec.structs.replace(self, workers=msgspec.structs.replace(self.workers, count=count))

    def digest(self) -> str:
        """Twelve hexadecimal digits that change whenever a node would have to be made again.

        The number of workers does not count.
        """
        import hashlib  # 1.5 ms that a status does not need

        return hashlib.sha256(msgspec.json.encode(_values(self.with_workers(0)), order="deterministic")).hexdigest()[
            :12
        ]


def _values(value: object) -> object:
    """Every field by its name, numbers alike.

    Encoded, a spec leaves out what is the default's very object, and 1 is not 1.0.
    """
    if isinstance(value, msgspec.Struct):
        return {name: _values(getattr(value, name)) for name in value.__struct_fields__}
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def head_name(cluster: str) -> str:
    """Name of the head application."""
    return f"{cluster}-head"


def worker_name(cluster: str, index: int) -> str:
    """Name of the worker application with this index, counted from 1."""
    return f"{cluster}-worker-{index}"
