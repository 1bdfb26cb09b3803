"""What raytui needs of a Ray dashboard: what runs on Ray, and Ray's own logs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Protocol

import msgspec

from raytui.core.observed.snapshot import Actor, Job, Node, RayEvent, RayVersion, Rows, Usage
from raytui.core.observed.workload import PlacementGroup, RayWorker, ServeDeployment, Task, TaskCount
from raytui.core.serve import ServeRest


class DashboardTarget(msgspec.Struct, frozen=True):
    """Where Ray's dashboard of a cluster answers, and what to say to be let in."""

    url: str
    headers: dict[str, str] = {}
    """Sent with every request. Secrets; never shown."""
    token_file: str = ""
    """Path on this machine of the cluster's Ray token; empty when there is none here."""
    ca_bundle: str = ""
    ray_headers: dict[str, str] = {}
    """Ray's own token, sent only to paths for which Ray asks for it. Secrets too."""
    listener: Callable[[], frozenset[int]] | None = None
    """Where it can be known: the identities of the sockets that listen at the address, none when nobody does. Raises
    `Unreachable` when one of them is not the head's. The same answer before and after a connection was made proves with
    whom."""

    given: bool = False
    """Whether a person gave the address. Then silence proves nothing of the cluster: a tunnel may have ended, the
    address may be wrong."""

    def __repr__(self) -> str:
        return f"DashboardTarget({self.url!r})"


class Workload(ServeRest, Protocol):
    """What runs on Ray: the lists of its State API with all details, at most 10,000 rows each, its jobs, and Serve."""

    async def actors(self, limit: int = 1000) -> Rows[Actor]:
        """The first actors and how many there are in all; Ray gives at most 10,000."""
        ...

    async def tasks(self, limit: int = 1000) -> Rows[Task]:
        """The first tasks and how many there are in all; Ray gives at most 10,000, and knows of 100,000 at most."""
        ...

    async def task_counts(self) -> Rows[TaskCount]:
        """How many tasks of each function are in which state."""
        ...

    async def placement_groups(self, limit: int = 1000) -> Rows[PlacementGroup]:
        """The first placement groups with their bundles, and how many there are in all."""
        ...

    async def workers(self, limit: int = 1000) -> Rows[RayWorker]:
        """The first of Ray's processes, living and ended, and how many there are in all."""
        ...

    async def stack(self, node_id: str, ip: str, pid: int) -> str:
        """What a process of Ray's does at this moment, as py-spy prints it.

        Raises `OperationFailed` with the words of whoever refuses: Ray, py-spy that is missing, or ptrace.
        """
        ...

    async def job(self, identity: str) -> Job:
        """One job by its submission id; raises `NotFound`."""
        ...

    async def submit_job(self, identity: str, entrypoint: str, environment: Mapping[str, object]) -> None:
        """Submit a shell line as a job with a submission id and a runtime environment.

        Raises `OperationFailed` with Ray's words when it refuses; `Unreachable` may leave the job submitted.
        """
        ...

    async def stop_job(self, identity: str) -> bool:
        """Ask a job to stop; false when it has ended already. Raises `NotFound`."""
        ...

    async def has_package(self, name: str) -> bool:
        """Whether Ray keeps a package of this name."""
        ...

    async def upload_package(self, name: str, data: bytes) -> None:
        """Give Ray a package of a working directory; the same again harms nothing."""
        ...


class Dashboard(Protocol):
    """Ray's REST API on the dashboard port.

    Every call has a client deadline; failures are `Unreachable` with the layer, or `NotFound`.
    """

    @property
    def workload(self) -> Workload:
        """What runs on it."""
        ...

    async def version(self) -> RayVersion:
        """Ray's version and the session that answers."""
        ...

    async def gcs_alive(self) -> bool:
        """Whether GCS answered the head's own health check."""
        ...

    async def authentication(self) -> str | None:
        """What this Ray asks of whoever calls, `token` or `disabled`; none when it is too old to know."""
        ...

    async def nodes(self) -> Rows[Node]:
        """Identity and state of every node, without physical figures."""
        ...

    async def node_stats(self) -> Mapping[str, Node]:
        """Physical figures by node id; the identity fields of these are not to be trusted for dead nodes."""
        ...

    async def usage(self) -> Usage:
        """Logical resources used and total, and pending demand."""
        ...

    async def jobs(self) -> Rows[Job]:
        """All jobs, newest first."""
        ...

    async def serve(self) -> Rows[ServeDeployment]:
        """Serve deployments; empty when Serve does not run."""
        ...

    async def events(self) -> Rows[RayEvent]:
        """Ray's own events, oldest first, repeats dropped."""
        ...

    async def log_files(self, node_id: str) -> tuple[str, ...]:
        """Names of Ray's log files on a node."""
        ...

    async def log_tail(self, node_id: str, filename: str, lines: int) -> bytes:
        """The last lines of one of Ray's log files; -1 for all."""
        ...

    def log_stream(self, node_id: str, filename: str, lines: int, *, follow: bool = True) -> AsyncIterator[bytes]:
        """The last lines (-1 for all) as they come, whatever their size, and then whatever is added, until closed.

        Silent while nothing is written. Without `follow` it ends with what there is.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
