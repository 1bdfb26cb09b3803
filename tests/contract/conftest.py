"""A stub workbench as a real process for each module, and the platform over every transport that can be imported here."""

from __future__ import annotations

import http.client
import itertools
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from raytui.core.marker import Marker
from raytui.core.plan import create_request
from raytui.core.protocols import CreateRequest
from raytui.core.spec import ClusterSpec, HeadSpec, WorkersSpec
from raytui.platforms.cai import CaiPlatform
from raytui.platforms.cai.client import Timing
from raytui.platforms.cai.transport import ClientName, vendor_importable

ROOT = Path(__file__).parents[2]
REGISTRY = "docker.repository.cloudera.com/cloudera/cdsw"
RUNTIME = f"{REGISTRY}/ml-runtime-pbj-jupyterlab-python3.11-standard:2025.09.1-b5"
TRANSPORTS: tuple[ClientName, ...] = ("http", "cmlapi") if vendor_importable() else ("http",)
TIMING = Timing(
    request=0.6,
    create=0.6,
    call=10.0,
    pause=0.01,
    longest_pause=0.1,
    poll=0.02,
    slowest_poll=0.1,
    lag=0.3,
    failed=2.0,
    settle=0.3,
    settle_gateway=1.5,
    whole_create=20.0,
    stop=20.0,
    delete=20.0,
    ask_again=1.0,
    restart=6.0,
    patience=3.0,
    files=10.0,
)


class Bench:
    """The workbench process, and what only a test may ask it."""

    def __init__(self, process: subprocess.Popen[str], ready: dict[str, str]) -> None:
        self.process = process
        self.url, self.domain, self.api_key, self.first_project = (ready[name] for name in ("url", "domain", "api_key", "project_id"))
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
        """Every fault back to what this module's workbench starts with."""
        self.faults(**{**dict.fromkeys(self.ask("GET", "/_test/faults")), "start_seconds": 0.05, "clone_seconds": 0.0, "withhold": 1.0})

    def applications(self, project: str) -> list[dict[str, Any]]:
        """What really exists in a project."""
        return [app for app in self.ask("GET", "/_test/state")["applications"] if app["project_id"] == project]

    def names(self, project: str) -> list[str]:
        """The names of what really exists, sorted."""
        return sorted(app["name"] for app in self.applications(project))

    def requests(self) -> int:
        """How many API requests have come so far."""
        return int(self.ask("GET", "/_test/state")["requests"])

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

    root: Path


@pytest.fixture(scope="module")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    root = tmp_path_factory.mktemp("bench")
    command = [
        sys.executable,
        "-m",
        "tests.fakes.workbench",
        "--root",
        str(root),
        "--stub",
        "--seed",
        "1",
        "--validate",
        "--fault",
        "stub_jobs=1",
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = Bench(process, json.loads(process.stdout.readline()))
        found.root = root
        yield found
        process.terminate()
        process.wait(20)


@pytest.fixture
def bench(workbench: Bench) -> Iterator[Bench]:
    """The module's workbench without faults; at the end nothing it was sent or said broke the specification."""
    workbench.reset()
    yield workbench
    workbench.reset()
    assert workbench.ask("GET", "/_test/state")["violations"] == []


@pytest.fixture
def project(bench: Bench) -> str:
    return bench.new_project()


@pytest.fixture(params=TRANSPORTS)
def client(request: pytest.FixtureRequest) -> ClientName:
    name: ClientName = request.param
    return name


@pytest.fixture
async def platform(bench: Bench, project: str, client: ClientName) -> AsyncIterator[CaiPlatform]:
    """The platform on a project of its own, from outside."""
    made = open_platform(bench, project, client)
    yield made
    await made.close()


def open_platform(bench: Bench, project: str, client: ClientName, **options: Any) -> CaiPlatform:
    """A platform as bootstrap builds it, with short pauses."""
    key = options.pop("key", bench.api_key)
    return CaiPlatform(
        host=bench.url, project_id=project, api_key=lambda: key, client=client, timing=options.pop("timing", TIMING), **options
    )


def spec(workers: int = 2, name: str = "c", **fields: Any) -> ClusterSpec:
    """A cluster that the workbench accepts."""
    head = HeadSpec(1.0, 2.0, RUNTIME, "head.py")
    return ClusterSpec(name, head=head, workers=WorkersSpec(workers, 1.0, 2.0, 0, RUNTIME, "worker.py"), **fields)


def request_for(name: str, run: str = "run1", wanted: ClusterSpec | None = None) -> CreateRequest:
    """The create of one application of the cluster `c`; its token is none so that creates are one request."""
    made = create_request(wanted or spec(auth="disabled"), name)
    return msgspec.structs.replace(made, marker=msgspec.structs.replace(made.marker, run=run))


def foreign(bench: Bench, project: str, name: str, description: str = "somebody's", **fields: Any) -> str:
    """An application that is not ours; its id."""
    body = {
        "name": name,
        "subdomain": f"{name}-{project}",
        "script": "x.py",
        "runtime_identifier": RUNTIME,
        "description": description,
        **fields,
    }
    return str(bench.ask("POST", f"/api/v2/projects/{project}/applications", body)["id"])


WORKER = "c-worker-1"
HEAD = "c-head"
HEAD_MARKER = Marker("c", "head")
