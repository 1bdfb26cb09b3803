"""The launchers as they are shipped, byte for byte: two short scripts and the folder of modules that they run.

What a project gets is a function of the installation alone, which is what lets `doctor` tell when files have drifted.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from raytui.core.desired.launchers import NODE_FOLDER, SCRIPTS, mode_of
from raytui.system.files import write_whole

LAUNCHERS = tuple(SCRIPTS.values())
"""The scripts: what an application names."""
JOB_SCRIPT = "raytui_job.py"
"""What the jobs of `deploy` run; no part of what a node runs."""

_PACKAGE = Path(__file__).resolve().parent.parent


def _sources() -> Path:
    """The folder of the launchers: inside the package when installed from a wheel, beside it in a checkout."""
    for folder in (_PACKAGE / "launchers", _PACKAGE.parent / "launchers"):
        if (folder / LAUNCHERS[0]).is_file():
            return folder
    msg = f"the launcher sources are missing from this installation ({_PACKAGE / 'launchers'}): install raytui again"
    raise FileNotFoundError(msg)


def shipped() -> dict[str, bytes]:
    """Every file that this installation ships for workloads, by path relative to its folder.

    Raises FileNotFoundError, one sentence, when the installation lacks them.
    """
    folder = _sources()
    paths = sorted([*folder.glob("*.py"), *folder.glob(f"{NODE_FOLDER}/*.py")])
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def render() -> dict[str, bytes]:
    """What `start` writes: the two scripts and the folder that they run, by relative path.

    Raises FileNotFoundError like `shipped`.
    """
    return {name: data for name, data in shipped().items() if name != JOB_SCRIPT}


def write(directory: Path, scripts: Collection[str] = LAUNCHERS) -> list[Path]:
    """Writes the launchers, or those of `scripts`, and the folder that they run into `directory` (made if missing).

    Returns all paths.

    Each file is written whole or not at all, and left alone when it already holds these bytes. Blocking: call it in a
    thread. Raises OSError when the directory cannot be written.
    """
    written = []
    for name, data in render().items():
        if name in LAUNCHERS and name not in scripts:
            continue
        target = directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not _holds(target, data, mode_of(name)):
            write_whole(target, data, mode_of(name))
        written.append(target)
    return written


def _holds(target: Path, data: bytes, mode: int) -> bool:
    try:
        return target.read_bytes() == data and target.stat().st_mode & 0o777 == mode
    except FileNotFoundError:
        return False
