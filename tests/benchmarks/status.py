"""`raytui status -o json` against `ray status` and against one bare HTTP GET, on a cluster made for the run; and the verdict when nothing listens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.measure import BIN, interleaved, row, wall

GET = """
import http.client, sys
c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=5)
c.request("GET", "/api/v0/nodes", headers={"Authorization": "Bearer " + open(sys.argv[2]).read().strip()} if sys.argv[2] else {})
assert c.getresponse().read()
"""


def main() -> None:
    """Start a head and a worker in a state directory of their own, measure, stop."""
    raytui = str(BIN / "raytui")
    with tempfile.TemporaryDirectory(prefix="rb") as folder:
        env = {**os.environ, "RAYTUI_STATE_DIR": folder}
        cluster = ["--cluster", "bench-status"]
        subprocess.run(
            [raytui, "start", *cluster, "--ray-port", "auto", "--dashboard-port", "auto"], env=env, check=True
        )
        try:
            status = json.loads(
                subprocess.run(
                    [raytui, "status", *cluster, "-o", "json"], env=env, check=True, capture_output=True
                ).stdout
            )
            token = status["auth"]["token_file"] or ""
            port = status["head"]["dashboard_url"].rpartition(":")[2]
            ray_env = {**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": token}
            medians = interleaved(
                7,
                {
                    "raytui": lambda: wall([raytui, "status", *cluster, "-o", "json"], env=env),
                    "ray": lambda: wall(
                        [str(BIN / "ray"), "status", "--address", status["head"]["address"]], env=ray_env
                    ),
                    "get": lambda: wall([sys.executable, "-c", GET, port, token]),
                },
            )
            row("raytui status -o json", medians["raytui"], medians["ray"], "ray status", "<= 0.125")
            row("raytui status -o json", medians["raytui"], medians["get"], "one http.client GET", "<= 2.5")
            head = Path(folder) / "local" / "bench-status" / "applications" / "bench-status-head.json"
            pid = json.loads(head.read_bytes())["pid"]
            os.kill(pid, 9)
            closed = wall([raytui, "status", *cluster, "-o", "json", "--exit-code"], env=env, codes=(1, 3, 6))
            print(f"verdict just after the head was killed: {closed * 1000:.0f} ms")
        finally:
            subprocess.run([raytui, "stop", *cluster, "--yes"], env=env, check=True)
        refused = wall([raytui, "status", *cluster, "-o", "json", "--exit-code"], env=env, codes=(5,))
        print(f"verdict when nothing exists: {refused * 1000:.0f} ms")


if __name__ == "__main__":
    main()
