"""What runs on Ray below its jobs, as Ray reports it: tasks, placement groups, processes and Serve's deployments.

Ray fills these in bit by bit and differs from version to version (2.9.3 to 2.60), so every field but the identity may
be missing: empty text, 0 for a time and none for a number stand for what Ray did not tell.
"""

from __future__ import annotations

import msgspec

_NO_START = "replica failed to start"
"""What Serve says of a deployment of which no replica could be made, in the first line of its message."""


class Task(msgspec.Struct, frozen=True, gc=False):
    """One attempt of one task, method call or constructor of an actor."""

    task_id: str
    name: str
    state: str
    """Ray's word: PENDING_ARGS_AVAIL, PENDING_NODE_ASSIGNMENT, SUBMITTED_TO_WORKER, RUNNING, FINISHED, FAILED and
    others."""
    type: str = ""
    """NORMAL_TASK, ACTOR_CREATION_TASK, ACTOR_TASK or DRIVER_TASK."""
    attempt: int = 0
    """0 for the first; Ray may retry."""
    job_id: str = ""
    actor_id: str = ""
    """The actor that it runs in or makes."""
    parent_id: str = ""
    """The task that called it."""
    node_id: str = ""
    worker_id: str = ""
    pid: int = 0
    error_type: str = ""
    """Why it failed in Ray's word, such as TASK_EXECUTION_EXCEPTION or OUT_OF_MEMORY."""
    message: str = ""
    """Ray's text about the failure, often a whole traceback."""
    created_at: float = 0.0
    """When it was submitted, in seconds since 1970."""
    started_at: float = 0.0
    ended_at: float = 0.0
    since: float = 0.0
    """When it came into its state."""
    resources: dict[str, float] = {}
    """What it asks for, by true resource name."""
    label_selector: dict[str, str] = {}
    """Labels that its node must have; Ray 2.60 and later."""
    fallbacks: tuple[dict[str, str], ...] = ()
    """Label selectors that do instead, one after the other."""
    placement_group_id: str = ""
    has_runtime_env: bool = False
    """Whether it brings a runtime environment, which Ray sets up before it runs."""

    @property
    def key(self) -> str:
        """Identity of the attempt: a retry has the id of the first."""
        return f"{self.task_id}/{self.attempt}"


class TaskCount(msgspec.Struct, frozen=True, gc=False):
    """How many tasks of one function are in which state."""

    name: str
    type: str = ""
    states: dict[str, int] = {}
    """Tasks by Ray's word for their state."""


class Bundle(msgspec.Struct, frozen=True, gc=False):
    """One part of a placement group, which needs one node."""

    index: int
    resources: dict[str, float] = {}
    node_id: str = ""
    """Where it lies; empty while it has no place."""
    label_selector: dict[str, str] = {}
    """Labels that its node must have."""


class PlacementGroup(msgspec.Struct, frozen=True, gc=False):
    """One placement group."""

    placement_group_id: str
    name: str
    state: str
    """PENDING, PREPARED, CREATED, RESCHEDULING or REMOVED."""
    job_id: str = ""
    """The driver that made it."""
    strategy: str = ""
    """PACK, SPREAD, STRICT_PACK or STRICT_SPREAD; empty where Ray does not tell it, as 2.60's list does not."""
    bundles: tuple[Bundle, ...] = ()
    scheduling: str = ""
    """How its placing stands in Ray's word: QUEUED, SCHEDULING_STARTED, NO_RESOURCES, INFEASIBLE,
    FAILED_TO_COMMIT_RESOURCES, FINISHED or REMOVED."""
    attempts: int = 0
    """How often Ray tried to place it."""
    is_detached: bool = False
    created_at: float = 0.0
    """When Ray was asked for it, in seconds since 1970."""


class RayWorker(msgspec.Struct, frozen=True, gc=False):
    """One process of Ray's that runs tasks or is a driver, living or ended."""

    worker_id: str
    is_alive: bool
    type: str = ""
    """WORKER, DRIVER, SPILL_WORKER or RESTORE_WORKER."""
    node_id: str = ""
    ip: str = ""
    pid: int = 0
    exit_type: str = ""
    """Ray's word for its end: INTENDED_USER_EXIT, INTENDED_SYSTEM_EXIT, SYSTEM_ERROR, USER_ERROR,
    NODE_OUT_OF_MEMORY."""
    exit_detail: str = ""
    """Ray's text about its end."""
    started_at: float = 0.0
    ended_at: float = 0.0


class EnvironmentSetup(msgspec.Struct, frozen=True):
    """A runtime environment that is being set up for a job, as its log tells."""

    job_id: str
    step: str = ""
    """What is being done, such as `pip install`."""
    since: float = 0.0
    last_line: str = ""


class ServeReplica(msgspec.Struct, frozen=True, gc=False):
    """One replica of a deployment of Ray Serve, one that lives or one that ended lately."""

    application: str
    deployment: str
    id: str
    state: str
    """Ray's word: STARTING, RUNNING, STOPPING, STOPPED and others."""
    node_id: str = ""
    """Empty until it has a node."""
    pid: int = 0
    actor_id: str = ""
    actor_name: str = ""
    worker_id: str = ""
    log: str = ""
    """The file that Serve writes of it, below the log folder of its node: `serve/replica_app_Model_x.log`."""
    started_at: float = 0.0

    @property
    def key(self) -> str:
        """The name among all replicas: `application/deployment/id`."""
        return f"{self.application}/{self.deployment}/{self.id}"


class ServeDeployment(msgspec.Struct, frozen=True, gc=False):
    """One deployment of a Serve application; without a name an application that has none, or none yet."""

    application: str
    application_status: str
    name: str
    status: str
    message: str = ""
    replicas: int = 0
    """Those that run."""
    route: str = ""
    nodes: tuple[str, ...] = ()  # of the running replicas, one each
    source: str = ""  # declarative (by a config) or imperative (serve.run)
    wanted: int | None = None
    """How many replicas Serve wants to run; none where Ray does not tell."""
    all_replicas: tuple[ServeReplica, ...] = ()
    """Those in any state that Serve counts, running or not."""
    ended: tuple[ServeReplica, ...] = ()
    """Those that ended lately, the newest last; Serve keeps some of each deployment."""
    controller_node: str = ""
    """Id of the node of Serve's controller, which writes why a replica did not start."""
    controller_log: str = ""
    """Its log, by its name below the log folder of that node."""

    @property
    def id(self) -> str:
        """The name among all deployments: `application/deployment`, of one without a name the application's."""
        return f"{self.application}/{self.name}" if self.name else self.application

    @property
    def fails(self) -> bool:
        """Whether Serve calls it failed, or tells that its replicas do not start while it still tries.

        Serve tries three times before it says DEPLOY_FAILED, half a minute on a busy machine.
        """
        if self.status in {"UNHEALTHY", "DEPLOY_FAILED"}:
            return True
        return self.status == "UPDATING" and _NO_START in self.message[:200]
