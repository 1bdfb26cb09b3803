"""What the launchers' tests share: a venv with a fake `ray`, and launchers run as processes with their output in files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from raytui.manager.launchers import write

ROOT = Path(__file__).resolve().parents[3]
FAKE_RAY = Path(__file__).with_name("fake_ray.py")
DEADLINE_S = 30.0


def wait_until(what: str, check: Callable[[], Any], seconds: float = DEADLINE_S) -> Any:
    """The first true value of `check`; fails naming what was waited for."""
    end = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > end:
            pytest.fail(f"waited {seconds:g} s for {what}")
        time.sleep(0.02)


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that a launcher reads."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("CDSW_", "RAY", "CML_"))}


class Run:
    """One launcher as a process, its output in a file."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, application: str) -> None:
        self.process = process
        self.folder = folder
        self.application = application

    @property
    def output(self) -> str:
        return (self.folder / f"{self.application}.out").read_text(errors="replace")

    @property
    def last_line(self) -> str:
        return self.output.strip().rpartition("\n")[2]

    @property
    def node(self) -> dict[str, Any]:
        path = self.folder / "shared" / "nodes" / f"{self.application}.json"
        return json.loads(path.read_text()) if path.exists() else {}

    @property
    def calls(self) -> list[dict[str, Any]]:
        """What the fake `ray` was called with, in order."""
        path = self.folder / f"{self.application}.calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def wait_for_calls(self, number: int) -> list[dict[str, Any]]:
        wait_until(f"{number} calls of ray; output so far:\n{self.output}", lambda: len(self.calls) >= number)
        return self.calls

    def wait_for_text(self, text: str) -> None:
        wait_until(f"{text!r} in the output", lambda: text in self.output)

    def wait(self) -> int:
        return self.process.wait(DEADLINE_S)

    def stop(self, number: int = signal.SIGTERM, seconds: float = DEADLINE_S) -> int:
        self.process.send_signal(number)
        return self.process.wait(seconds)


class World:
    """A folder with a venv whose `ray` is a fake, a shared folder, and everything started in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shared = folder / "shared"
        self.venv = folder / "venv"
        (self.venv / "bin").mkdir(parents=True)
        self.program("python", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        self.program("ray", f"#!{sys.executable}\n{FAKE_RAY.read_text()}")
        (self.venv / "lib/python3.11/site-packages/ray-2.60.0.dist-info").mkdir(parents=True)
        (self.venv / "pyvenv.cfg").write_text("version = 3.11.7\n")
        write(folder / "scripts")
        self.runs: list[Run] = []

    def program(self, name: str, text: str) -> None:
        """A program in the venv."""
        path = self.venv / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def environment(self, application: str, **more: object) -> dict[str, str]:
        own = {
            "RAYTUI_VENV": self.venv,
            "RAYTUI_APPLICATION": application,
            "RAYTUI_CLUSTER": "c",
            # Nobody listens there, whatever other Ray runs on this machine.
            "RAYTUI_RAY_PORT": 1,
            "RAYTUI_STABLE_WINDOW_S": "0.2",
            "RAYTUI_NUM_CPUS": "2",
            "RAYTUI_NUM_GPUS": "0",
            "RAYTUI_MEMORY_BYTES": "4000000000",
            "RAYTUI_OBJECT_STORE_BYTES": "100000000",
            "FAKE_GCS": FAKE_RAY.with_name("gcs.py"),
            "FAKE_GCS_GATE": self.folder / "gcs-may-start",
            "FAKE_CALLS": self.folder / f"{application}.calls",
            **more,
        }
        return clean_environment() | {key: str(value) for key, value in own.items() if value is not None}

    def start(
        self,
        role: str,
        application: str = "",
        script: Path | None = None,
        interpreter: tuple[str, ...] = (),
        **more: object,
    ) -> Run:
        name = application or f"c-{role}"
        path = script or self.folder / "scripts" / f"ray_{role}_launcher.py"
        with (self.folder / f"{name}.out").open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, *interpreter, str(path)],
                env=self.environment(name, **more),
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self.folder,
            )
        self.runs.append(Run(process, self.folder, name))
        return self.runs[-1]

    def processes(self) -> list[int]:
        """Live processes of this world: those whose command line or environment names its folder."""
        mark = os.fsencode(self.folder)
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
                state = (entry / "stat").read_bytes().rpartition(b")")[2].split()[0]
            except OSError:
                continue
            if mark in text and state != b"Z":
                found.append(int(entry.name))
        return found

    def close(self) -> None:
        for run in self.runs:
            if run.process.poll() is None:
                run.process.kill()
            run.process.wait()
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
