"""A test workbench as a process of its own, and what only a test may ask it; the one class for every test and benchmark."""

from __future__ import annotations

import http.client
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from raytui.platforms.cai import CaiPlatform
from raytui.platforms.cai.api.client import Timing
from raytui.platforms.cai.api.transport import ClientName

ROOT = Path(__file__).resolve().parents[2]
QUICK = Timing(
    request=0.5, create=0.6, call=20, pause=0.02, longest_pause=0.3, poll=0.03, slowest_poll=0.3, lag=2.5, late=0.4, late_behind_gateway=1.0, whole_create=60, stop=30,
    delete=30, ask_again=1.5, failed=5, patience=10, files=10, doubtful_upload=1.0,
)  # fmt: skip
"""The deadlines of the platform, scaled to a workbench that withholds an answer for 0.8 s instead of 30 and whose lists
lag 2 s at most."""


class Bench:
    """The workbench process."""

    def __init__(self, root: Path, *options: str) -> None:
        words = [sys.executable, "-m", "tests.fakes.workbench", "--root", str(root), *options]
        self.root = root
        self.process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.info: dict[str, str] = json.loads(self.process.stdout.readline())
        self.url, self.domain, self.api_key, self.first_project = (
            self.info[name] for name in ("url", "domain", "api_key", "project_id")
        )
        self._numbers = itertools.count(1)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One call that no fault touches when it goes to /_test/."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=20)
        try:
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.api_key}"}
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            data = answer.read()
            assert answer.status == 200, data
            return json.loads(data or b"{}")
        finally:
            connection.close()

    def faults(self, **values: Any) -> None:
        """Switch faults; None resets one."""
        self.ask("POST", "/_test/faults", values)

    def reset(self) -> None:
        """Every fault back to what the tests of this folder start with."""
        self.faults(
            **{
                **dict.fromkeys(self.ask("GET", "/_test/faults")),
                "start_seconds": 0.05,
                "clone_seconds": 0.0,
                "withhold": 1.0,
            }
        )

    def state(self) -> dict[str, Any]:
        """The truth."""
        found: dict[str, Any] = self.ask("GET", "/_test/state")
        return found

    def applications(self, project: str) -> list[dict[str, Any]]:
        """What really exists in a project."""
        return [app for app in self.state()["applications"] if app["project_id"] == project]

    def names(self, project: str) -> list[str]:
        """The names of what really exists in a project, sorted."""
        return sorted(app["name"] for app in self.applications(project))

    def names_of(self, cluster: str) -> list[str]:
        """The names of the applications of a cluster that really exist, sorted."""
        return sorted(app["name"] for app in self.state()["applications"] if app["name"].startswith(f"{cluster}-"))

    def requests(self) -> int:
        """How many API requests have come so far."""
        return int(self.state()["requests"])

    def new_project(self) -> str:
        """A project of its own for a test, with its files in place."""
        made = self.ask("POST", "/api/v2/projects", {"name": f"test {next(self._numbers)}", "template": "blank"})
        end = time.monotonic() + 10
        while made["creation_status"] == "creating" and time.monotonic() < end:
            time.sleep(0.005)
            made = self.ask("GET", f"/api/v2/projects/{made['id']}")
        assert made["creation_status"] == "success"
        return str(made["id"])

    def folder(self, project: str) -> Path:
        """A project's folder on disk."""
        return self.root / "projects" / project

    def platform(self, client: ClientName = "http", timing: Timing = QUICK) -> CaiPlatform:
        """The platform on the first project of this workbench."""
        return CaiPlatform(
            host=self.url, project_id=self.first_project, api_key=lambda: self.api_key, client=client, timing=timing
        )

    def close(self) -> None:
        """End it, politely and then not."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def bench(root: Path, *options: str) -> Iterator[Bench]:
    """A workbench for the time of a block."""
    made = Bench(root, *options)
    try:
        yield made
    finally:
        made.close()


async def runtime_of(platform: CaiPlatform) -> str:
    """An image of the Python that made the projects' environment, which is ours."""
    mine = f"python{sys.version_info.major}.{sys.version_info.minor}-standard"
    listed = await platform.client.pages("ListRuntimes", "runtimes")
    return next(name for name in (str(one["image_identifier"]) for one in listed) if mine in name)
