"""A running workbench and a small client for it."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.fakes.workbench.testing import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from tests.fakes.workbench.state import Workbench

RUNTIME = "docker.repository.cloudera.com/cloudera/cdsw/ml-runtime-pbj-jupyterlab-python3.11-standard:2025.09.1-b5"
SERVING = """
import http.server, os, threading
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(repr(dict(self.headers)).encode())
    def log_message(self, *words):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["CDSW_APP_PORT"])), Page)
threading.Thread(target=server.serve_forever, daemon=True).start()
"""
BLOCKING = (
    SERVING
    + "import subprocess\nchild = subprocess.Popen(['sleep', '600'], start_new_session=True)\nchild.wait()\nraise RuntimeError('the child ended')\n"
)


class Api:
    """Calls of API v2 with the main key, and the workbench behind them."""

    def __init__(self, bench: Workbench, http: httpx.AsyncClient) -> None:
        self.bench = bench
        self.http = http
        self.project = f"/api/v2/projects/{bench.first_project.id}"

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """One call; paths that do not begin at the root are below the first project."""
        target = path if path.startswith("/") else f"{self.project}/{path}"
        return await self.http.request(method, target, json=body, **options)

    async def get(self, path: str, **query: Any) -> Any:
        """The JSON of a GET that must succeed."""
        answer = await self.call("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def create(self, name: str, **fields: Any) -> httpx.Response:
        """Create an application."""
        body = {
            "name": name,
            "subdomain": name,
            "script": "app.py",
            "runtime_identifier": RUNTIME,
            "cpu": 1,
            "memory": 2,
        }
        return await self.call("POST", "applications", {**body, **fields})

    async def created(self, name: str, **fields: Any) -> str:
        """The id of a new application."""
        answer = await self.create(name, **fields)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    async def status(self, identity: str) -> str:
        """An application's status word."""
        return str((await self.get(f"applications/{identity}"))["status"])

    async def names(self) -> list[str]:
        """The applications that are listed."""
        return [row["name"] for row in (await self.get("applications", page_size=1000))["applications"]]

    async def upload(self, path: str, text: str) -> None:
        """Upload a file."""
        assert (
            await self.http.post(f"{self.project}/files", files={path: ("ignored", text.encode())})
        ).status_code == 200

    async def job(self, script: str, text: str, **fields: Any) -> str:
        """The id of a new job for a new script."""
        await self.upload(script, text)
        answer = await self.call(
            "POST", "jobs", {"name": script, "script": script, "runtime_identifier": RUNTIME, **fields}
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    async def run(self, job: str, **fields: Any) -> str:
        """The id of a new run."""
        answer = await self.call("POST", f"jobs/{job}/runs", fields)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    async def run_status(self, job: str, run: str) -> str:
        """A run's status word."""
        return str((await self.get(f"jobs/{job}/runs/{run}"))["status"])

    def row(self, name: str) -> dict[str, Any]:
        """What the truth says of an application."""
        return next(row for row in self.bench.truth()["applications"] if row["name"] == name)

    def log(self, engine_id: str) -> str:
        """What a workload printed."""
        return (self.bench.options.root / "logs" / f"{engine_id}.log").read_text()


async def until(condition: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    """Wait until a condition (a function, or one that gives an awaitable) holds; fail with `what` after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        held = condition()
        if hasattr(held, "__await__"):
            held = await held
        if held:
            return held
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        await asyncio.sleep(0.02)


async def reaches(reading: Callable[[], Awaitable[str]], *words: str) -> str:
    """Wait until a status is one of the words."""
    seen = ""

    async def there() -> bool:
        nonlocal seen
        seen = await reading()
        return seen in words

    await until(there, " or ".join(words))
    return seen


@asynccontextmanager
async def connected(root: Path, **options: Any) -> AsyncIterator[Api]:
    """A workbench and its client."""
    async with running(root, **options) as bench:
        headers = {"authorization": f"Bearer {bench.api_key}"}
        async with httpx.AsyncClient(base_url=bench.url, headers=headers, timeout=20, trust_env=False) as http:
            yield Api(bench, http)


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """A workbench whose applications run nothing; requests and answers of the whole test keep to the specification."""
    async with connected(tmp_path) as api:
        yield api
        assert api.bench.violations == []


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[Api]:
    """A workbench that runs scripts, with a short grace on stop."""
    async with connected(tmp_path, stub=False, stop_grace=3.0) as api:
        yield api
        assert api.bench.violations == []
