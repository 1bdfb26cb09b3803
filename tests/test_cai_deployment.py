"""The deployment test: does Cloudera AI run a Ray cluster of ours, end to end?

As a script it runs `raytui verify` against the workbench that CML_HOST, CML_API_KEY and CML_PROJECT_ID name:

    python tests/test_cai_deployment.py --workers 1 --cpu 4 --memory 16

Under pytest the same script runs against the test workbench, where applications are processes with a real Ray.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CLIENTS = ["http", *(["cmlapi"] if importlib.util.find_spec("cmlapi") else [])]


@pytest.mark.real
@pytest.mark.timeout(300)
@pytest.mark.parametrize("client", CLIENTS)
def test_the_script_passes_and_leaves_an_empty_workbench(tmp_path: Path, client: str):
    words = [sys.executable, "-m", "tests.fakes.workbench", "--root", str(tmp_path / "wb"), "--venv", sys.prefix]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as bench:
        try:
            assert bench.stdout is not None
            info = json.loads(bench.stdout.readline())
            clean = {
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("RAYTUI_", "CML_", "CDSW_", "RAY_"))
            }
            reported = {"CML_HOST": info["url"], "CML_API_KEY": info["api_key"], "CML_PROJECT_ID": info["project_id"]}
            env = {**clean, **reported, "RAYTUI_CLIENT": client, "RAYTUI_STATE_DIR": str(tmp_path / "state")}
            script = [
                sys.executable,
                str(Path(__file__)),
                "--workers",
                "1",
                "--cpu",
                "1",
                "--memory",
                "2",
                "-o",
                "json",
            ]
            done = subprocess.run(
                script, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=280
            )
            assert done.returncode == 0, done.stdout + done.stderr
            checks = json.loads(done.stdout)["checks"]
            assert [(check["check"], check["state"]) for check in checks] == [
                (name, "ok") for name in ("connection", "launchers", "creation", "status", "clean-up")
            ]
            with urllib.request.urlopen(info["url"] + "/_test/state", timeout=10) as answer:
                assert json.load(answer)["applications"] == []
        finally:
            bench.terminate()


def main() -> int:
    """Run `raytui verify` with the given flags and answer its exit code."""
    from raytui.__main__ import main as raytui

    sys.argv = ["raytui", "verify", *sys.argv[1:]]
    return raytui()


if __name__ == "__main__":
    sys.exit(main())
