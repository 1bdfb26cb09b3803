"""The program that the kill matrix ends: one verb on a stub workbench, begun when a line arrives on its standard input."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from raytui.core.errors import RaytuiError
from raytui.core.spec import ClusterSpec, HeadSpec, WorkersSpec
from raytui.manager.cluster import ClusterManager
from raytui.manager.monitor import Monitor
from raytui.platforms.cai import CaiPlatform
from tests.contract.process import QUICK


def spec_of(cluster: str, runtime: str) -> ClusterSpec:
    """A head and two workers."""
    head = HeadSpec(runtime_identifier=runtime, script="head.py")
    return ClusterSpec(
        name=cluster, head=head, workers=WorkersSpec(count=2, runtime_identifier=runtime, script="worker.py"), auth="disabled"
    )


def no_dashboard(_: object) -> object:
    """Stub applications run no Ray."""
    raise AssertionError("a stub cluster has no dashboard")


async def carry_out(verb: str, platform: CaiPlatform, spec: ClusterSpec, folder: Path) -> bool:
    """Plan and execute; whether anything was changed."""
    monitor = Monitor(platform, no_dashboard, cluster=spec.name, profile="cai")  # type: ignore[arg-type]
    scripts = {"ray_head_launcher.py": b"pass\n", "ray_worker_launcher.py": b"pass\n"}
    manager = ClusterManager(platform, monitor, spec, launchers=lambda: scripts, state_dir=folder)
    plan = await manager.plan(verb)  # type: ignore[arg-type]
    async for _ in manager.execute(plan, wait=verb == "stop", timeout=60):
        pass
    return plan.changed


async def main() -> None:
    """`VERB URL PROJECT KEY CLUSTER RUNTIME FOLDER`."""
    verb, url, project, key, cluster, runtime, folder = sys.argv[1:]
    platform = CaiPlatform(host=url, project_id=project, api_key=lambda: key, client="http", timing=QUICK)
    await asyncio.to_thread(sys.stdin.readline)
    try:
        await carry_out(verb, platform, spec_of(cluster, runtime), Path(folder))
    except RaytuiError as error:
        raise SystemExit(str(error)) from error
    finally:
        await platform.close()


if __name__ == "__main__":
    asyncio.run(main())
