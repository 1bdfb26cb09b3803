"""What a node runs and where it stands: two scripts beside the folder of the node program, written as one set.

An application names its script by path, and the platform may start it again at any time. So the files of a set never
change while an application may run from them: another release's set goes into a folder of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

SCRIPTS = {"head": "ray_head_launcher.py", "worker": "ray_worker_launcher.py"}
"""The scripts by role."""
NODE_FOLDER = "raytui_node"
"""The folder of the node program, beside the scripts."""
NODE_VARIABLE = "RAYTUI_NODE_DIR"
"""Tells a script where the node program is: a kernel executes its text, which then has no place of its own."""
FOLDER = "launchers"
"""The folder of the set, below the cluster's own."""


def mode_of(name: str) -> int:
    """The mode of a file of the set: the scripts are programs, the node program's modules are read."""
    return 0o644 if "/" in name else 0o755


def node_folder(script: str) -> str:
    """Where the node program of a script at this path is expected: beside it."""
    folder, slash, _ = script.rpartition("/")
    return f"{folder}{slash}{NODE_FOLDER}"


def own_folder(files: Mapping[str, bytes]) -> str:
    """The name of a folder for exactly these files, for when `launchers` holds others that are in use."""
    import hashlib  # 1.5 ms that a status does not need

    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{len(files[name])}\0".encode() + files[name])
    return f"{FOLDER}-{digest.hexdigest()[:8]}"


def is_own_folder(name: str) -> bool:
    """Whether this is the name of such a folder."""
    prefix, dash, digest = name.rpartition("-")
    return prefix == FOLDER and bool(dash) and len(digest) == 8 and set(digest) <= set("0123456789abcdef")


def folder_in_use(script: str) -> str:
    """The folder of the set that an application with this script runs from: `launchers`, or the set's own folder.

    A script at a path of the user's own counts for `launchers` too: without a node program beside it, that is where it
    looks.
    """
    name = script.rpartition("/")[0].rpartition("/")[2]
    return name if is_own_folder(name) else FOLDER


def folder_for(files: Mapping[str, bytes], held: Mapping[str, bytes | None], in_use: Collection[str]) -> str:
    """The folder to write `files` to.

    It follows from what `launchers` holds of them (None: no such file) and the folders that applications run from.
    """
    return own_folder(files) if FOLDER in in_use and others(files, held) else FOLDER


def others(files: Mapping[str, bytes], held: Mapping[str, bytes | None]) -> list[str]:
    """The names under which something else is held.

    A missing file is none of them: adding it changes nothing that runs.
    """
    return sorted(name for name, data in files.items() if held.get(name) not in {None, data})


def needs_node_program(script: bytes) -> bool:
    """Whether a script is one of ours, of whatever release, that runs the node program beside it.

    A person's own may do all by itself.
    """
    return NODE_FOLDER.encode() in script
