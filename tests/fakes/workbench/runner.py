"""Starts and ends the processes of workloads; what runs in them is in kernel.py."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .kernel import HOME, descendants

if TYPE_CHECKING:
    from .network import Place

KERNEL = Path(__file__).with_name("kernel.py")
SIDECAR = Path(__file__).with_name("sidecar")


@dataclass(frozen=True)
class PodRequest:
    """What one workload needs to run."""

    engine_id: str
    name: str
    folder: Path
    script: str
    log: Path
    environment: dict[str, str]
    shm_mb: int
    sidecar: str = ""
    """Where the always-succeeding connects end, with the sidecar fault."""


@dataclass(eq=False)
class Pod:
    """The running processes of one workload."""

    request: PodRequest
    process: asyncio.subprocess.Process
    private: Path | None
    place: Place
    kernel_pid: int = 0
    exit_code: int | None = None
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    reader: asyncio.Task[None] | None = None

    def pids(self, table: dict[int, list[int]] | None = None) -> list[int]:
        """Living processes of the workload: the kernel first, the supervisor left out."""
        return [] if self.gone.is_set() else descendants(self.process.pid, table)

    async def stop(self, grace: float) -> None:
        """SIGTERM to the kernel, `grace` seconds, then SIGKILL for everything. 0 means SIGKILL at once."""
        if grace > 0 and self.kernel_pid and not self.gone.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.kernel_pid, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.gone.wait(), grace)
        if not self.gone.is_set():
            with contextlib.suppress(ProcessLookupError):
                self.process.terminate()
            await self.gone.wait()

    async def follow(self) -> None:
        """Read what the supervisor says until it is gone, then clear away what was private."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            word, _, value = line.decode().partition(" ")
            if word == "kernel":
                self.kernel_pid = int(value)
            elif word == "exit":
                self.exit_code = int(value)
        await self.process.wait()
        if self.exit_code is None:
            self.exit_code = self.process.returncode or 1
        if self.private is not None:
            await asyncio.to_thread(shutil.rmtree, self.private, ignore_errors=True)
        self.place.close()
        self.gone.set()


class Runner:
    """Makes pods. With the right to mount, each gets a mount namespace, else a TMPDIR of its own."""

    def __init__(self, root: Path, visible: list[Path], *, modules: Path | None = None) -> None:
        _remove_left_over()
        self.base = Path(
            tempfile.mkdtemp(prefix=f"wb-{os.getpid()}-", dir="/tmp")
        )  # short: Ray's socket paths end at 107 characters
        self._keep = _outermost([path for path in visible if path.is_relative_to("/tmp") and path.is_dir()])
        self._modules = modules
        self._count = 0
        self.namespaces: bool | None = None

    async def home(self, folder: Path) -> str:
        """What a project's folder is called in its workloads."""
        if self.namespaces is None:
            self.namespaces = await self._may_mount()
        return HOME if self.namespaces and _may_stand_in_home() else str(folder)

    async def start(self, request: PodRequest, place: Place) -> Pod:
        """Start a workload in a network."""
        home = await self.home(request.folder)
        environment = dict(request.environment)
        private = None
        stage = self.base / "stage"
        stage.mkdir(exist_ok=True)
        if not self.namespaces:
            self._count += 1
            private = self.base / f"a{self._count}"
            private.mkdir()
            environment |= {"TMPDIR": str(private), "RAY_TMPDIR": str(private)}
        if request.sidecar:
            environment |= {"PYTHONPATH": str(SIDECAR), "WORKBENCH_SIDECAR": request.sidecar}
        specification = {
            "server": os.getpid(), "stage": str(stage) if self.namespaces else "", "keep": [str(path) for path in self._keep], "shm_mb": request.shm_mb,
            "folder": str(request.folder), "home": home, "network": place.namespace, "script": request.script, "log": str(request.log), "environment": environment,
            "sidecar": str(SIDECAR) if request.sidecar else "", "modules": str(self._modules or ""),
        }  # fmt: skip
        request.log.parent.mkdir(parents=True, exist_ok=True)
        process = await self._spawn(specification, request.log, place)
        pod = Pod(request, process, private, place)
        pod.reader = asyncio.create_task(pod.follow())
        return pod

    async def _spawn(self, specification: dict[str, Any], log: Path, place: Place) -> asyncio.subprocess.Process:
        interpreter = getattr(sys, "_base_executable", sys.executable) or sys.executable
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                interpreter,
                "-I",
                str(KERNEL),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                pass_fds=[place.namespace] if place.namespace >= 0 else [],
            )
        assert process.stdin is not None
        with contextlib.suppress(ConnectionError):
            process.stdin.write(json.dumps(specification).encode())
            await process.stdin.drain()
        process.stdin.close()
        return process

    async def _may_mount(self) -> bool:
        if os.geteuid() != 0 or Path("/tmp") in self._keep:
            return False
        stage = self.base / "stage"
        stage.mkdir(exist_ok=True)
        check = f"import sys; sys.path.insert(0, {str(KERNEL.parent)!r}); import kernel; kernel.private_mounts({str(stage)!r}, [], 1, '/etc')"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-c", check, stderr=asyncio.subprocess.DEVNULL
        )
        return await process.wait() == 0

    def close(self) -> None:
        """Remove the private folders."""
        shutil.rmtree(self.base, ignore_errors=True)


def _remove_left_over() -> None:
    """Private folders of workbenches that were killed before they could remove them."""
    for folder in Path("/tmp").glob("wb-*-*"):
        pid = folder.name.split("-")[1]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(folder, ignore_errors=True)


def _may_stand_in_home() -> bool:
    """Whether /home can be covered by one in which /home/cdsw stands."""
    return Path("/home").is_dir() and not Path("/home").is_symlink()


def _outermost(paths: list[Path]) -> list[Path]:
    found: list[Path] = []
    for path in sorted({path.resolve() for path in paths}, key=lambda path: len(path.parts)):
        if not any(path.is_relative_to(outer) for outer in found):
            found.append(path)
    return found
