"""API v2 of one project, in memory: a transport with answers that are late, lost or wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from raytui.platforms.cai.api.transport import Answer, TransportError
from tests.world.faults import Upset
from tests.world.loop import Killed, Process
from tests.world.records import RUNNING, SHARED, STARTING, STOPPING
from tests.world.site import Refused, Site

RUNTIME = "registry/ml-runtime-python3.11-standard:2025.09"
VENV = (".venv/bin/ray", ".venv/lib/python3.11/site-packages/ray-2.60.0.dist-info/METADATA")
JSON = {"content-type": "application/json"}
HTML = {"content-type": "text/html"}


class OddError(ValueError):
    """Stands for the exception that nobody foresaw."""


class Oddity:
    """Raises an exception that nobody foresaw at one call of a run."""

    def __init__(self, at: int = 0, *, after: bool = False) -> None:
        self.at = at
        self.after = after
        self.calls = 0
        self.raised = False

    def due(self) -> bool:
        self.calls += 1
        return self.calls == self.at

    def error(self) -> Exception:
        self.raised = True
        return (
            UnicodeEncodeError("ascii", "\u201d", 0, 1, "injected")
            if self.at % 2
            else OddError("injected: nobody foresaw this")
        )


class WorldTransport:
    """One process's way to the workbench."""

    name = "world"

    def __init__(self, site: Site, process: Process, oddity: Oddity) -> None:
        self._site = site
        self._process = process
        self._oddity = oddity
        self.sent = 0

    async def call(
        self, operation: str, ids: Mapping[str, str], *, query: Mapping[str, str | int], body: Any, timeout: float
    ) -> Answer:
        del query
        # What is sent is what stands in the request now, whatever becomes of the caller's own object.
        content = msgspec.json.decode(msgspec.json.encode(body)) if body is not None else None
        return await self._send(operation, lambda: self._work(operation, dict(ids), content), timeout)

    async def upload(self, project_id: str, path: str, data: bytes, timeout: float) -> Answer:
        del project_id
        return await self._send("UploadFile", lambda: self._upload(path, data), timeout)

    async def close(self) -> None:
        pass

    async def _send(self, operation: str, work: Callable[[], Answer], timeout: float) -> Answer:
        if not self._process.alive:
            raise Killed
        site, loop = self._site, self._site.loop
        self.sent += 1
        odd = self._oddity.due()
        if odd and not self._oddity.after:
            site.tell(f"    [odd] {operation} raises before it is sent")
            raise self._oddity.error()
        upset = site.faults.upset(site.chance)
        answered: asyncio.Future[Answer | TransportError] = loop.create_future()

        def deliver(answer: Answer | TransportError) -> None:
            if not answered.done():
                answered.set_result(answer)

        def arrive() -> None:
            if upset is None:
                loop.call_later(site.chance.uniform(0.01, 0.1), deliver, _guarded(work))
                return
            self._spoil(operation, upset, work, deliver)

        loop.call_later(site.chance.uniform(0.01, 0.1), arrive)
        try:
            async with asyncio.timeout(timeout):
                answer = await answered
        except TimeoutError:
            raise TransportError("timeout") from None
        if odd:
            site.tell(f"    [odd] {operation} raises after its answer")
            raise self._oddity.error()
        if isinstance(answer, TransportError):
            raise answer
        return answer

    def _spoil(
        self,
        operation: str,
        upset: Upset,
        work: Callable[[], Answer],
        deliver: Callable[[Answer | TransportError], None],
    ) -> None:
        site, loop = self._site, self._site.loop
        if operation not in {"ListApplications", "DownloadProjectFile", "ListProjectFiles", "ListUsage"}:
            what = f"done{f' {upset.late:.1f} s later' if upset.late else ''}" if upset.done else "not done"
            site.tell(f"    [api] {operation} for {self._process.name}: {upset.heard}, {what}")
        answers: dict[str, Answer | TransportError] = {
            "500": Answer(500, JSON, b'{"message": "internal error"}'),
            "504": Answer(504, HTML, b"<html><title>504 Gateway Time-out</title></html>"),
            "html": Answer(200, HTML, b"<html><title>maintenance</title></html>"),
            "429": Answer(429, {**JSON, "retry-after": "1"}, b'{"message": "slow down"}'),
            "garbage": Answer(200, JSON, b'{"id": tru'),
            "lost": TransportError("lost"),
        }
        pause = site.chance.uniform(5.0, 30.0) if upset.heard == "504" else 0.05
        if upset.done:
            if upset.late:
                ticket = id(deliver)
                site.creating[ticket] = (self._process, operation)
                loop.call_later(pause + upset.late, lambda: (site.creating.pop(ticket, None), _guarded(work)))
            else:
                _guarded(work)
        if upset.heard != "timeout":
            loop.call_later(pause, deliver, answers[upset.heard])

    def _work(self, operation: str, ids: dict[str, str], body: Any) -> Answer:
        site, process = self._site, self._process
        if operation == "ListApplications":
            return _json({"applications": site.listed(), "next_page_token": ""})
        if operation == "CreateApplication":
            return _json(site.create(body, process).to_json())
        if operation == "GetApplication":
            shown = next((entry for entry in site.listed() if entry["id"] == ids["application_id"]), None)
            if shown is None:
                raise Refused(404, f"application {ids['application_id']} not found")
            return _json(shown)
        if operation in {"StopApplication", "RestartApplication", "DeleteApplication"}:
            act = {"StopApplication": site.stop, "RestartApplication": site.restart, "DeleteApplication": site.delete}[
                operation
            ]
            act(site.find(ids["application_id"]), process)
            return _json({})
        if operation in {"ListProjectFiles", "DownloadProjectFile", "DeleteProjectFile"}:
            return self._file(operation, ids["path"])
        if operation == "UpdateProjectFileMetadata":
            return self._move(ids["path"], str(body["path"]))
        answers: dict[str, dict[str, Any]] = {
            "ValidateAPIKey": {"valid": True, "username": "engineer"},
            "GetProject": {"id": "p", "name": "project", "creation_status": "success", "shared_memory_limit": 65536},
            "ListRuntimes": {
                "runtimes": [
                    {
                        "image_identifier": RUNTIME,
                        "kernel": "Python 3.11",
                        "edition": "Standard",
                        "full_version": "2025.09",
                        "status": "ENABLED",
                    }
                ]
            },
            "ListUsersQuota": {"user_quota": self._quota()},
            "ListGroupsQuota": {"group_quota": []},
            "ListUsersAcceleratorQuota": {"user_accelerator_quota": []},
            "ListUsage": {"usage_response": self._usage()},
            "ListAllResourceGroups": {"resource_group": []},
            "ListCPUProfiles": {"cpu_resource_profiles": []},
            "ListAllAcceleratorNodeLabels": {"accelerator_node_label": []},
        }
        return _json(answers[operation])

    def _quota(self) -> list[dict[str, Any]]:
        """What the person may use and uses."""
        site = self._site
        if not site.faults.quota:
            return []
        used = {"cpu": str(site.cpu_held()), "memory": "", "nvidia_gpu": ""}
        limit = {"cpu": str(site.faults.quota), "memory": "", "nvidia_gpu": ""}
        return [{"user": {"user_name": "engineer"}, "quota_usage": used, "quota_configured": limit}]

    def _usage(self) -> list[dict[str, Any]]:
        """The workloads that have not ended, while somebody has a quota."""
        site = self._site
        words = {STARTING: "scheduling", RUNNING: "running", STOPPING: "stopping"}
        return [
            {
                "id": app.id, "name": app.name, "creator": "engineer", "project_name": "project", "cpu": app.cpu, "memory": 4.0,
                "nvidia_gpu": 0.0, "workload_type": "application", "status": words[app.status],
            }
            for app in (site.ours() if site.faults.quota else ())
            if app.status in words
        ]  # fmt: skip

    def _file(self, operation: str, path: str) -> Answer:
        site = self._site
        reports = f"{SHARED}/nodes"
        if operation == "DownloadProjectFile":
            data = (
                site.report(path.rpartition("/")[2].removesuffix(".json"))
                if path.startswith(reports + "/")
                else site.folder.read(path, late=True)
            )
            if data is None:
                raise Refused(404, f"{path} not found")
            return Answer(200, {"content-type": "application/octet-stream"}, data)
        if operation == "DeleteProjectFile":
            found = site.folder.remove(path)
            if not found and not path.startswith(SHARED):
                raise Refused(404, f"{path} not found")
            return _json({})
        names = self.names(site, path)
        return _json({"files": [{"path": name, "is_dir": "." not in name, "file_size": "1"} for name in sorted(names)]})

    @staticmethod
    def names(site: Site, folder: str) -> set[str]:
        """Names of what lies in a folder."""
        if folder == f"{SHARED}/nodes":
            return {f"{name}.json" for name in site.reports if site.report(name) is not None}
        prefix = "" if folder in {"", "."} else folder + "/"
        paths = [*site.folder.below(folder, late=True), *(name for name in VENV if name.startswith(prefix))]
        return {path.removeprefix(prefix).split("/")[0] for path in paths}

    def _move(self, source: str, target: str) -> Answer:
        """Move a file; whether onto one that is there, the specification does not say."""
        site = self._site
        data = site.folder.read(source)
        if site.faults.moves == "unknown":
            raise Refused(405, "method not allowed")
        if data is None:
            raise Refused(404, f"{source} not found")
        if site.folder.read(target) is not None and site.faults.moves == "refused":
            raise Refused(409, f"{target} exists")
        site.folder.write(target, data)
        site.folder.write(source, None)
        return _json({})

    def _upload(self, path: str, data: bytes) -> Answer:
        site = self._site
        if site.folder.read(path) is not None:
            stem, dot, end = path.rpartition(".")
            path = f"{stem}(1).{end}" if dot else f"{path}(1)"
        site.folder.write(path, data)
        site.written(path)
        return _json({})


def _guarded(work: Callable[[], Answer]) -> Answer:
    try:
        return work()
    except Refused as refusal:
        return Answer(refusal.status, JSON, msgspec.json.encode({"message": str(refusal), "code": 3}))


def _json(value: Any) -> Answer:
    return Answer(200, JSON, msgspec.json.encode(value))
