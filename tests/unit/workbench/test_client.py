"""The vendor's client: served to anybody, importable in the kernel of a workload and not in its virtual environment."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

from .conftest import connected, reaches
from .test_program import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path


def packed(folder: Path) -> Path:
    """A client in the form in which a workbench gives it away."""
    package = folder / "cmlapi-1.0" / "cmlapi"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("import certifi, dateutil, six, urllib3\nVERSION = '1.0'\n")
    path = folder / "client.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(package.parent, "cmlapi-1.0")
    return path


async def test_it_is_served_without_a_key_and_imported_in_workloads(tmp_path: Path) -> None:
    archive = packed(tmp_path)
    async with connected(tmp_path / "root", stub=False, client=archive) as api:
        del api.http.headers["authorization"]
        assert (await api.http.get("/api/v2/python.tar.gz")).content == archive.read_bytes()
        api.http.headers["authorization"] = f"Bearer {api.bench.api_key}"
        job = await api.job("job.py", "import cmlapi\nprint('client', cmlapi.VERSION, cmlapi.certifi.where())\n")
        run = await api.run(job)
        status = await reaches(lambda: api.run_status(job, run), "ENGINE_SUCCEEDED", "ENGINE_FAILED")
        log = api.log(next(iter(api.bench.jobs.values())).runs[0].engine_id)
        assert (status, f"client 1.0 {tmp_path}/root/tls/ca-bundle.pem" in log) == ("ENGINE_SUCCEEDED", True), log


async def test_without_one_there_is_none(tmp_path: Path) -> None:
    async with connected(tmp_path) as api:
        assert (await api.http.get("/api/v2/python.tar.gz")).status_code == 404


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "client").write_text("x")
    command = [
        sys.executable,
        "-m",
        "tests.fakes.workbench",
        "--root",
        str(tmp_path),
        "--client",
        str(tmp_path / "client"),
    ]
    wrong = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (wrong.returncode, "is no tar.gz file" in wrong.stderr) == (2, True)
