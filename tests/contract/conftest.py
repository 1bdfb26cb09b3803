"""A stub workbench as a real process that all tests of a run share, and the platform over every transport that can be imported here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest

from raytui.core.desired.application_request import create_request
from raytui.core.marker import Marker
from raytui.core.observed.snapshot import Application
from raytui.core.protocols.platform import CreateRequest
from raytui.core.spec import ClusterSpec, HeadSpec, WorkersSpec
from raytui.platforms.cai import CaiPlatform
from raytui.platforms.cai.api.client import Timing
from raytui.platforms.cai.api.connect import vendor_importable
from raytui.platforms.cai.api.transport import ClientName

from .process import ROOT, Bench

__all__ = ["ROOT", "Bench"]
REGISTRY = "docker.repository.cloudera.com/cloudera/cdsw"
RUNTIME = f"{REGISTRY}/ml-runtime-pbj-jupyterlab-python3.11-standard:2025.09.1-b5"
TRANSPORTS: tuple[ClientName, ...] = ("http", "cmlapi") if vendor_importable() else ("http",)
TIMING = Timing(
    request=0.6,
    create=0.6,
    call=10.0,
    doubtful_upload=1.0,
    pause=0.01,
    longest_pause=0.1,
    poll=0.02,
    slowest_poll=0.1,
    lag=0.3,
    failed=2.0,
    late=0.3,
    late_behind_gateway=1.5,
    whole_create=20.0,
    stop=20.0,
    delete=20.0,
    ask_again=1.0,
    restart=6.0,
    patience=3.0,
    files=10.0,
)
PATIENT = msgspec.structs.replace(TIMING, request=10.0, create=10.0)
patient = pytest.mark.parametrize("timing", [PATIENT], ids=["patient"])
"""For tests that count requests while no answer is withheld: on a machine that is busy a quick deadline would ask
twice."""


@pytest.fixture(scope="session")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    yield from stub_workbench(tmp_path_factory)


def stub_workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A workbench whose applications run nothing, until the fixture that yields from this ends."""
    made = Bench(tmp_path_factory.mktemp("bench"), "--stub", "--seed", "1", "--validate", "--fault", "stub_jobs=1")
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def bench(workbench: Bench) -> Iterator[Bench]:
    """The shared workbench without faults; at the end nothing it was sent or said broke the specification."""
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
def timing() -> Timing:
    """The deadlines of `platform`: short, so that answers that are withheld cost a test little."""
    return TIMING


@pytest.fixture
async def platform(bench: Bench, project: str, client: ClientName, timing: Timing) -> AsyncIterator[CaiPlatform]:
    """The platform on a project of its own, from outside."""
    made = open_platform(bench, project, client, timing=timing)
    yield made
    await made.close()


def open_platform(bench: Bench, project: str, client: ClientName, **options: Any) -> CaiPlatform:
    """A platform as bootstrap builds it, with short pauses."""
    key = options.pop("key", bench.api_key)
    return CaiPlatform(
        host=bench.url,
        project_id=project,
        api_key=lambda: key,
        client=client,
        timing=options.pop("timing", TIMING),
        **options,
    )


def spec(workers: int = 2, name: str = "c", **fields: Any) -> ClusterSpec:
    """A cluster that the workbench accepts."""
    head = HeadSpec(1.0, 2.0, RUNTIME, "head.py")
    return ClusterSpec(
        name,
        head=head,
        workers=WorkersSpec(workers, 1.0, 2.0, runtime_identifier=RUNTIME, script="worker.py"),
        **fields,
    )


def request_for(name: str, run: str = "run1", wanted: ClusterSpec | None = None) -> CreateRequest:
    """The create of one application of the cluster `c`; its token is none so that creates are one request."""
    made = create_request(wanted or spec(auth="disabled"), name)
    return msgspec.structs.replace(made, marker=msgspec.structs.replace(made.marker, run=run))


async def until_running(platform: CaiPlatform, name: str) -> Application:
    """The application as it is once the platform calls it running."""
    async with asyncio.timeout(10):
        while True:
            found = next(app for app in await platform.list() if app.name == name)
            if found.state == "running":
                return found
            await asyncio.sleep(0.02)


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
