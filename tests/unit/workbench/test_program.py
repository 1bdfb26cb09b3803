"""The program: its one line, its end, and the specification that it keeps to."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.fakes.workbench import __doc__ as table_of_behaviours
from tests.fakes.workbench import schema
from tests.fakes.workbench.faults import Faults
from tests.fakes.workbench.gateway import operations, specification
from tests.fakes.workbench.routing import OPERATIONS
from tests.fakes.workbench.testing import running

from .conftest import BLOCKING, RUNTIME
from .test_workloads import alive

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[3]


@contextmanager
def program(root: Path, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, str]]]:
    """The workbench as a process of its own, and its line."""
    command = [sys.executable, "-m", "tests.fakes.workbench", "--root", str(root), *words]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def call(ready: dict[str, str], method: str, path: str, body: Any = None) -> Any:
    """The JSON of one call."""
    headers = {"authorization": f"Bearer {ready['api_key']}", "content-type": "application/json"}
    request = urllib.request.Request(
        ready["url"] + path, method=method, headers=headers, data=None if body is None else json.dumps(body).encode()
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_survives_the_program(tmp_path: Path, number: signal.Signals) -> None:
    with program(tmp_path) as (process, ready):
        assert list(ready) == ["url", "domain", "api_key", "project_id"]
        assert re.fullmatch(r"(?:[a-z0-9]{4}-){3}[a-z0-9]{4}", ready["project_id"])
        folder = tmp_path / "projects" / ready["project_id"]
        assert (folder / ".venv").resolve() == Path(sys.prefix).resolve()
        (folder / "app.py").write_text(BLOCKING)
        body = {"name": "one", "subdomain": "one", "script": "app.py", "runtime_identifier": RUNTIME}
        call(ready, "POST", f"/api/v2/projects/{ready['project_id']}/applications", body)
        deadline = time.monotonic() + 20
        pids: list[int] = []
        while len(pids) < 2:
            assert time.monotonic() < deadline, "the application did not start"
            pids = call(ready, "GET", "/_test/state")["applications"][0]["pids"]
        parents = {pid: int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) for pid in pids}
        supervisors = [parent for parent in parents.values() if parent not in pids]
        os.kill(process.pid, number)
        assert process.wait(20) == (0 if number != signal.SIGKILL else -9)
        while any(alive(pid) for pid in pids + supervisors):
            assert time.monotonic() < deadline, "processes survived"


def test_stub_and_start_seconds(tmp_path: Path) -> None:
    with program(tmp_path, "--stub", "--start-seconds", "600", "--seed", "3", "--venv", str(tmp_path)) as (_, ready):
        assert call(ready, "GET", "/_test/faults")["start_seconds"] == 600.0
        assert (tmp_path / "projects" / ready["project_id"] / ".venv").resolve() == tmp_path


def test_wrong_words_end_with_one_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fakes.workbench", "--root", str(tmp_path)]
    wrong = subprocess.run([*command, "--fault", "eror=1"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (
        wrong.returncode,
        wrong.stderr.splitlines()[-1].endswith("unknown fault 'eror', did you mean 'errors'?"),
    ) == (2, True)
    wrong = subprocess.run([*command, "--quota", "cpus=3"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (wrong.returncode, "'cpus=3' is none of cpu=, memory=, gpu=" in wrong.stderr) == (2, True)
    with program(tmp_path) as (_, ready):
        port = ready["url"].rpartition(":")[2]
        taken = subprocess.run([*command, "--port", port], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (taken.returncode, taken.stderr.count("\n"), port in taken.stderr) == (1, 1, True)


async def test_https(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    words = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=127.0.0.1",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
    ]
    made = await asyncio.to_thread(
        subprocess.run, [*words, "-keyout", str(key), "-out", str(certificate)], capture_output=True, check=False
    )
    assert made.returncode == 0, made.stderr
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    trusting = ssl.create_default_context(cafile=str(certificate))
    async with (
        running(tmp_path / "root", context=context) as bench,
        httpx.AsyncClient(verify=trusting, trust_env=False) as http,
    ):
        assert bench.url.startswith("https://")
        assert (await http.get(f"{bench.url}/_test/state")).status_code == 200


def test_every_operation_of_the_specification_is_served() -> None:
    described = {
        (entry["operationId"], method.upper(), path)
        for path, methods in specification()["paths"].items()
        for method, entry in methods.items()
    }
    served = [entry for entry in OPERATIONS if entry.described]
    assert {(entry.name, entry.method, entry.template) for entry in served} == described
    assert len(operations()) == len(served)


def test_the_table_names_every_fault() -> None:
    assert table_of_behaviours is not None
    rows = [row for row in table_of_behaviours.splitlines() if row.startswith("| ")]
    named = set(re.findall(r"[a-z_0-9]+", " ".join(row.rpartition(" | ")[2] for row in rows)))
    assert set(Faults().as_dict()) - named == set()


def test_what_breaks_the_specification_is_named() -> None:
    assert schema.check_request("CreateApplication", {}, {"name": "one", "environment": {"A": "1"}}) == []
    wrong = schema.check_request("CreateApplication", {"pagesize": "1"}, {"nmae": "one", "environment": "{}"})
    assert len(wrong) == 3
    assert schema.check_answer("GetApplication", {"status": "running"})
    assert schema.check_answer("GetApplication", {"error": "x", "code": 5}, 404) == []
