"""A working directory as the package that Ray's nodes unpack: a zip whose name says what is in it.

Ray keeps packages in its GCS under their names, so one that was uploaded before need not be uploaded again.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from raytui.core.desired.ignored import ALWAYS, IGNORE_FILES, Rule, is_ignored, rules_of
from raytui.core.errors import ConfigurationError, Problem
from raytui.system.files import at_home

MOST_BYTES = 500 * 1024 * 1024
"""The largest package that Ray takes (RAY_max_grpc_message_size allows 512 MB)."""
_MB = 1e6
_LARGEST = 3


class Package(msgspec.Struct, frozen=True):
    """A packed working directory."""

    name: str
    data: bytes
    files: int

    @property
    def uri(self) -> str:
        """How a runtime environment names it."""
        return f"gcs://{self.name}"


def pack(folder: str) -> Package:
    """The folder's files without what `.gitignore` and `.rayignore` leave out.

    Raises `ConfigurationError` when it is no folder, cannot be read, or is larger than Ray takes. Reads all of it: not
    for the event loop.
    """
    directory = at_home(folder)
    try:
        if not directory.is_dir():
            raise _problem(f"{directory} is no folder", "name the folder that holds the program")
        files = sorted(_files(directory), key=str)
        sizes = {path: path.stat().st_size for path in files}
        if sum(sizes.values()) > MOST_BYTES:
            raise _too_large(directory, sizes)
        buffer, digest = io.BytesIO(), hashlib.sha256()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as packed:
            for path in files:
                name = path.relative_to(directory).as_posix()
                content = path.read_bytes()
                digest.update(f"{name}\0{path.stat().st_mode & 0o111}\0{len(content)}\0".encode())
                digest.update(content)
                packed.write(path, name)
    except OSError as error:
        raise _problem(f"{error.filename or directory} cannot be read: {error.strerror}", "") from None
    return Package(f"_ray_pkg_{digest.hexdigest()[:16]}.zip", buffer.getvalue(), len(files))


def _files(root: Path, folder: Path | None = None, rules: tuple[Rule, ...] = ()) -> Iterator[Path]:
    """The files below a folder that no rule leaves out; links to folders are not followed."""
    here = folder or root
    lead = "" if here == root else f"{here.relative_to(root).as_posix()}/"
    for name in IGNORE_FILES:
        path = here / name
        if path.is_file():
            rules = (*rules, *rules_of(path.read_text(errors="replace").splitlines(), lead))
    for path in here.iterdir():
        is_folder = path.is_dir() and not path.is_symlink()
        if path.name in ALWAYS or is_ignored(f"{lead}{path.name}", is_folder=is_folder, rules=rules):
            continue
        if is_folder:
            yield from _files(root, path, rules)
        elif path.is_file():
            yield path


def _too_large(directory: Path, sizes: dict[Path, int]) -> ConfigurationError:
    largest = sorted(sizes, key=lambda path: -sizes[path])[:_LARGEST]
    named = ", ".join(f"{path.relative_to(directory)} ({sizes[path] / _MB:.0f} MB)" for path in largest)
    size, most = sum(sizes.values()) / _MB, MOST_BYTES / _MB
    return _problem(
        f"{directory} holds {size:.0f} MB, and Ray takes packages of up to {most:.0f} MB",
        f"leave out what the program does not need in a .rayignore; the largest files are {named}",
    )


def _problem(message: str, hint: str) -> ConfigurationError:
    return ConfigurationError.from_problems([Problem("working-dir", message, hint)])
