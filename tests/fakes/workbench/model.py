"""The records of the test workbench and the JSON that API v2 makes of them."""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

    from .network import Place
    from .runner import Pod

OWNER = {"username": "engineer", "name": "Ei Engineer", "email": "engineer@example.com"}
STARTING, RUNNING, STOPPING, STOPPED, FAILED = (
    f"APPLICATION_{word}" for word in ("STARTING", "RUNNING", "STOPPING", "STOPPED", "FAILED")
)


def now() -> str:
    """The time in the form of API v2."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def new_id(rng: random.Random) -> str:
    """An id of the form `abcd-ef12-ghij-klmn`."""
    return "-".join("".join(rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=4)) for _ in range(4))


def without_nothing(values: dict[str, Any]) -> dict[str, Any]:
    """The mapping without its None values: absent fields are left out of answers."""
    return {name: value for name, value in values.items() if value is not None}


@dataclass
class Project:
    """One project; its folder is what workloads see as HOME."""

    id: str
    name: str
    folder: Path
    description: str = ""
    visibility: str = "private"
    environment: dict[str, str] = field(default_factory=dict)
    shared_memory_limit: int = 0
    creation_status: str = "success"
    settings: dict[str, Any] = field(default_factory=dict)
    team: str = ""
    """The team that owns it; its quota counts then, not the user's."""
    created_at: str = field(default_factory=now)
    updated_at: str = field(default_factory=now)
    deleting: bool = False

    @property
    def slug(self) -> str:
        """The name in URLs."""
        return "".join(sign if sign.isalnum() else "-" for sign in self.name.lower())

    def to_json(self) -> dict[str, Any]:
        """The answer's Project."""
        everything = {
            "read": True,
            "write": True,
            "admin": True,
            "business_user": False,
            "operator": True,
            "inherit": False,
        }
        owner = {"username": self.team, "name": self.team, "email": ""} if self.team else OWNER
        return {
            "id": self.id, "name": self.name, "owner": owner, "creator": OWNER, "description": self.description, "visibility": self.visibility,
            "default_engine_type": "ml_runtime", "created_at": self.created_at, "updated_at": self.updated_at,
            "creation_status": self.creation_status, "permissions": everything, "shared_memory_limit": self.shared_memory_limit,
            "environment": json.dumps(self.environment), "slug": f"{owner['username']}/{self.slug}", **self.settings,
        }  # fmt: skip


@dataclass
class Use:
    """One line of /usage: one start of a workload, from the moment in which it began to wait."""

    id: str
    name: str
    kind: str
    project: Project
    fields: dict[str, Any]
    """What this start was asked for with."""
    status: str = "scheduling"
    created_at: str = field(default_factory=now)
    began: float = field(default_factory=time.time)
    ended: float | None = None
    exit_code: int | None = None

    def goes_on(self, status: str) -> None:
        """Its status word, until it ended."""
        if self.ended is None:
            self.status = status

    def end(self, status: str, exit_code: int | None = None) -> None:
        """Its processes are gone."""
        if self.ended is None:
            self.status, self.exit_code, self.ended = status, exit_code, time.time()


@dataclass
class Application:
    """One application and whatever runs for it now."""

    id: str
    project_id: str
    name: str
    subdomain: str
    script: str
    environment: dict[str, str]
    fields: dict[str, Any]
    """The plain fields that are answered as they were given: cpu, memory, runtime_identifier, ..."""
    status: str = STARTING
    created_at: str = field(default_factory=now)
    updated_at: str = field(default_factory=now)
    starting_at: str | None = None
    running_at: str | None = None
    stopped_at: str | None = None
    deleting: bool = False
    shown_from: float = 0.0
    """When lists begin to show it, by the loop's clock."""
    restarts: int = 0
    engine_id: str = ""
    address: str = ""
    """Its pod IP of this start."""
    place: Place | None = None
    """The network of this start."""
    pod: Pod | None = None
    usage: Use | None = None
    """The line of /usage of this start."""
    task: asyncio.Task[None] | None = None
    """What brings it up and watches it."""
    launching: asyncio.Task[Pod] | None = None
    """The start of its processes; it is never cancelled, so that no process is forgotten."""
    wanted: bool = True
    """Whether the last call wanted it running."""
    ending: asyncio.Task[None] | None = None
    """What stops or deletes it."""

    @property
    def cpu(self) -> float:
        """CPUs asked for."""
        return float(self.fields.get("cpu", 1))

    def to_json(self) -> dict[str, Any]:
        """The answer's Application."""
        return without_nothing({
            "id": self.id, "name": self.name, "subdomain": self.subdomain, "script": self.script, "status": self.status, "creator": OWNER,
            "created_at": self.created_at, "updated_at": self.updated_at, "starting_at": self.starting_at, "running_at": self.running_at,
            "stopped_at": self.stopped_at, "environment": json.dumps(self.environment), **self.fields,
        })  # fmt: skip

    def pids(self, table: dict[int, list[int]]) -> list[int]:
        """Its processes that live now, by a table of all processes."""
        return [] if self.pod is None else self.pod.pids(table)


@dataclass
class Orphan:
    """An engine that a restart during STARTING left behind; no call of the API reaches it any more."""

    id: str
    name: str
    project_id: str
    pod: Pod | None

    def pids(self, table: dict[int, list[int]]) -> list[int]:
        """Its processes that live now."""
        return [] if self.pod is None else self.pod.pids(table)


@dataclass
class Run:
    """One run of a job."""

    id: str
    project_id: str
    job_id: str
    environment: dict[str, str]
    arguments: str
    fields: dict[str, Any]
    status: str = "ENGINE_SCHEDULING"
    created_at: str = field(default_factory=now)
    scheduling_at: str | None = None
    starting_at: str | None = None
    running_at: str | None = None
    finished_at: str | None = None
    engine_id: str = ""
    address: str = ""
    pod: Pod | None = None
    exit_code: int | None = None
    usage: Use | None = None
    """Its line of /usage."""
    task: asyncio.Task[None] | None = None

    @property
    def cpu(self) -> float:
        """CPUs asked for."""
        return float(self.fields.get("cpu", 1))

    def to_json(self) -> dict[str, Any]:
        """The answer's JobRun."""
        return without_nothing({
            "id": self.id, "project_id": self.project_id, "job_id": self.job_id, "status": self.status, "creator": OWNER, "created_at": self.created_at,
            "scheduling_at": self.scheduling_at, "starting_at": self.starting_at, "running_at": self.running_at, "finished_at": self.finished_at,
            "arguments": self.arguments, "environment": json.dumps(self.environment), **self.fields,
        })  # fmt: skip


@dataclass
class Job:
    """One job; its runs are kept with it."""

    id: str
    project_id: str
    name: str
    script: str
    environment: dict[str, str]
    fields: dict[str, Any]
    parent_id: str = ""
    schedule: str = ""
    timeout: int = 0
    created_at: str = field(default_factory=now)
    updated_at: str = field(default_factory=now)
    runs: list[Run] = field(default_factory=list)

    def to_json(self, project: Project) -> dict[str, Any]:
        """The answer's Job: `timeout` is a string here, a number in the create."""
        kind = "dependent" if self.parent_id else "cron" if self.schedule else "manual"
        short = {"public_identifier": project.id, "name": project.name, "slug": project.slug}
        return without_nothing({
            "id": self.id, "name": self.name, "script": self.script, "type": kind, "creator": OWNER, "owner": OWNER, "project": short,
            "created_at": self.created_at, "updated_at": self.updated_at, "parent_id": self.parent_id, "schedule": self.schedule,
            "timeout": str(self.timeout), "environment": json.dumps(self.environment), **self.fields,
        })  # fmt: skip
