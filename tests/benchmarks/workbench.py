"""Cloudera AI without Ray: one head with eight workers against one head with one worker, and a listing of 500 applications with slow answers."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

from tests.benchmarks.measure import BIN, row
from tests.contract.process import Bench, bench

SIZES = ["--cpu", "1", "--memory", "1", "--head-cpu", "1", "--head-memory", "1"]


def environment(made: Bench, folder: str) -> dict[str, str]:
    """What the command needs to find the workbench."""
    info = made.info
    reported = {"CML_HOST": info["url"], "CML_API_KEY": info["api_key"], "CML_PROJECT_ID": info["project_id"]}
    scripts = {"RAYTUI_HEAD_SCRIPT": "head.py", "RAYTUI_WORKERS_SCRIPT": "worker.py"}
    return {**os.environ, **reported, **scripts, "RAYTUI_STATE_DIR": folder, "RAYTUI_PROFILE": "cai"}


async def prepare(made: Bench) -> str:
    """Put two scripts into the project; the first runtime image."""
    platform = made.platform()
    try:
        for name in ("head.py", "worker.py"):
            await platform.files.write(name, b"pass\n")
        return str((await platform.client.pages("ListRuntimes", "runtimes"))[0]["image_identifier"])
    finally:
        await platform.close()


def until_running(made: Bench, env: dict[str, str], workers: int, runtime: str) -> float:
    """Seconds from the command until the workbench runs every application; the cluster is removed afterwards."""
    began = time.perf_counter()
    words = [
        str(BIN / "raytui"),
        "start",
        "--no-wait",
        "--workers",
        str(workers),
        "--runtime-identifier",
        runtime,
        *SIZES,
    ]
    subprocess.run(words, env=env, check=True, capture_output=True)
    while [app["status"] for app in made.state()["applications"]].count("APPLICATION_RUNNING") < workers + 1:
        time.sleep(0.02)
    took = time.perf_counter() - began
    subprocess.run([str(BIN / "raytui"), "stop", "--yes"], env=env, check=True, capture_output=True)
    return took


def main() -> None:
    """Both measurements."""
    with (
        tempfile.TemporaryDirectory(prefix="rb") as folder,
        bench(Path(folder) / "wb", "--stub", "--start-seconds", "3") as made,
    ):
        env = environment(made, folder)
        runtime = asyncio.run(prepare(made))
        small = until_running(made, env, 1, runtime)
        large = until_running(made, env, 8, runtime)
        row("start of 1 + 8 workers, 3 s application start", large, small, "1 + 1 worker", "<= 1.5")
    with (
        tempfile.TemporaryDirectory(prefix="rb") as folder,
        bench(Path(folder) / "wb", "--stub", "--start-seconds", "0") as made,
    ):
        env = environment(made, folder)
        runtime = asyncio.run(prepare(made))

        async def fill() -> None:
            platform = made.platform()
            body = {"script": "head.py", "cpu": 1, "memory": 1, "runtime_identifier": runtime}
            for start in range(0, 500, 20):
                names = [f"other-{n}" for n in range(start, start + 20)]
                await asyncio.gather(
                    *(
                        platform.client.once("CreateApplication", body={**body, "name": name, "subdomain": name})
                        for name in names
                    )
                )
            await platform.close()

        asyncio.run(fill())
        made.faults(slow=3)
        before = made.state()["requests"]
        began = time.perf_counter()
        done = subprocess.run([str(BIN / "raytui"), "status", "-o", "json"], env=env, check=True, capture_output=True)
        took, asked = time.perf_counter() - began, made.state()["requests"] - before
        verdict = json.loads(done.stdout)["verdict"]
        print(
            f"status among 500 applications, 3 s answers: {took:.1f} s, {asked} requests (one page of up to 1,000), verdict {verdict}"
        )


if __name__ == "__main__":
    main()
