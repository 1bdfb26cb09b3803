"""raytui killed with SIGKILL before and after every request of `start` and `stop`, and after every second of `deploy`.

Whatever the moment: the next `start` completes the cluster, the next `stop` leaves nothing, and the next `deploy` goes
on to one project with one job of each kind and whole files. The number of requests
is counted from an undisturbed run, so that a new request is covered the day it is added.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from raytui.platforms.cai.deploy.pipeline import LAUNCH_JOB, SETUP_JOB
from tests.contract.chaos import OPTIONS
from tests.contract.killed import LAUNCHERS, carry_out, deploy, spec_of
from tests.contract.process import ROOT, Bench, bench, runtime_of

JOBS = ("--fault", "stub_jobs=1", "--fault", "clone_seconds=0.05")
SHARED_LOOKS = 8
"""By how many requests two runs may differ: creates and deletes that end at the same moment share a look at the list, and
on a busy machine that is asked more often for what is not there yet (44 and 48 requests were seen)."""


class Matrix:
    """One workbench; `begin` starts a process of raytui, killed at a request, and answers its exit status."""

    def __init__(self, made: Bench, folder: Path, runtime: str) -> None:
        self.made = made
        self.folder = folder
        self.runtime = runtime
        info = made.info
        words = [
            sys.executable,
            "-m",
            "tests.contract.killed",
            info["url"],
            info["project_id"],
            info["api_key"],
            runtime,
            str(folder),
        ]
        self.errors = folder / "errors"
        with self.errors.open("w") as errors:
            self.lives = subprocess.Popen(
                words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )

    def close(self) -> None:
        """No further lives."""
        self.lives.communicate()

    def tell(self, line: str) -> int:
        """Say a line to the program that makes the processes; the number with which it answers."""
        assert self.lives.stdin is not None
        assert self.lives.stdout is not None
        self.lives.stdin.write(f"{line}\n")
        self.lives.stdin.flush()
        return int(self.lives.stdout.readline())

    async def begin(self, verb: str, cluster: str, kill: str = "", at: int = 0) -> int:
        pid = await asyncio.to_thread(self.tell, f"{verb} {cluster}")
        if kill:
            await asyncio.to_thread(self.made.faults, kill_pid=pid, **{kill: at})
        code = await asyncio.to_thread(self.tell, "go")
        assert code in {0, -9}, self.errors.read_text()
        return code

    async def next(self, verb: str, cluster: str) -> None:
        """What the operator does next, undisturbed."""
        platform = self.made.platform()
        try:
            await carry_out(verb, platform, spec_of(cluster, self.runtime), self.folder / cluster)
        finally:
            await platform.close()

    async def requests_of(self, verb: str, cluster: str) -> int:
        before = self.made.state()["requests"]
        assert await self.begin(verb, cluster) == 0
        return int(self.made.state()["requests"]) - before

    async def case(self, verb: str, kill: str, at: int, count: int) -> None:
        """Kill one run, then start and stop; before a stop the cluster is made first."""
        cluster = f"kill-{verb}-{kill.removeprefix('kill_pid_')}-{at}"
        wanted = sorted([f"{cluster}-head", f"{cluster}-worker-1", f"{cluster}-worker-2"])
        if verb == "stop":
            await self.next("start", cluster)
        before = int(self.made.state()["requests"])
        if await self.begin(verb, cluster, kill, at) == 0:
            made = int(self.made.state()["requests"]) - before
            assert count - SHARED_LOOKS <= made < at, (
                f"{cluster}: the run was over with {made} of {count} requests, not killed at {at}"
            )
            await asyncio.to_thread(self.made.faults, **{kill: 0})
        # In every second case the operator gives up at once; in the others the cluster is completed first.
        if at % 2:
            await self.next("start", cluster)
            assert self.made.names_of(cluster) == wanted, cluster
        await self.next("stop", cluster)
        assert self.made.names_of(cluster) == [], cluster


@pytest.mark.parametrize("verb", ["start", "stop"])
@pytest.mark.timeout(600)
@pytest.mark.long
async def test_killed_at_every_request(tmp_path: Path, verb: str):
    with ExitStack() as stack:
        made = stack.enter_context(bench(tmp_path / "bench", *OPTIONS))
        platform = made.platform()
        runtime = await runtime_of(platform)
        for name in ("head.py", "worker.py"):
            await platform.files.write(name, b"pass\n")
        await platform.close()
        matrix = Matrix(made, tmp_path, runtime)
        stack.callback(matrix.close)
        if verb == "stop":
            await matrix.next("start", "counted")
        count = await matrix.requests_of(verb, "counted")
        assert count > 3
        # One at a time: the workbench counts all requests, so a neighbour's would move the moment of the kill.
        for at in range(1, count + 1):
            for kill in ("kill_pid_before", "kill_pid_after"):
                await matrix.case(verb, kill, at, count)
        left = [app["name"] for app in made.state()["applications"] if not app["name"].startswith("counted")]
        assert left == []


def check_deployed(made: Bench, name: str, project: str) -> None:
    """What a deploy has left, however often it was begun: one of each, and nothing beside it."""
    listed = made.ask("GET", "/api/v2/projects?page_size=1000")["projects"]
    assert [entry["id"] for entry in listed if entry["name"] == name] == [project]
    found = made.ask("GET", f"/api/v2/projects/{project}/jobs")["jobs"]
    assert sorted(job["name"] for job in found) == sorted([SETUP_JOB, LAUNCH_JOB]), name
    for job in found:
        runs = made.ask("GET", f"/api/v2/projects/{project}/jobs/{job['id']}/runs?page_size=100")["job_runs"]
        assert {run["status"] for run in runs} == {"ENGINE_SUCCEEDED"}, f"{name}: {job['name']}"
    folder = made.folder(project) / ".raytui"
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    archives = [path for path in files if path.endswith(".zip")]
    assert len(archives) == 1, name
    launchers = [f"deployed/launchers/{script}" for script in LAUNCHERS]
    rest = ["deploy/raytui_job.py", "deploy/raytui.toml", "deploy/deploy.json"]
    assert sorted(files) == sorted([*archives, *rest, *launchers]), name
    assert {files[path].read_bytes() for path in launchers} == {b"pass\n"}
    assert made.ask("GET", f"/api/v2/projects/{project}")["shared_memory_limit"] > 64


@pytest.mark.timeout(600)
@pytest.mark.long
async def test_deploy_killed_at_every_second_request_goes_on(tmp_path: Path):
    with ExitStack() as stack:
        made = stack.enter_context(bench(tmp_path / "bench", *OPTIONS, *JOBS))
        platform = made.platform()
        images = [str(row["image_identifier"]) for row in await platform.client.pages("ListRuntimes", "runtimes")]
        # As the venv that the workbench gives its projects.
        python = f"python{sys.version_info.major}.{sys.version_info.minor}-standard"
        runtime = next(image for image in images if python in image)
        await platform.close()
        matrix = Matrix(made, tmp_path, runtime)
        stack.callback(matrix.close)
        count = await matrix.requests_of("deploy", "counted")
        assert count > 20
        # Before one request is after the one before it, and most come in pairs: a look, and what it leads to.
        for kill, at in [("kill_pid_before", 1), *(("kill_pid_after", at) for at in range(1, count + 1, 2))]:
            name = f"{kill}-{at}"
            if await matrix.begin("deploy", name, kill, at) == 0:
                await asyncio.to_thread(made.faults, **{kill: 0})
            project = await deploy(made.url, made.api_key, runtime, name)
            check_deployed(made, name, project)
