"""What runs on Ray below its jobs, as Ray's State API reports it: tasks, placement groups and worker processes.

Ray fills these in bit by bit and differs from version to version (2.9.3 to 2.60), so every field but the identity may
be missing: empty text, 0 for a time and none for a number stand for what Ray did not tell.
"""

from __future__ import annotations

import msgspec


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
