"""The vendor's client for Python, as a workbench gives it away: one file at /api/v2/python.tar.gz, and in every workload's base Python.

A workload's virtual environment does not have it, as on a real workbench.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from .wire import Answer, html_answer

if TYPE_CHECKING:
    from .state import Workbench

NEEDS = ("urllib3", "six", "dateutil")
"""What the generated client imports; taken from where this interpreter finds it."""
CERTIFI = """import os


def where():
    return os.environ.get("SSL_CERT_FILE") or "/etc/ssl/certs/ca-certificates.crt"
"""
"""In place of the package: the generated client trusts whom certifi trusts, and so the workbench itself."""


def tarfile_at(path: Path) -> bool:
    """Whether a file is a tar archive that can be read."""
    return path.is_file() and tarfile.is_tarfile(path)


def served(bench: Workbench) -> Answer:
    """The answer of /api/v2/python.tar.gz, for which no key is asked."""
    path = bench.options.client
    if path is None:
        return html_answer("404 Not Found", 404)
    headers = {"Content-Disposition": f'attachment; filename="{path.name}"'}
    return Answer(200, path.read_bytes(), "application/gzip", headers)


def unpack(bench: Workbench) -> Path | None:
    """The folder in which scripts of workloads find the client and what it needs; None without one."""
    path = bench.options.client
    if path is None:
        return None
    folder = bench.options.root / "client"
    shutil.rmtree(folder, ignore_errors=True)  # of an earlier run on this folder
    folder.mkdir(parents=True)
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
    found = next(folder.rglob("cmlapi/__init__.py"), None)
    if found is not None and found.parent.parent != folder:
        (folder / "cmlapi").symlink_to(found.parent)
    (folder / "certifi.py").write_text(CERTIFI)
    missing = [name for name in NEEDS if not _link(folder, name)]
    if missing or found is None:
        lacking = ", ".join(missing) or f"cmlapi in {path}"
        print(f"the client cannot be imported in workloads: there is no {lacking}", file=sys.stderr)
    return folder


def _link(folder: Path, name: str) -> bool:
    """Put a module of this interpreter beside the client; False when it has none."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        return False
    origin = Path(found.origin)
    target = origin.parent if found.submodule_search_locations else origin
    (folder / target.name).symlink_to(target)
    return True
