"""The rows of `doctor` on Cloudera AI: what could keep a spec from running, found by reading only.

The rows are asked for together; a question that cannot be asked is a row that says so, never a guess.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from raytui.core.desired.asked import part_of
from raytui.core.desired.launchers import SCRIPTS, needs_node_program, node_folder, others
from raytui.core.desired.validate import SUBDOMAIN
from raytui.core.errors import NotFound, RaytuiError, Unreachable
from raytui.core.observed.catalog import LIST_PROJECTS
from raytui.core.protocols.platform import Check
from raytui.core.remedy import Remedy
from raytui.core.spec import WORKER, ClusterSpec, application_names
from raytui.platforms.cai.api.client import ApiClient
from raytui.platforms.cai.applications.lifecycle import Lifecycle
from raytui.platforms.cai.applications.records import subdomain_for
from raytui.platforms.cai.project.files import ProjectFiles
from raytui.platforms.cai.project.folder import launcher_path
from raytui.platforms.cai.project.venv import Venv, venv_of
from raytui.platforms.cai.site.catalog import listed
from raytui.platforms.cai.site.checks import (
    gpu_row,
    gpu_total_rows,
    quota_row,
    runtime_row,
    security_row,
    shared_memory_row,
    size_row,
    venv_row,
)
from raytui.platforms.cai.site.projects import DEFAULT_SHM_MB, parse


class Preflight:
    """One run of the checks."""

    def __init__(
        self,
        client: ApiClient,
        lifecycle: Lifecycle,
        files: ProjectFiles,
        launchers: Callable[[], Mapping[str, bytes]] | None,
    ) -> None:
        self._client = client
        self._lifecycle = lifecycle
        self._files = files
        self._launchers = launchers
        self._user = ""
        self._asking: asyncio.Future[Mapping[str, object]] | None = None
        self._reading: dict[str, asyncio.Future[bytes | None]] = {}
        self._looking: asyncio.Future[Venv] | None = None

    async def run(self, spec: ClusterSpec) -> tuple[Check, ...]:
        """Every row, in the order in which a person would mend them; the sizes of the spec must be filled in."""
        key = await self._key()
        if key.status == "fail":
            rest = (
                "project",
                "runtimes",
                "sizes",
                "GPU",
                "quota",
                "subdomain",
                "head script",
                "worker script",
                "venv",
                "shared memory",
            )
            return (key, *(Check(name, "skip", "not asked: the key comes first") for name in rest), security_row(spec))
        parts: list[tuple[str, Awaitable[list[Check]]]] = [
            ("project", self._project(spec)),
            *self._of_workbench(spec),
            ("subdomain", self._subdomains(spec)),
            ("head script", self._script("head", spec.name, spec.head.script)),
            *(
                (f"{group} script", self._script(group, spec.name, size.script))
                for group, size in spec.all_groups.items()
                if group == WORKER or size.script
            ),
            ("venv", self._venv_row(spec)),
        ]
        rows = await asyncio.gather(*(_guarded(name, part) for name, part in parts))
        return (key, *(row for group in rows for row in group), security_row(spec))

    async def run_without_project(self, spec: ClusterSpec) -> tuple[Check, ...]:
        """The rows that need no project, for one that is yet to be made and has no venv."""
        self._looking = asyncio.get_running_loop().create_future()
        self._looking.set_result(Venv())
        key = await self._key()
        if key.status == "fail":
            return (key,)
        rows = await asyncio.gather(*(_guarded(name, part) for name, part in self._of_workbench(spec)))
        return (key, *(row for group in rows for row in group))

    def _of_workbench(self, spec: ClusterSpec) -> list[tuple[str, Awaitable[list[Check]]]]:
        """What the workbench has for the spec, whatever the project."""
        return [
            ("runtimes", self._runtimes(spec)),
            ("sizes", self._sizes(spec)),
            ("GPU", self._gpus(spec)),
            ("quota", self._quota(spec)),
        ]

    async def _key(self) -> Check:
        source = self._client.workbench.key_source
        outcome = await self._client.outcome("ValidateAPIKey", body={"audience": "API"})
        if outcome.kind in {"absent", "refused"}:
            return Check("key", "skip", f"this workbench cannot check keys; {source} is used as it is")
        if outcome.kind != "ok":
            error = self._client.error(outcome, "ValidateAPIKey")
            name = "platform" if isinstance(error, Unreachable) else "key"
            return Check(name, "fail", error.message, error.hint, "host" if name == "platform" else "api_key_file")
        if outcome.payload.get("valid") is False:
            why = str(outcome.payload.get("message") or "it is not valid")
            hint = "make a new API v2 key with the audience API"
            return Check("key", "fail", f"the API key from {source} was refused: {why}", hint, "api_key_file")
        self._user = str(outcome.payload.get("username") or "")
        whose = f" of {self._user}" if self._user else ""
        return Check("key", "ok", f"the API key{whose} is valid for the audience API, through {self._client.transport}")

    async def _project(self, spec: ClusterSpec) -> list[Check]:
        project = self._client.workbench.project_id
        try:
            answer = await self._project_answer()
        except NotFound:
            missing = f"there is no project {project} that this key may see"
            return [Check("project", "fail", missing, LIST_PROJECTS, "project_id")]
        status = str(answer.get("creation_status") or "")
        if status.lower() in {"creating", "failure", "failed"}:
            return [
                Check(
                    "project",
                    "fail",
                    f"the project {project} is not ready: {status}",
                    "look at it in the workbench",
                    "project_id",
                )
            ]
        found = parse(answer)
        if found.may_write is False:
            message = f"this key may view the project {found.name or project} and not change it"
            return [
                Check(
                    "project",
                    "fail",
                    message,
                    ("ask its owner for the role of a contributor; ", LIST_PROJECTS),
                    "project_id",
                )
            ]
        row = Check("project", "ok", f"project {found.name or project} is ready")
        return [row, shared_memory_row(spec, found.shared_memory_limit or DEFAULT_SHM_MB)]

    async def _runtimes(self, spec: ClusterSpec) -> list[Check]:
        known, venv = await asyncio.gather(listed(self._client), self._venv())
        rows = [
            runtime_row("head", "head.runtime_identifier", spec.head.runtime_identifier or "", known, gpus=0, venv=venv)
        ]
        for group, size in spec.all_groups.items():
            if size.count:
                identifier, field = size.runtime_identifier or "", f"{part_of(group)}.runtime_identifier"
                rows.append(runtime_row(group, field, identifier, known, gpus=size.gpus, venv=venv))
        return rows

    async def _sizes(self, spec: ClusterSpec) -> list[Check]:
        profiles, groups = await asyncio.gather(
            self._client.pages("ListCPUProfiles", "cpu_resource_profiles"),
            self._client.pages("ListAllResourceGroups", "resource_group"),
        )
        return [size_row(spec, profiles, groups)]

    async def _gpus(self, spec: ClusterSpec) -> list[Check]:
        asked = {group: size for group, size in spec.all_groups.items() if size.gpus and size.count}
        if not asked:
            return [Check("GPU", "skip", "no GPU is asked for")]
        labels = await self._client.pages("ListAllAcceleratorNodeLabels", "accelerator_node_label")
        rows = [
            gpu_row(size.gpus, size.count, labels, group=group, accelerator=size.accelerator or "")
            for group, size in asked.items()
        ]
        return [*rows, *gpu_total_rows(spec, labels)]

    async def _quota(self, spec: ClusterSpec) -> list[Check]:
        users, teams, owner = await asyncio.gather(
            self._client.pages("ListUsersQuota", "user_quota"), self._quotas_of_teams(), self._owner()
        )
        # The workloads of a team's project count against the team's quota, whoever starts them.
        of_team = [row for row in teams if owner != self._user and _named(row.get("group"), owner)]
        if of_team:
            return [quota_row(spec, of_team[0], team=owner)]
        mine = [row for row in users if _named(row.get("user"), self._user)]
        return [quota_row(spec, (mine or users)[0] if len(mine or users) == 1 else {})]

    async def _project_answer(self) -> Mapping[str, object]:
        """What the workbench answers of the project, asked once for all rows."""
        if self._asking is None:
            self._asking = asyncio.ensure_future(self._client.call("GetProject"))
        return await self._asking

    async def _owner(self) -> str:
        """Who owns the project: a user or a team; empty where that is not reported, or there is no project yet."""
        if not self._client.workbench.project_id:
            return ""
        try:
            return parse(await self._project_answer()).owner
        except RaytuiError:
            # The row of the project says so.
            return ""

    async def _quotas_of_teams(self) -> list[dict[str, object]]:
        try:
            return await self._client.pages("ListGroupsQuota", "group_quota")
        except RaytuiError:
            # A workbench without teams need not know of them; the user's quota is reported all the same.
            return []

    async def _subdomains(self, spec: ClusterSpec) -> list[Check]:
        project = self._client.workbench.project_id
        wanted = {subdomain_for(name, project): name for name in application_names(spec)}
        if not SUBDOMAIN.fullmatch(spec.name):
            return [
                Check(
                    "subdomain",
                    "fail",
                    f"{spec.name!r} makes no valid subdomain",
                    "use a-z, 0-9 and single hyphens",
                    "name",
                )
            ]
        names = set(wanted.values())
        # The name of a group can make that of an application of another cluster.
        foreign = [
            record
            for record in await self._lifecycle.records()
            if not record.ours or (record.marker is not None and record.marker.cluster != spec.name)
        ]
        taken = [record for record in foreign if record.subdomain in wanted or record.name in names]
        if taken:
            listed = ", ".join(record.name for record in taken)
            message = f"applications that are not ours have these names: {listed}"
            return [Check("subdomain", "fail", message, "choose another cluster name", "name")]
        rows = [Check("subdomain", "ok", f"{next(iter(wanted))} and its siblings are free in this project")]
        if unread := self._lifecycle.unread:
            message = (
                f"{unread} entries of the list of applications cannot be read and are left out: one may have a "
                "name of this cluster"
            )
            rows.append(Check("applications", "warn", message, "look at the applications in the workbench"))
        return rows

    async def _script(self, role: str, cluster: str, path: str | None) -> list[Check]:
        """The script of the head, or of a group of workers."""
        name, field = f"{role} script", "head.script" if role == "head" else f"{part_of(role)}.script"
        role = "head" if role == "head" else "worker"
        if not path:
            return [Check(name, "skip", "no path is given")]
        rendered = self._launchers() if self._launchers is not None else {}
        managed = path == launcher_path(cluster, SCRIPTS[role])
        render = (
            Remedy("render", f"--to {path.rpartition('/')[0] or '.'}", "writes it"),
            "; upload or commit it to the project",
        )
        found = await self._held(path)
        if found is None and managed:
            return [Check(name, "ok", f"{path} is written at start")]
        if found is None:
            return [Check(name, "fail", f"{path} does not exist in the project", render, field)]
        wanted = {
            f"{node_folder(path)}/{file.partition('/')[2]}": data for file, data in rendered.items() if "/" in file
        }
        if not needs_node_program(found):
            wanted = {}
        held = dict(zip(wanted, await asyncio.gather(*map(self._held, wanted)), strict=True))
        missing = [file for file, data in held.items() if data is None]
        if missing and not managed:
            message = f"{path} runs the folder {node_folder(path)} beside it, which lacks {_some(missing)}"
            return [Check(name, "fail", message, render, field)]
        differs = others({path: rendered.get(SCRIPTS[role], found), **wanted}, {path: found, **held})
        if (differs or missing) and managed:
            message = (
                f"{path} is another version's, or not whole: start writes this version's and leaves alone what "
                "is in use"
            )
            return [Check(name, "ok", message)]
        if differs:
            hint = (
                Remedy("render", "", "writes the current one"),
                "; a script of your own is fine if it starts Ray as launchers do",
            )
            return [
                Check(
                    name,
                    "warn",
                    f"{_some(differs, path)} differs from what this version of raytui renders",
                    hint,
                    field,
                )
            ]
        return [
            Check(
                name,
                "ok",
                f"{path} is there" + (f", with {len(wanted)} files of {node_folder(path)}" if wanted else ""),
            )
        ]

    async def _held(self, path: str) -> bytes | None:
        """A file of the project, read once for both scripts; none when there is no such file."""
        if path not in self._reading:
            self._reading[path] = asyncio.ensure_future(self._read(path))
        return await self._reading[path]

    async def _read(self, path: str) -> bytes | None:
        try:
            return await self._files.read(path)
        except NotFound:
            return None

    async def _venv_row(self, spec: ClusterSpec) -> list[Check]:
        return [venv_row(spec, await self._venv())]

    async def _venv(self) -> Venv:
        """The venv, looked at once for all rows."""
        if self._looking is None:
            self._looking = asyncio.ensure_future(venv_of(self._files))
        return await self._looking


def _named(owner: object, name: str) -> bool:
    """Whether this owner of a quota has the name."""
    return bool(name) and isinstance(owner, dict) and name in {owner.get("user_name"), owner.get("name")}


async def _guarded(name: str, part: Awaitable[list[Check]]) -> list[Check]:
    try:
        return await part
    except RaytuiError as error:
        # Another row says whether the platform can be used; this one only could not look.
        return [Check(name, "skip", f"could not be checked: {error.message}", error.hint)]


def _some(paths: list[str], first: str = "") -> str:
    """One of the paths, and how many more there are."""
    named = first if first in paths else paths[0]
    rest = len(paths) - 1
    return named if not rest else f"{named} and {rest} more"
