"""What was observed: one plain value that both front ends show and that `plan` compares with the spec.

Every part is a `Reading`: the value, or why it could not be read, and when. Nothing here is assumed; a request that was
accepted is not an observation.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, Literal, Self, TypeVar

import msgspec

from raytui.core.errors import Failure
from raytui.core.marker import Role
from raytui.core.observed.holdings import Holdings
from raytui.core.observed.needs import Pending
from raytui.core.observed.revival import Revival
from raytui.core.observed.workload import EnvironmentSetup, PlacementGroup, RayWorker, ServeDeployment, Task, TaskCount
from raytui.core.platforms import traits
from raytui.core.spec import WORKER, ClusterSpec, place

ApplicationState = Literal["starting", "running", "stopping", "stopped", "failed", "unknown"]
NodeState = Literal["ALIVE", "DEAD", "UNKNOWN"]
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Reading(msgspec.Struct, Generic[T_co], frozen=True):
    """One observation: a value, or the failure to get it, or neither when it was not asked for."""

    value: T_co | None = None
    failure: Failure | None = None
    at: float = 0.0
    """When it was read, in seconds since 1970; 0 when it was not asked for."""
    total: int | None = None
    """How many there are in all, of which the value may hold only the first; none where that was not reported."""
    unreadable: int = 0
    """How many rows of the answer could not be read, so that they are missing or known by their identity only."""
    first_unreadable: str = ""
    """What is wrong with the first of those."""


class Rows(tuple[T, ...]):  # noqa: SLOT001 - a tuple of any length has no room for slots
    """The rows of one answer, and what is not among them."""

    total: int
    """How many there are in all, those that were not sent or could not be read included."""
    unreadable: int
    """How many rows could not be read."""
    first_unreadable: str
    """What is wrong with the first of those."""

    def __new__(
        cls, rows: Iterable[T] = (), *, total: int = 0, unreadable: int = 0, first_unreadable: str = ""
    ) -> Self:
        """The rows; `total` is at least their number."""
        made = super().__new__(cls, rows)
        made.total = max(total, len(made))
        made.unreadable = unreadable
        made.first_unreadable = first_unreadable
        return made


class LauncherReport(msgspec.Struct, frozen=True, gc=False):
    """What the launcher of a node last wrote about itself in the cluster's shared folder."""

    state: str = ""
    """starting, waiting, joining, alive, draining, ended or failed; `unread` when a report exists and was not read."""
    message: str = ""
    """Why, as one sentence; empty when there is nothing to say."""
    hint: str = ""
    node_id: str = ""
    generation: str = ""
    """Identity of the head run that this node belongs to."""
    address: str = ""
    """Head address that this node serves (head) or joined (worker)."""
    ip: str = ""
    ray_version: str = ""
    python_version: str = ""
    envoy_sidecar: bool = False
    shm_bytes: int = 0
    object_store_bytes: int = 0
    exit_code: int | None = None
    at: float = 0.0
    """When it was written, in seconds since 1970, by the clock of the node that wrote it."""
    of_this_run: bool = False
    """Whether the run's identity proves that the application's present run wrote it; else only times can tell."""
    read_at: float = 0.0
    """When it was read, by this machine's clock; 0 when that was with the listing that carries it."""
    changed_at: float = 0.0
    """When it was last seen to change in the present run, by this machine's clock; 0 when it was not."""


UNREAD = LauncherReport(state="unread")
"""In place of a report that exists but was not read: nothing is known of it, neither life nor death."""


class Application(msgspec.Struct, frozen=True, gc=False):
    """One application of ours as its platform lists it."""

    id: str
    """The platform's own identifier."""
    name: str
    cluster: str
    role: Role
    index: int
    """0 for the head, from 1 for the workers of each group."""
    state: ApplicationState
    raw_state: str = ""
    """The platform's own word for the state."""
    created_at: float = 0.0
    started_at: float = 0.0
    """When it last became running; 0 when unknown."""
    began_at: float = 0.0
    """When it last began to start; 0 when the platform does not tell."""
    ended_at: float = 0.0
    spec_digest: str = ""
    ray_port: int = 0
    dashboard_port: int = 0
    exposed: bool = False
    run: str = ""
    """Identity of the run of raytui that made it, from the marker."""
    cpu: float = 0.0
    memory: float = 0.0
    """GB."""
    gpus: int = 0
    runtime_identifier: str = ""
    script: str = ""
    spec_json: str = ""
    """The spec the application was made from, as JSON; empty when the platform does not keep it."""
    url: str = ""
    """Address of the application from outside, when it has one."""
    message: str = ""
    """Why the application is in this state, as far as the platform tells."""
    launcher: LauncherReport | None = None
    label: str = ""
    """Its name inside the cluster where that is not `head` or `GROUP-N`: a node that Ray alone knows of."""
    group: str = ""
    """Group of a worker, `worker` where nothing else is said; empty for the head, and where nobody knows of groups."""
    accelerator_label_id: str = ""
    """The workbench's id of the kind of GPU that was asked for; empty when any will do, or none."""

    def __post_init__(self) -> None:
        """A worker that nothing is said of belongs to the group that was once the only one."""
        if not self.group and self.role == "worker" and not self.label:
            msgspec.structs.force_setattr(self, "group", WORKER)

    @property
    def short(self) -> str:
        """`head` or `GROUP-N`, or its label: the name inside its cluster."""
        return self.label or ("head" if self.role == "head" else f"{self.group}-{self.index}")

    @property
    def place(self) -> tuple[int, str, int]:
        """By which the applications of a cluster are ordered."""
        return place(self.group, self.index)


class Gpu(msgspec.Struct, frozen=True, gc=False):
    """One GPU of a node as its agent reports it."""

    index: int
    name: str = ""
    utilization: float | None = None
    """Percent; none where the agent does not tell it."""
    memory_used: int = 0
    """Bytes."""
    memory_total: int = 0
    """Bytes."""


class Node(msgspec.Struct, frozen=True, gc=False):
    """One Ray node (raylet) as Ray reports it, identity and physical use joined by node id."""

    node_id: str
    name: str
    """`--node-name` given by the launcher: the application's name."""
    ip: str
    state: NodeState
    is_head: bool = False
    reason: str = ""
    """Why it is dead: Ray's word, such as UNEXPECTED_TERMINATION."""
    message: str = ""
    """Ray's sentence about the state."""
    started_at: float = 0.0
    ended_at: float = 0.0
    resources: dict[str, float] = {}
    """Total logical resources under their true names."""
    labels: dict[str, str] = {}
    cpu_percent: float | None = None
    memory_used: int | None = None
    memory_total: int | None = None
    object_store_used: int | None = None
    object_store_total: int | None = None
    disk_used: int | None = None
    disk_total: int | None = None
    gpus: tuple[Gpu, ...] = ()
    sampled_at: float = 0.0
    """When the agent sampled the physical figures; 0 when there are none."""
    metrics_port: int = 0  # of its metrics at `ip`; 0 where Ray reported none


class Amount(msgspec.Struct, frozen=True, gc=False):
    """Used and total of one resource."""

    total: float = 0.0
    used: float = 0.0


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Logical resources of the whole cluster as the scheduler accounts for them."""

    resources: dict[str, Amount] = {}
    """By true name: CPU, GPU, memory (bytes), object_store_memory (bytes), custom ones."""
    pending: tuple[str, ...] = ()
    """Demand that no node can take now, one text each."""
    demands: tuple[Pending, ...] = ()
    """The same as values, one for each text."""
    per_node: dict[str, dict[str, Amount]] = {}
    """By node id, as of the last heartbeat; empty where Ray does not tell it of each node."""
    written_at: float = 0.0
    """When Ray's monitor wrote it, by the head's clock in seconds since 1970; it writes every 5 s."""
    may_grow: bool = False
    """Whether an autoscaler with node types of its own is at work, which may add nodes that are like none here."""
    unreadable: int = 0
    """Entries of the answer that could not be read."""
    first_unreadable: str = ""


class Job(msgspec.Struct, frozen=True, gc=False):
    """One Ray job."""

    id: str
    """Submission id when it was submitted, else the driver's job id."""
    status: str
    """PENDING, RUNNING, SUCCEEDED, FAILED or STOPPED."""
    entrypoint: str = ""
    message: str = ""
    error_type: str = ""
    started_at: float = 0.0
    ended_at: float = 0.0
    driver_node_id: str = ""
    type: str = ""
    """SUBMISSION or DRIVER."""
    driver_exit_code: int | None = None
    metadata: dict[str, str] = {}
    job_id: str = ""
    """Ray's id of its driver, by which tasks, actors and placement groups name it; empty until the driver connects."""


class Actor(msgspec.Struct, frozen=True, gc=False):
    """One actor."""

    actor_id: str
    class_name: str
    state: str
    name: str = ""
    node_id: str = ""
    pid: int = 0
    job_id: str = ""
    message: str = ""
    """Why it is dead, in Ray's words."""
    death: str = ""
    """Ray's word for the way it died: OUT_OF_MEMORY, RUNTIME_ENV_SETUP_FAILED, CONSTRUCTOR_FAILED, UNSCHEDULABLE, or
    the reason that Ray gives, such as WORKER_DIED, NODE_DIED, OWNER_DIED, RAY_KILL, OUT_OF_SCOPE or REF_DELETED."""
    never_started: bool = False
    died_on: str = ""
    """Node on which it died, where Ray's text about its death names it; `node_id` is empty then."""
    restarts: int = 0
    resources: dict[str, float] = {}
    """What it asks for, by true resource name."""
    label_selector: dict[str, str] = {}
    """Labels that its node must have."""
    fallbacks: tuple[dict[str, str], ...] = ()
    """Label selectors that do instead, one after the other."""
    placement_group_id: str = ""
    has_runtime_env: bool = False
    """Whether it brings a runtime environment, which Ray sets up before it runs."""
    is_detached: bool | None = None  # whether it outlives its job; none where Ray does not tell


class RayEvent(msgspec.Struct, frozen=True, gc=False):
    """One event of Ray's own event log."""

    at: float
    severity: str
    source: str
    message: str
    label: str = ""
    node_id: str = ""


class RayVersion(msgspec.Struct, frozen=True, gc=False):
    """What answers on the dashboard port."""

    ray_version: str
    session_name: str


class Operation(msgspec.Struct, frozen=True, gc=False):
    """A change that raytui itself is carrying out on a cluster now, as far as this machine can see."""

    verb: str
    ends: tuple[str, ...] = ()
    """Names of the applications that it stops, deletes or restarts."""
    creates: tuple[str, ...] = ()
    """Names of the applications that it makes."""
    since: float = 0.0
    """When it began, in seconds since 1970."""
    holder: str = ""
    """Who carries it out."""


class Snapshot(msgspec.Struct, frozen=True, dict=True):
    """Everything observed about one cluster in one round.

    Its `__dict__` keeps what `joined.join` derived from it, no observation.
    """

    cluster: str
    profile: str
    platform: str
    observed_at: float
    applications: Reading[tuple[Application, ...]]
    dashboard_url: str = ""
    token_file: str = ""
    """Where the cluster's Ray token can be read on this machine; empty when it cannot."""
    version: Reading[RayVersion] = Reading()
    gcs: Reading[bool] = Reading()
    nodes: Reading[tuple[Node, ...]] = Reading()
    usage: Reading[Usage] = Reading()
    jobs: Reading[tuple[Job, ...]] = Reading()
    actors: Reading[tuple[Actor, ...]] = Reading()
    serve: Reading[tuple[ServeDeployment, ...]] = Reading()
    events: Reading[tuple[RayEvent, ...]] = Reading()
    tasks: Reading[tuple[Task, ...]] = Reading()
    task_counts: Reading[tuple[TaskCount, ...]] = Reading()
    placement_groups: Reading[tuple[PlacementGroup, ...]] = Reading()
    ray_workers: Reading[tuple[RayWorker, ...]] = Reading()
    """Ray's processes; `workers` are the applications."""
    dashboard: Failure | None = None
    """Why the dashboard could not be asked at all (no address, not exposed); none when it was asked."""
    figures: Reading[bool] = Reading()
    """Whether the physical figures of the nodes could be read."""
    asked: Reading[ClusterSpec] = Reading()
    """The spec last asked for, as recorded with the cluster; neither value nor failure when none is recorded."""
    operation: Operation | None = None
    """What raytui itself is changing on this cluster now."""
    holdings: Reading[Holdings] = Reading()
    """Who holds what on the platform; read while an application waits, and while somebody looks at it."""
    environments: Reading[tuple[EnvironmentSetup, ...]] = Reading()
    """Runtime environments that are being set up; read while something waits that brings one."""
    revivals: tuple[Revival, ...] = ()
    """Applications that failed and that the platform starts again by itself, or did lately."""
    foreign: tuple[str, ...] = ()
    """Names of this cluster's that applications of somebody else have; looked at while the cluster is absent."""

    @property
    def by_ray(self) -> bool:
        """Whether the applications are the nodes that Ray itself lists.

        Then there is no platform that could say anything else of them.
        """
        return traits(self.platform).is_watched

    def __repr__(self) -> str:
        # Short: asyncio writes down what a task answered whenever a signal handler is set, 110 ms for 5,000 nodes.
        return f"Snapshot({self.cluster!r}, {self.profile!r}, {self.platform!r}, {self.observed_at!r}, ...)"

    @property
    def head(self) -> Application | None:
        """The head application, when the platform listed one."""
        return next((app for app in self.applications.value or () if app.role == "head"), None)

    @property
    def workers(self) -> tuple[Application, ...]:
        """The worker applications, by group and index."""
        found = (app for app in self.applications.value or () if app.role == "worker")
        return tuple(sorted(found, key=lambda app: app.place))

    def content(self) -> dict[str, object]:
        """Everything but the clock: two snapshots with equal content show the same picture."""
        plain = ((name, getattr(self, name)) for name in self.__struct_fields__ if name != "observed_at")
        return {name: (value.value, value.failure) if isinstance(value, Reading) else value for name, value in plain}
