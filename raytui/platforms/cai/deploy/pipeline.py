"""From an API key to a running cluster: project, files, environment, cluster, in this order.

Each step is found done or done again. Nothing is remembered between runs. A step looks at the workbench first: an
existing project is used, a file that holds the right bytes is left alone, a run under way is followed, a set-up that
succeeded for the same files is not repeated. No step puts a key into a git URL, a job or a file: the jobs use the key
that the workload has.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.metadata
import io
import re
import time
import zipfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from pathlib import Path

import msgspec

from raytui.core.desired.required import SHARED, with_launchers
from raytui.core.errors import NotAllowed, NotFound, OperationFailed, RaytuiError
from raytui.core.events import StepEvent
from raytui.core.observed.catalog import Project
from raytui.core.remedy import Remedy, plus
from raytui.core.spec import ClusterSpec
from raytui.core.units import sanitize
from raytui.platforms.cai.api.client import ApiClient
from raytui.platforms.cai.applications.lifecycle import Lifecycle
from raytui.platforms.cai.deploy import jobs, projects
from raytui.platforms.cai.deploy.refusals import refuse_impossible, require_writable
from raytui.platforms.cai.project.files import RemoteFiles
from raytui.platforms.cai.project.folder import SharedFolder, folder_of
from raytui.platforms.cai.project.store import ProjectStore, every
from raytui.platforms.cai.project.venv import venv_of
from raytui.platforms.cai.site.catalog import listed
from raytui.platforms.cai.site.checks import usual_shared_memory
from raytui.platforms.cai.site.choice import Choice
from raytui.platforms.cai.site.projects import find as find_project
from raytui.platforms.cai.site.projects import raise_shared_memory
from raytui.platforms.cai.site.projects import read as read_project

FOLDER = f"{SHARED}/deploy"
JOB_SCRIPT = f"{FOLDER}/raytui_job.py"
"""What both jobs run."""
STEPS = ("project found or created", "files uploaded", "environment set up", "cluster launched")
GO_ON = Remedy("deploy", "", "with the same words goes on from here")
SETUP_JOB, LAUNCH_JOB = "setup_environment", "launch_ray_cluster"
MODULES = ("ray", "click", "msgspec", "httpx")
"""What the environment must be able to import: Ray, and what `raytui start` needs."""
SETUP_TIMEOUT_S = 1800.0
"""An installation of Ray over a slow file system was seen to take many minutes."""
_TAIL = 600


class Request(msgspec.Struct, frozen=True):
    """What to deploy."""

    project_name: str
    git_url: str
    branch: str
    spec: ClusterSpec
    requirements: tuple[str, ...]
    """What pip shall install; pinned like the installation that deploys."""
    project_id: str = ""
    """Use this project instead of finding one by name."""
    venv: str = "~/.venv"
    timeout: float = 600.0
    """Seconds for the cluster to come up, inside the launch job."""


class Deployment:
    """One run of the pipeline."""

    def __init__(
        self,
        client: ApiClient,
        request: Request,
        *,
        launchers: Mapping[str, bytes],
        shipped: Mapping[str, bytes],
        complete: Callable[[str, ClusterSpec], Awaitable[ClusterSpec]],
    ) -> None:
        """Take what to deploy.

        `launchers` is what the project's nodes run, `shipped` all that this installation ships for workloads, by path.
        """
        self._root = client
        self._client = client
        self._request = request
        self._launchers = launchers
        self._shipped = shipped
        self._complete = complete
        self._spec = request.spec
        self._source = b""
        self._manifest: dict[str, object] = {}
        self._looks_closer = False
        self.project_id = request.project_id
        self.changed = False

    async def run(self) -> AsyncGenerator[StepEvent, None]:
        """Each step as it changes.

        The first that fails ends the run with its error, and the next run goes on from there.
        """
        done = False
        steps = (self._project, self._files, self._setup, self._launch)
        for name, step in zip(STEPS, steps, strict=True):
            queue: asyncio.Queue[str | None] = asyncio.Queue()
            began = time.monotonic()
            task = asyncio.ensure_future(step(queue.put_nowait))
            # mypy infers no type for a default.
            task.add_done_callback(lambda _, queue=queue: queue.put_nowait(None))  # type: ignore[misc]
            yield StepEvent(name, "running")
            try:
                while (message := await queue.get()) is not None:
                    yield StepEvent(name, "running", round(time.monotonic() - began, 3), message)
                answer = await task
            except RaytuiError as error:
                yield StepEvent(name, "failed", round(time.monotonic() - began, 3), error.message)
                if done:
                    error.hint = plus(error.hint, "; " if error.hint else "", GO_ON)
                raise
            finally:
                task.cancel()
            yield StepEvent(name, "done", round(time.monotonic() - began, 3), answer)
            done = True

    async def preview(self) -> list[StepEvent]:
        """What a run would do, found by reading only."""
        request = self._request
        project = await self._existing()
        if project is None:
            source = f" from {request.git_url}" if request.git_url else ", empty"
            found = f"{request.project_name} would be created{source}"
            await self._choose_for_new()
            ready = ""
        else:
            found = f"{project.name} ({project.id}), found"
            await self._choose_for(project)
            ready = await self._is_ready()
        spec, image = self._spec, self._spec.head.runtime_identifier or ""
        shared = spec.shared_memory or usual_shared_memory(spec)
        size = f"head of {spec.head.cpu:g} CPU and {spec.head.memory:g} GB on {image}"
        workers = [
            f"{one.count} {name} of {one.cpu:g} CPU, {one.memory:g} GB and {one.gpus} GPU on {one.runtime_identifier}"
            for name, one in spec.all_groups.items()
            if one.count
        ]
        messages = (
            f"{found}; its shared memory is raised to {shared:g} GB where it is less",
            f"{FOLDER} and {folder_of(spec.name)}/launchers",
            ready or f"job {SETUP_JOB} on {image}",
            f"job {LAUNCH_JOB} on {image}: {spec.name} with a {'; '.join([size, *workers])}",
        )
        return [StepEvent(name, "planned", 0.0, message) for name, message in zip(STEPS, messages, strict=True)]

    async def close(self) -> None:
        """Let go of connections."""
        await self._root.close()

    @property
    def spec(self) -> ClusterSpec:
        """The cluster that is launched, as far as it is known by now."""
        return self._spec

    async def _existing(self) -> Project | None:
        request = self._request
        if request.project_id:
            return await read_project(self._root, request.project_id)
        return await find_project(self._root, request.project_name)

    async def _choose_for_new(self) -> None:
        """The images that a project without an environment would get; raises when no cluster could run there."""
        self._spec = Choice(await listed(self._root)).of(self._request.spec)
        await refuse_impossible(self._root, self._spec, self._launchers, is_new=True)

    async def _choose_for(self, project: Project) -> None:
        """What the cluster is in this project; raises when it could not run there."""
        require_writable(project)
        self.project_id = project.id
        self._client = self._root.for_project(project.id)
        self._spec = await self._complete(project.id, self._request.spec)
        await refuse_impossible(self._client, self._spec, self._launchers)

    async def _project(self, progress: Callable[[str], None]) -> str:
        request, made = self._request, False
        project = await self._existing()
        if project is None:
            await self._choose_for_new()
            project, made = await projects.ensure(
                self._root, request.project_name, request.git_url, branch=request.branch, progress=progress
            )
            self.changed |= made
        else:
            require_writable(project)
            project = await projects.ready(self._root, project, progress=progress)
        await self._choose_for(project)
        shared = await self._share_memory()
        return f"{project.name} ({project.id}), {'created' if made else 'found'}; {shared}"

    async def _share_memory(self) -> str:
        """Raise the project's shared memory before anything is made; what is so then, in words."""
        wanted = self._spec.shared_memory
        try:
            before, after = await raise_shared_memory(self._client, wanted or usual_shared_memory(self._spec))
        except (NotAllowed, OperationFailed) as error:
            if wanted:
                raise
            # Nobody asked for it, and the cluster runs without it, with a small object store.
            return f"its shared memory stays as it is: {error.message}"
        self.changed |= before != after
        return f"shared memory {after} MB" + (f", raised from {before} MB" if before != after else "")

    async def _is_ready(self) -> str:
        """Why the set-up job need not run in a project that was there before; empty when it must."""
        if not self._request.project_id:
            return ""
        venv = await venv_of(RemoteFiles(self._client))
        image = self._spec.head.runtime_identifier or ""
        fits = venv.own_python or f"python{venv.python}-" in image
        if not venv.has_ray or venv.broken or not fits or not _is_wanted(venv.ray, self._request.requirements):
            return ""
        return f"the project's .venv has Ray {venv.ray} on Python {venv.python}; what it may lack is added at launch"

    async def _files(self, progress: Callable[[str], None]) -> str:
        remote = RemoteFiles(self._client)
        store = ProjectStore(remote, SharedFolder(remote), Lifecycle(self._client), self._client.timing)
        cluster = self._spec.name
        # The launchers stand there when nothing else runs from there; the job's own start looks and
        # names another folder where something does.
        spec = with_launchers(self._spec, "cai")
        archive, name = await asyncio.to_thread(source_archive, self._shipped)
        self._manifest = {
            "source": name,
            "venv": self._request.venv,
            "modules": list(MODULES),
            "requirements": list(self._request.requirements),
            "start": [
                "--config",
                f"{FOLDER}/raytui.toml",
                "--profile",
                "cai",
                "--timeout",
                f"{self._request.timeout:g}",
            ],
        }
        files: dict[str, bytes] = {
            f"{FOLDER}/{name}.zip": archive,
            JOB_SCRIPT: self._shipped["raytui_job.py"],
            f"{FOLDER}/raytui.toml": settings_file(spec).encode(),
            f"{FOLDER}/deploy.json": msgspec.json.format(msgspec.json.encode(self._manifest, order="deterministic")),
        }
        manifest = f"{FOLDER}/deploy.json"
        progress(" ".join(("launchers", *files)))
        _, written = await store.place_launchers(cluster, self._launchers)
        written += sum(
            await every(store.publish(path, data, 0o644) for path, data in files.items() if path != manifest)
        )
        # Last, so that a job which somebody runs meanwhile finds all that it names.
        written += await store.publish(manifest, files[manifest], 0o644)
        self.changed |= bool(written)
        return f"{written} of {len(files) + len(self._launchers)} uploaded, the others were there"

    async def _setup(self, progress: Callable[[str], None]) -> str:
        # The job runs again whenever what it rests on changed; what it did is reported by its own definition in the
        # workbench.
        wanted = hashlib.sha256(msgspec.json.encode(self._manifest, order="deterministic")).hexdigest()[:16]
        ready = await self._is_ready()
        if ready:
            self._looks_closer = True
            return ready
        return await self._job(SETUP_JOB, {"RAYTUI_DEPLOY": wanted}, SETUP_TIMEOUT_S, progress, once=True)

    async def _launch(self, progress: Callable[[str], None]) -> str:
        # What the environment lacks after all is installed by the launch job.
        more = SETUP_TIMEOUT_S if self._looks_closer else 0.0
        return await self._job(LAUNCH_JOB, {}, self._request.timeout + 120 + more, progress, once=False)

    async def _job(
        self, name: str, environment: dict[str, str], timeout: float, progress: Callable[[str], None], *, once: bool
    ) -> str:
        spec = jobs.JobSpec(
            name=name,
            script=JOB_SCRIPT,
            arguments=name,
            runtime_identifier=self._spec.head.runtime_identifier or "",
            environment=environment,
        )
        job_id, made = await jobs.ensure(self._client, spec)
        self.changed |= made
        if once and await self._succeeded(job_id, name, environment):
            return f"job {name} succeeded before with the same files"
        self.changed = True
        run = await jobs.start(self._client, job_id, name, environment)
        ended = await jobs.watch(self._client, job_id, run, name, timeout=timeout, progress=progress)
        if ended.state != "succeeded":
            reason = await jobs.failure_reason(self._client, name, ended)
            said = await self._said(name)
            raise OperationFailed(
                f"the job {name} of project {self.project_id} {ended.state}: {said or reason}",
                hint=f"its output is in {FOLDER}/{name}.log of the project",
                reason="JobFailed",
            )
        return f"job {name} succeeded"

    async def _succeeded(self, job_id: str, name: str, environment: Mapping[str, str]) -> bool:
        """Whether the newest run of the job succeeded for this very set of files."""
        newest = next(iter(await jobs.history(self._client, job_id, name)), None)
        return newest is not None and newest.state == "succeeded" and environment.items() <= newest.environment.items()

    async def _said(self, name: str) -> str:
        """The job's own last words, from the log that it keeps in the project."""
        try:
            log = await RemoteFiles(self._client).read(f"{FOLDER}/{name}.log")
        except (NotFound, RaytuiError):
            return ""
        lines = [sanitize(line).strip() for line in log.decode(errors="replace").splitlines()]
        failed = [line.removeprefix("failed: ") for line in lines if line.startswith("failed: ")]
        return (failed or [line for line in lines if line] or [""])[-1][:_TAIL]


def _is_wanted(ray: str, requirements: tuple[str, ...]) -> bool:
    """Whether this version of Ray is the one that is wanted, as far as its first numbers say."""
    wanted = next((line for line in requirements if re.match(r"ray\b", line)), "")
    pinned = re.search(r"==\s*(\d+\.\d+)", wanted)
    return bool(ray) and (pinned is None or ray.split(".")[:2] == pinned.group(1).split("."))


def requirements() -> tuple[str, ...]:
    """What this installation of raytui depends on, with Ray, as pip takes it."""
    found = []
    for line in importlib.metadata.requires("raytui") or ():
        requirement, _, marker = line.partition(";")
        if not marker or "extra == 'ray'" in marker.replace('"', "'"):
            found.append(requirement.strip())
    return tuple(found)


def source_archive(shipped: Mapping[str, bytes]) -> tuple[bytes, str]:
    """The installed raytui itself as a zip, and the name of the folder that it becomes.

    What is deployed is what deploys.
    """
    package = Path(__file__).resolve().parents[3]
    found = {f"raytui/{path.relative_to(package)}": path.read_bytes() for path in package.rglob("*") if _wanted(path)}
    found |= {f"raytui/launchers/{name}": data for name, data in shipped.items()}
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(found):
            # A fixed date: the same sources give the same bytes, so that an upload is repeated only when something
            # changed.
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), found[name], zipfile.ZIP_DEFLATED)
    data = held.getvalue()
    return data, f"raytui-{hashlib.sha256(data).hexdigest()[:12]}"


def _wanted(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts and path.suffix in {".py", ".tcss", ".typed"}


def settings_file(spec: ClusterSpec) -> str:
    """The settings that the launch job uses; the workload's own variables add host, project and key."""
    lines = [
        "# Written by raytui's deploy; the key and the project come from the workload's own variables.",
        "[profiles.cai]",
        'platform = "cai"',
    ]
    plain = msgspec.to_builtins(spec)
    head, workers, groups = plain.pop("head", {}), plain.pop("workers", {}), plain.pop("groups", {})
    for table, values in (
        ("cluster", {"name": spec.name, **plain}),
        ("cluster.head", head),
        ("cluster.workers", workers),
        *((f"cluster.groups.{name}", size) for name, size in groups.items()),
    ):
        lines += ["", f"[profiles.cai.{table}]", *(f"{key} = {_toml(value)}" for key, value in values.items())]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    # JSON's strings, numbers and booleans are TOML's.
    return msgspec.json.encode(value).decode()
