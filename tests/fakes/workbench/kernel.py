"""One workload's process: a small supervisor and, forked from it, the kernel that executes the script as a notebook kernel does.

Run by path with the image's interpreter (not the project's virtual environment); standard library only. The
specification of the workload comes as JSON on standard input, because it holds keys and arguments are public. On its
standard output the supervisor says `kernel PID` and, at the end, `exit CODE`; the workload's own output goes to a file.

The supervisor is the subreaper of everything below it and dies with the server, so nothing of a workload survives
either of them.
"""

from __future__ import annotations
import __future__

import ast
import asyncio
import builtins
import contextlib
import ctypes
import importlib.util
import inspect
import json
import os
import signal
import sys
import time
import traceback
import types
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000
HOME = "/home/cdsw"
MS_BIND, MS_MOVE, MS_REC, MS_PRIVATE = 4096, 8192, 16384, 1 << 18


def process_table() -> dict[int, list[int]]:
    """Living processes by parent: {ppid: [pid, ...]}; zombies are left out."""
    table: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - as strings: paths of all processes take as long as reading them
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb", buffering=0) as stat:  # noqa: PTH123
                words = stat.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if words[0] not in (b"Z", b"X"):
            table.setdefault(int(words[1]), []).append(int(name))
    return table


def descendants(pid: int, table: dict[int, list[int]] | None = None) -> list[int]:
    """Living processes below `pid`, parents before children."""
    table = process_table() if table is None else table
    found: list[int] = []
    queue = [pid]
    while queue:
        children = table.get(queue.pop(0), [])
        found += children
        queue += children
    return found


def _libc_call(name: str, *arguments: Any) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _mount(source: str, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind, options)]
    _libc_call("mount", words[0], words[1], words[2], flags, words[3])


def private_mounts(stage: str, keep: list[str], shm_mb: int, folder: str) -> None:
    """A mount namespace with a /tmp of its own, in which only the folders of `keep` are what they were, and a /dev/shm of `shm_mb` MB.

    `folder` is /home/cdsw there, beside what else is in /home; an empty one leaves /home alone. Raises OSError without
    the right to mount.
    """
    _libc_call("unshare", CLONE_NEWNS)
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
    _mount("tmpfs", stage, "tmpfs", 0, "mode=1777")
    for kept in keep:
        inside = Path(stage + kept.removeprefix("/tmp"))
        inside.mkdir(parents=True, exist_ok=True)
        _mount(kept, str(inside), None, MS_BIND | MS_REC)
    if folder:
        _private_home(Path(stage, ".home"), folder)
    _mount(stage, "/tmp", None, MS_MOVE)
    if shm_mb > 0:
        _mount("tmpfs", "/dev/shm", "tmpfs", 0, f"size={shm_mb}m,mode=1777")


def _private_home(stage: Path, folder: str) -> None:
    others = [entry for entry in Path("/home").iterdir() if entry.is_dir() and not entry.is_symlink()]
    stage.mkdir()
    _mount("tmpfs", str(stage), "tmpfs", 0, "mode=0755")
    for source, name in [*((str(entry), entry.name) for entry in others if str(entry) != HOME), (folder, "cdsw")]:
        (stage / name).mkdir()
        _mount(source, str(stage / name), None, MS_BIND | MS_REC)
    _mount(str(stage), "/home", None, MS_MOVE)
    stage.rmdir()


def main() -> None:
    """Set the process up, fork the kernel, wait for its end, leave nothing behind."""
    specification = json.load(sys.stdin.buffer)
    shell = _shell()
    _libc_call("prctl", PR_SET_PDEATHSIG, signal.SIGTERM)
    _libc_call("prctl", PR_SET_CHILD_SUBREAPER, 1)
    if os.getppid() != specification["server"]:
        sys.exit(0)
    if specification["network"] >= 0:
        _libc_call("setns", specification["network"], CLONE_NEWNET)
        os.close(specification["network"])
    if specification["stage"]:
        folder = specification["folder"] if specification["home"] == HOME else ""
        private_mounts(specification["stage"], specification["keep"], specification["shm_mb"], folder)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    supervisor = os.getpid()
    kernel = os.fork()
    if kernel == 0:
        _libc_call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:
            os._exit(1)
        os._exit(_kernel(specification, shell))
    signal.signal(signal.SIGTERM, lambda *_: _kill_all())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})
    print(f"kernel {kernel}", flush=True)
    code = _wait_for(kernel)
    while descendants(os.getpid()):
        _kill_all()
        _reap()
        time.sleep(0.01)
    print(f"exit {code}", flush=True)


def _wait_for(kernel: int) -> int:
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == kernel:
            return os.waitstatus_to_exitcode(status)


def _kill_all() -> None:
    for pid in descendants(os.getpid()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _shell() -> types.ModuleType:
    """The module shell.py beside this file: isolated, the interpreter does not look there by itself."""
    found = importlib.util.spec_from_file_location("workbench_shell", Path(__file__).with_name("shell.py"))
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module
    found.loader.exec_module(module)
    return module


def _kernel(specification: dict[str, Any], shell: types.ModuleType) -> int:
    os.setsid()
    os.chdir(specification["home"])
    output = os.open(specification["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream, source in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, output)):
        os.dup2(source, stream)
    os.closerange(3, 256)
    os.environ.clear()
    os.environ.update(specification["environment"])
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})
    sys.path.insert(0, "")
    sys.path.append(
        f"{specification['home']}/.local/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    )
    if specification["modules"]:
        sys.path.insert(1, specification["modules"])
        for name in ("certifi", "certifi.core"):  # the machine's interpreter may have loaded its own while it started
            sys.modules.pop(name, None)
    sys.argv = ["/usr/local/lib/python3/site-packages/ipykernel_launcher.py", "-f", "/tmp/jupyter/kernel.json"]
    if specification["sidecar"]:
        sys.path.insert(1, specification["sidecar"])
        __import__("sitecustomize")
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    code = asyncio.run(_execute(Path(specification["home"], specification["script"]), shell))
    sys.stdout.flush()
    sys.stderr.flush()
    return code


async def _execute(script: Path, shell: types.ModuleType) -> int:
    """Run the script's text, one top-level statement at a time, inside the running loop. 0 when it fell off the end."""
    main_module = types.ModuleType("__main__")
    sys.modules["__main__"] = main_module
    names = main_module.__dict__
    interactive = shell.ZMQInteractiveShell(names)
    vars(builtins)["get_ipython"] = names["get_ipython"] = lambda: interactive
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        statements = shell.parse(script.read_text("utf-8"))  # noqa: ASYNC240 - nothing else runs in this loop yet
        for number, statement in enumerate(statements, 1):
            code = compile(ast.Module([statement], []), f"<ipython-input-{number}>", "exec", flags, dont_inherit=True)
            if code.co_flags & inspect.CO_COROUTINE:
                await eval(code, names)
            else:
                exec(code, names)
            if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
                for alias in statement.names:
                    flags |= getattr(__future__, alias.name).compiler_flag
    except SystemExit as error:
        print(
            f"An exception has occurred, use %tb to see the full traceback.\nSystemExit: {error.code}", file=sys.stderr
        )
        return 1
    except BaseException:  # noqa: BLE001 - the kernel's own boundary: whatever a script raises fails the run and is printed
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    main()
