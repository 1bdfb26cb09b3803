"""What the manager knows of the world: Protocols only, so that platforms and dashboards can be swapped and tested."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from raytui.core.holdings import Holdings
from raytui.core.marker import Marker
from raytui.core.platforms import PlatformName
from raytui.core.remedy import Hint
from raytui.core.serve import ServeRest
from raytui.core.shipped_logs import NodeLife
from raytui.core.snapshot import Actor, Application, Job, Node, RayEvent, RayVersion, Rows, Usage
from raytui.core.spec import ClusterSpec
from raytui.core.workload import PlacementGroup, RayWorker, ServeDeployment, Task, TaskCount

CheckStatus = Literal["ok", "warn", "fail", "skip"]


class CreateRequest(msgspec.Struct, frozen=True):
    """One application to be made."""

    name: str
    marker: Marker
    cpu: float
    memory: float
    """GB."""
    gpus: int
    environment: dict[str, str]
    """What the launcher reads; the platform adds its own variables. Never holds a secret."""
    runtime_identifier: str = ""
    script: str = ""
    spec_json: str = ""
    accelerator: str = ""
    """The node label that names the kind of GPU, or the platform's own id of it; empty for any."""
    resource_group_id: int = 0
    """0 leaves that to the platform."""
    resource_profile_id: int = 0
    """0 leaves that to the platform."""
    shared_memory: float = 0.0
    """GB that the project is to allow each pod at least; 0 leaves it as it is."""


class Check(msgspec.Struct, frozen=True):
    """One row of the preflight."""

    name: str
    status: CheckStatus
    message: str
    hint: Hint = ""
    field: str = ""
    """The spec's field that is to blame, when one is; a failing check with a field becomes a Problem of `start`."""
    choices: tuple[str, ...] = ()
    """What would do in its place: every one that the platform has."""


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
    """Where it can be told: the identities of the sockets that listen at the address, none when nobody does. Raises
    `Unreachable` when one of them is not the head's. The same answer before and after a connection was made proves with
    whom."""

    given: bool = False
    """Whether a person gave the address. Then silence proves nothing of the cluster: a tunnel may have ended, the
    address may be wrong."""

    def __repr__(self) -> str:
        return f"DashboardTarget({self.url!r})"


class LogChunk(msgspec.Struct, frozen=True):
    """A part of an application's launcher output."""

    data: bytes
    offset: int
    """Where `data` begins; smaller than what was asked for when the log was rotated."""
    end: int
    """Where to go on reading."""


class LogPlaces(msgspec.Struct, frozen=True):
    """Where logs of one application lie as files of this machine; empty for what does not."""

    output: str = ""
    """Path of the launcher's output."""
    sessions: str = ""
    """Folder below which Ray keeps its sessions, each with a folder `logs`."""


async def not_here(_store: object, application: Application) -> LogPlaces:  # noqa: ARG001  # of whatever application
    """The places of a platform whose nodes run on other machines: none."""
    return LogPlaces()


class Store(Protocol):
    """What a platform keeps of its clusters: launchers, the output of nodes, and what was last asked for."""

    async def write_launchers(self, cluster: str, files: Mapping[str, bytes]) -> dict[str, str]:
        """Store the launchers, mode 0755, atomically, and answer the path under which an application runs each.

        Cancelling is safe.
        """
        ...

    async def read_file(self, path: str) -> bytes:
        """The file at a path that this store answered; raises `NotFound`."""
        ...

    async def tail(self, application: Application, offset: int | None = None, limit: int = 65536) -> LogChunk:
        """The launcher's output: the last `limit` bytes, or up to `limit` bytes from `offset` on."""
        ...

    async def places(self, application: Application) -> LogPlaces:
        """Where its logs can be read directly, which costs less than asking for them."""
        ...

    async def kept_logs(self, application: Application) -> dict[str, str]:
        """Paths for `read_file` of the ends of Ray's logs that a launcher kept when its node ended, by Ray's names."""
        ...

    async def lives(self, cluster: str) -> tuple[NodeLife, ...]:
        """What launchers shipped, by node and time; needs no application. Its paths are for `read_file`."""
        ...

    async def record_spec(self, cluster: str, spec: ClusterSpec | None) -> None:
        """Record with the cluster what was last asked for; none removes the record, and what is not there is fine."""
        ...

    async def recorded_spec(self, cluster: str) -> ClusterSpec | None:
        """What was last asked for of this cluster; none when nothing is recorded, or only what cannot be understood.

        A record without applications says nothing: it is what a run left that was killed.
        """
        ...

    async def purge(self, cluster: str) -> tuple[str, ...]:
        """Remove all that is kept of a cluster, its logs and what a deploy made for it too; what was removed.

        Raises `RefusedForSafety` while it has applications.
        """
        ...

    def place_of(self, cluster: str) -> str:
        """Where that is kept, in words; empty where nothing is."""
        ...


class Specs(Protocol):
    """What a platform says of a spec before anything is made from it."""

    async def preflight(self, spec: ClusterSpec) -> tuple[Check, ...]:
        """What could keep this spec from running, found without changing anything."""
        ...

    async def resolve_ports(self, spec: ClusterSpec) -> ClusterSpec:
        """The spec with every `auto` port replaced by a free one."""
        ...

    async def complete(self, spec: ClusterSpec) -> ClusterSpec:
        """The spec with what was left out or is `auto`, where the platform can choose it by itself.

        Such as the newest fitting images. Raises `ConfigurationError` when nothing fits.
        """
        ...

    async def deployed(self, cluster: str) -> ClusterSpec | None:
        """What a deploy left for the cluster of this name; none when it left nothing that can be understood."""
        ...


class Platform(Protocol):
    """Where applications run. Every method has a deadline of its own and raises only errors of `raytui.core.errors`."""

    name: PlatformName

    @property
    def store(self) -> Store:
        """What it keeps of its clusters."""
        ...

    @property
    def specs(self) -> Specs:
        """What it says of a spec."""
        ...

    @property
    def appears_within(self) -> float:
        """For how many seconds after a create was sent its application may be on no list yet.

        0 where a list is never behind.
        """
        ...

    async def list(self, cluster: str | None = None) -> tuple[Application, ...]:
        """The applications that carry our marker, of one cluster or of all, head first, workers by index."""
        ...

    async def conflicts(self, names: tuple[str, ...], cluster: str = "") -> tuple[str, ...]:
        """Those of `names` that belong to somebody else on this platform, or to another cluster than `cluster`."""
        ...

    async def prepare(self, requests: Sequence[CreateRequest]) -> None:
        """Make what these applications need before the first of them is created, such as the cluster's Ray token.

        Cancelling is safe.
        """
        ...

    async def create(self, request: CreateRequest, *, until: float = math.inf) -> Application:
        """Make one application; after an ambiguous answer look for it and adopt it rather than make it twice.

        `until` is the moment (loop time) from which on it is only looked for, and not asked for again.
        """
        ...

    async def stop(self, application: Application, *, wait: bool = True) -> None:
        """Ask the application to end, gracefully, and wait until the platform shows that it did.

        Without `wait` it returns when the platform has accepted that. Cancelling is safe: asking again is.
        """
        ...

    async def restart(self, application: Application) -> Application:
        """Stop and start the application, and answer the one that exists then.

        Where it had to be made again it has another id. Raises `NotFound` when it no longer exists. Cancelled, it is
        given up at once, and the application may be stopped; once it had to be deleted it is made again and answered
        all the same.
        """
        ...

    async def delete(self, application: Application, *, wait: bool = True) -> None:
        """Remove the application and wait until the platform no longer lists it; what is gone already is fine.

        An application that no list shows (yet) is removed by its id, and looked for until a list that lags would show
        it. Without `wait` it returns when the platform has accepted the request. Cancelling is safe: asking again is.
        """
        ...

    async def drain(self, application: Application, timeout: float) -> bool:
        """Ask the Ray node of a worker to finish its tasks and leave.

        True when it is known to have left within `timeout` seconds.
        """
        ...

    async def forget(self, cluster: str) -> None:
        """Remove what the cluster's nodes left in the shared folder; only for a cluster without applications."""
        ...

    async def holdings(self) -> Holdings | None:
        """Who holds what of the platform, and how much may be held; none where the platform keeps no account of that.

        What could not be read is named in the answer, so nothing is raised for it.
        """
        ...

    async def dashboard(self, head: Application) -> DashboardTarget:
        """Where the head's dashboard answers from here; raises `Unreachable` when it cannot be reached by design."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


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
