"""`raytui start` (head and one worker, until both are observed alive) against the same two `ray start --block` by hand, one after the other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from tests.benchmarks.measure import BIN, interleaved, row

HAND_PORT, HAND_DASHBOARD = 6511, 8511


def by_hand() -> float:
    """Head first; the worker when the dashboard answers; done when both nodes are listed alive."""
    env = {**os.environ, "RAY_AUTH_MODE": "disabled"}
    common = [
        "--block",
        "--num-cpus",
        "1",
        "--object-store-memory",
        "600000000",
        "--disable-usage-stats",
        "--temp-dir",
        tempfile.mkdtemp(prefix="rb"),
    ]
    began = time.perf_counter()
    started = [
        _spawn(["start", "--head", "--port", str(HAND_PORT), "--dashboard-port", str(HAND_DASHBOARD), *common], env)
    ]
    try:
        _until(lambda: _get("/api/version") is not None)
        started.append(_spawn(["start", "--address", f"127.0.0.1:{HAND_PORT}", *common], env))
        _until(
            lambda: (
                sum(
                    node["state"] == "ALIVE"
                    for node in (_get("/api/v0/nodes") or {"data": {"result": {"result": []}}})["data"]["result"][
                        "result"
                    ]
                )
                == 2
            )
        )
        return time.perf_counter() - began
    finally:
        for process in reversed(started):
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def ours() -> float:
    """One command, until it says that both are alive."""
    with tempfile.TemporaryDirectory(prefix="rb") as folder:
        env = {**os.environ, "RAYTUI_STATE_DIR": folder}
        cluster = ["--cluster", "bench-start"]
        began = time.perf_counter()
        subprocess.run(
            [
                str(BIN / "raytui"),
                "start",
                *cluster,
                "--workers",
                "1",
                "--cpu",
                "1",
                "--ray-port",
                "auto",
                "--dashboard-port",
                "auto",
                "-o",
                "json",
            ],
            env=env,
            check=True,
            capture_output=True,
        )
        took = time.perf_counter() - began
        subprocess.run([str(BIN / "raytui"), "stop", *cluster, "--yes"], env=env, check=True, capture_output=True)
        return took


def _spawn(words: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [str(BIN / "ray"), *words],
        env=env,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _get(path: str):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{HAND_DASHBOARD}{path}", timeout=5) as answer:
            return json.load(answer)
    except (urllib.error.URLError, OSError, ValueError):
        return None


def _until(ready) -> None:
    deadline = time.monotonic() + 120
    while not ready():
        if time.monotonic() > deadline:
            raise SystemExit("the peer did not come up within 120 s")
        time.sleep(0.1)


def main() -> None:
    """Three interleaved rounds."""
    medians = interleaved(3, {"hand": by_hand, "raytui": ours})
    row(
        "raytui start, head and one worker alive", medians["raytui"], medians["hand"], "two ray start by hand", "<= 1.0"
    )


if __name__ == "__main__":
    main()
