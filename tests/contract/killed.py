"""The processes that the kill matrix ends: each is one verb on a stub workbench, begun when it is told to."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import traceback
from pathlib import Path

# raytui and httpx import these at their first request, which would be in every process anew.
import anyio._backends._asyncio  # noqa: F401
import httpcore  # noqa: F401
import httpx  # noqa: F401

from raytui.core.errors import RaytuiError
from raytui.core.spec import ClusterSpec, HeadSpec, WorkersSpec
from raytui.manager.cluster import ClusterManager
from raytui.manager.monitor import Monitor
from raytui.platforms.cai import CaiPlatform
from raytui.platforms.cai.api.connect import open_client
from raytui.platforms.cai.deploy.pipeline import Deployment, Request
from tests.contract.process import QUICK

LAUNCHERS = {"ray_head_launcher.py": b"pass\n", "ray_worker_launcher.py": b"pass\n"}


def spec_of(cluster: str, runtime: str) -> ClusterSpec:
    """A head and two workers."""
    head = HeadSpec(runtime_identifier=runtime, script="head.py")
    return ClusterSpec(
        name=cluster,
        head=head,
        workers=WorkersSpec(count=2, runtime_identifier=runtime, script="worker.py"),
        auth="disabled",
    )


def no_dashboard(_: object) -> object:
    """Stub applications run no Ray."""
    raise AssertionError("a stub cluster has no dashboard")


async def carry_out(verb: str, platform: CaiPlatform, spec: ClusterSpec, folder: Path) -> bool:
    """Plan and execute; whether anything was changed."""
    monitor = Monitor(platform, no_dashboard, cluster=spec.name, profile="cai")  # type: ignore[arg-type]
    manager = ClusterManager(platform, monitor, spec, launchers=lambda: LAUNCHERS, state_dir=folder)
    plan = await manager.plan(verb)  # type: ignore[arg-type]
    async for _ in manager.execute(plan, wait=verb == "stop", timeout=60):
        pass
    return plan.changed


def deployment(url: str, key: str, runtime: str, name: str) -> Deployment:
    """A deploy into the project of this name, of few files; its jobs run nothing."""
    client = open_client(url, lambda: key, project_id="", client="http", timing=QUICK)
    spec = ClusterSpec(
        "deployed", head=HeadSpec(2, 8, runtime), workers=WorkersSpec(1, 2, 8, runtime_identifier=runtime)
    )
    request = Request(name, "", "", spec, ("ray==2.60.0",))

    async def complete(_: str, spec: ClusterSpec) -> ClusterSpec:
        return spec

    shipped = {"raytui_job.py": b"pass\n"}
    return Deployment(client, request, launchers=LAUNCHERS, shipped=shipped, complete=complete)


async def deploy(url: str, key: str, runtime: str, name: str) -> str:
    """One whole deploy; the project's id."""
    made = deployment(url, key, runtime, name)
    try:
        async for _ in made.run():
            pass
    finally:
        await made.close()
    return made.project_id


async def one_verb(words: list[str], verb: str, cluster: str) -> None:
    """One life of raytui, as `words` say for all of them: URL PROJECT KEY RUNTIME FOLDER."""
    url, project, key, runtime, folder = words
    if verb == "deploy":
        await deploy(url, key, runtime, cluster)
        return
    platform = CaiPlatform(host=url, project_id=project, api_key=lambda: key, client="http", timing=QUICK)
    try:
        await carry_out(verb, platform, spec_of(cluster, runtime), Path(folder) / cluster)
    finally:
        await platform.close()


def live(words: list[str], verb: str, cluster: str) -> int:
    """The exit code of a life that nobody ended."""
    try:
        asyncio.run(one_verb(words, verb, cluster))
    except RaytuiError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def main() -> None:
    """Each line `VERB CLUSTER` makes a process and prints its id; it begins with the next line, and its exit code is printed at its end.

    The processes are forked from one that has imported raytui, since a start of Python costs ten times what a life
    does.
    """
    words = sys.argv[1:]
    # No life collects what was here before it: looking at it would copy it.
    gc.freeze()
    for line in iter(sys.stdin.readline, ""):
        verb, cluster = line.split()
        held, begin = os.pipe()
        pid = os.fork()
        if not pid:
            code = 70
            try:
                os.read(held, 1)
                code = live(words, verb, cluster)
            except BaseException:  # noqa: BLE001  # the fork must never go on as the program that forked it
                traceback.print_exc()
            finally:
                os._exit(code)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        sys.stdin.readline()
        os.write(begin, b"!")
        os.close(held)
        os.close(begin)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
