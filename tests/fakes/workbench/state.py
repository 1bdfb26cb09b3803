"""Everything the test workbench knows: options, faults, projects, applications, jobs, keys, and the truth about them."""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .certificates import Certificates
from .failures import Chooser
from .faults import Faults
from .files import ProjectFiles
from .listing import Listing
from .model import Application, Job, Project, Use, new_id
from .scheduling import Scheduler
from .site import Site

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from .lifecycle import Lifecycle
    from .network import Network
    from .runs import Runs

API, APPLICATION = "API", "Application"
PROJECT_SECRET = "clear-text-secret-of-the-project"  # the API echoes it; nothing of a client may show it


@dataclass(frozen=True)
class Options:
    """What the command line says; never changed afterwards."""

    root: Path
    venv: Path
    stub: bool = False
    seed: int | None = None
    validate: bool = False
    scheme: str = "http"
    port: int = 0
    team: str = ""
    """The team that owns the first project."""
    own_network: bool = True
    """Whether workloads get networks of their own, where that is permitted."""
    certificate: Path | None = None
    """The certificate that https is served with, when one was given."""
    client: Path | None = None
    """The vendor's client for Python, a tar.gz."""


@dataclass
class Workbench:
    """The whole state. One asyncio loop owns it, so nothing here is locked."""

    options: Options
    faults: Faults = field(default_factory=Faults)
    projects: dict[str, Project] = field(default_factory=dict)
    applications: dict[str, Application] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    workloads: list[Use] = field(default_factory=list)
    site: Site = field(default_factory=Site)
    requests: int = 0
    violations: list[str] = field(default_factory=list)
    """What broke the specification, with --validate."""

    def __post_init__(self) -> None:
        seed = self.options.seed
        self.rng = random.Random(seed)
        self.chooser = Chooser(self.faults, seed)
        self.api_key = secrets.token_hex(32)
        self.workload_key = secrets.token_hex(32)
        self.port = self.options.port
        self.certificates = Certificates(self.options.root, self.options.certificate)
        self.network: Network
        self.lifecycle: Lifecycle
        self.runs: Runs
        self.files = ProjectFiles(self)
        self.scheduler = Scheduler(self)
        self.listing = Listing(self)
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def url(self) -> str:
        """Where the API answers."""
        return f"{self.options.scheme}://127.0.0.1:{self.port}"

    @property
    def domain(self) -> str:
        """Applications answer at <subdomain>.<domain>. Names below localhost are loopback by RFC 6761."""
        return f"localhost:{self.port}"

    @property
    def first_project(self) -> Project:
        """The project that exists from the start."""
        return next(iter(self.projects.values()))

    def audiences(self, key: str) -> set[str]:
        """What a key is good for. The suffixes `-api`, `-application`, `-readonly` of the key make narrower ones."""
        if self.faults.key_invalid:
            return set()
        keys = {self.api_key: {API, APPLICATION}, self.workload_key: {API, APPLICATION}, self.api_key + "-api": {API}}
        keys |= {self.api_key + "-application": {APPLICATION}, self.api_key + "-readonly": {API, APPLICATION}}
        found = keys.get(key, set())
        return found - {API} if self.faults.wrong_audience else found

    def may_write(self, key: str) -> bool:
        """Whether a key may change anything."""
        return not self.faults.read_only and not key.endswith("-readonly")

    def begin(self, identity: str, name: str, kind: str, project_id: str, fields: dict[str, Any]) -> Use:
        """Note a start of a workload for /usage."""
        use = Use(identity, name, kind, self.projects[project_id], dict(fields))
        self.workloads.append(use)
        return use

    def new_id(self) -> str:
        """An id that nothing else has."""
        return new_id(self.rng)

    def add_project(self, name: str, **values: Any) -> Project:
        """A project with its folder, the virtual environment linked in."""
        identity = self.new_id()
        folder = self.options.root / "projects" / identity
        folder.mkdir(parents=True)
        project = Project(identity, name, folder, **values)
        self.projects[identity] = project
        return project

    def link_venv(self, project: Project) -> None:
        """Make `~/.venv` of a workload the given virtual environment."""
        link = project.folder / ".venv"
        if not link.exists() and not link.is_symlink():
            link.symlink_to(self.options.venv, target_is_directory=True)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something beside the request that asked for it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            traceback.print_exception(error)

    async def close(self) -> None:
        """End all background work and every process of every workload."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(AttributeError):
            await self.lifecycle.close()
            self.network.close()

    def truth(self) -> dict[str, Any]:
        """What really exists, for `GET /_test/state`."""
        from .kernel import process_table

        every_run = [run for job in self.jobs.values() for run in job.runs]
        workloads = [*self.applications.values(), *self.lifecycle.orphans, *every_run]
        # Every test asks for this, and a look at all processes of the machine is most of what it costs.
        table = process_table() if any(workload.pod is not None for workload in workloads) else {}
        rows = []
        for application in self.applications.values():
            row = {
                "id": application.id,
                "name": application.name,
                "status": application.status,
                "project_id": application.project_id,
                "waits_for": self.scheduler.waits_for(application),
            }
            rows.append(
                {
                    **row,
                    "pids": application.pids(table),
                    "address": application.address,
                    "engine_id": application.engine_id,
                }
            )
        rows += [
            {
                "id": orphan.id,
                "name": orphan.name,
                "status": "ORPHAN",
                "project_id": orphan.project_id,
                "pids": orphan.pids(table),
            }
            for orphan in self.lifecycle.orphans
        ]
        runs = [
            {
                "id": run.id,
                "job_id": job.id,
                "job": job.name,
                "status": run.status,
                "waits_for": self.scheduler.waits_for(run),
                "pids": run.pod.pids(table) if run.pod else [],
            }
            for job in self.jobs.values()
            for run in job.runs
        ]
        return {
            "applications": rows,
            "requests": self.requests,
            "job_runs": runs,
            "projects": list(self.projects),
            "violations": self.violations,
        }
