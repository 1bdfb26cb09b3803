"""The set-up job compares what an environment holds with what is wanted, versions included."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

JOB = Path(__file__).resolve().parents[3] / "launchers" / "raytui_job.py"
WANTED = ["click>=8.1", "ray[default]==2.60.*"]


@pytest.fixture(scope="module")
def job() -> dict[str, Any]:
    """The script's functions, without running a job."""
    names: dict[str, Any] = {}
    exec(compile(JOB.read_text().removesuffix("main()\n"), str(JOB), "exec"), names)
    return names


@pytest.mark.parametrize(
    ("version", "clauses", "answer"),
    [
        ("2.60.0", "==2.60.*", True),
        ("2.60.3", "==2.60.*", True),
        ("2.54.0", "==2.60.*", False),
        ("2.6", "==2.60.*", False),
        ("8.1", ">=8.1", True),
        ("8.10.1", ">=8.9", True),
        ("8.0.4", ">=8.1", False),
        ("1.0.0", "==1", True),
        ("2.60.0rc1", ">=2.60", False),
        ("2.60.0+cpu", "==2.60.0", True),
        ("2.5.1", "~=2.2", True),
        ("3.0", "~=2.2", False),
        ("2.2.9", "~=2.2.1", True),
        ("2.3.0", "~=2.2.1", False),
        ("2.0", ">=1,<2", False),
        ("1.5", "!=1.5", False),
        ("1.5", "", True),
        ("1.5", "@ https://example.com/x.whl", None),
        ("strange", ">=1", None),
    ],
)
def test_versions_are_compared_as_pip_does(job, version, clauses, answer):
    assert job["fits"](version, clauses) is answer


class Project:
    """A project with what deploy uploaded, a virtual environment of fake packages, and an installer that notes what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = folder / "site"
        self.venv = folder / ".venv"
        deploy = folder / ".raytui" / "deploy"
        deploy.mkdir(parents=True)
        with zipfile.ZipFile(deploy / "source.zip", "w") as archive:
            archive.writestr("raytui/__init__.py", "")
        manifest = {
            "source": "source",
            "venv": str(self.venv),
            "modules": ["ray", "click"],
            "requirements": WANTED,
            "start": [],
        }
        (deploy / "deploy.json").write_text(json.dumps(manifest))
        self.log = deploy / "setup_environment.log"
        tools = folder / "tools"
        (self.venv / "bin").mkdir(parents=True)
        tools.mkdir()
        self._program(self.venv / "bin" / "ray", "exit 0")
        self._program(self.venv / "bin" / "python", f'PYTHONPATH={self.site} exec {sys.executable} -S "$@"')
        self.asked = folder / "asked"
        self._program(
            tools / "uv",
            f'echo "$@" >> {self.asked}\n[ -e {folder}/new/ray.py ] || exit 0\nrm -rf {self.site}/ray-*\ncp -r {folder}/new/* {self.site}/',
        )
        (folder / "new").mkdir()
        self.package("click", "8.1.7")

    @staticmethod
    def _program(path: Path, text: str) -> None:
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def package(self, name: str, version: str, needs: str = "", place: str = "site") -> None:
        root = self.folder / place
        for old in root.glob(f"{name}-*.dist-info"):
            (old / "METADATA").unlink()
            old.rmdir()
        info = root / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        (root / f"{name}.py").write_text("")

    def run(self) -> tuple[int, str]:
        env = {
            **os.environ,
            "JOB_ARGUMENTS": "setup_environment",
            "PATH": f"{self.folder / 'tools'}:{os.environ['PATH']}",
        }
        done = subprocess.run(
            [sys.executable, str(JOB)], cwd=self.folder, env=env, capture_output=True, text=True, check=False
        )
        return done.returncode, self.log.read_text()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_an_environment_in_the_wanted_versions_is_left_alone(project):
    project.package("ray", "2.60.1")
    code, log = project.run()
    assert (code, project.asked.exists()) == (0, False)
    assert "holds everything already, in the versions that are wanted" in log


def test_another_version_of_ray_is_not_everything_already(project):
    project.package("ray", "2.54.0")
    project.package("ray", "2.60.0", place="new")
    code, log = project.run()
    assert "to be installed: ray is 2.54.0, wanted is ==2.60.*" in log
    assert "holds everything already" not in log
    assert project.asked.read_text().split()[-2:] == WANTED
    assert code == 0


def test_what_an_extra_brings_is_looked_at_too(project):
    project.package("ray", "2.60.1", needs='Requires-Dist: aiohttp>=3.7; extra == "default"\nProvides-Extra: default\n')
    code, log = project.run()
    assert (code, "ray may lack aiohttp" in log) == (0, True)
    assert project.asked.exists()


def test_an_installation_that_did_not_bring_what_is_wanted_fails_and_says_what_is_missing(project):
    project.package("ray", "2.54.0")
    code, log = project.run()
    assert code == 1
    assert "still lacks after the installation: ray is 2.54.0, wanted is ==2.60.*" in log


def test_an_environment_without_ray_gets_it(project):
    project.package("ray", "2.60.0", place="new")
    code, log = project.run()
    assert (code, "ray is not installed" in log) == (0, True)
