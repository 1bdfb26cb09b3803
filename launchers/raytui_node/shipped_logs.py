"""How Ray's logs lie in the shared folder: a folder for each life of a node, in it gzip files and a short record.

`logs/<node>/<life>/` in the shared folder. A log is held in parts `<log>.<offset>.gz`: the offset says where in the log
the part begins, and each part is a row of gzip members, so that `zcat` reads it. One process writes them, without a
lock; readers may come at any time.
"""

import contextlib
import json
import os
import re
import shutil
import time
import uuid
import zlib
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from raytui_node.files import SCHEMA_VERSION, utc_now

RECORD = "life.json"
_LEVEL = 3
_LARGEST_PART = 4 * 1024 * 1024
_SMALLEST_PART = 64 * 1024
_PARTS_OF_BUDGET = 16
_LIFE = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
_MOST_LIVES = 30
"""Lives of a node that are kept at most: one that ends again and again must not fill the folder with small ones."""
_MOST_PARTS = 2000
"""Parts of a life at most: a listing of its folder must stay a short answer."""
_KEPT_S = 14 * 24 * 3600.0
_LIVING_S = 300.0
"""Seconds since its last word within which a life may still be written."""


class Part(NamedTuple):
    """One file of a life."""

    log: str
    begin: int
    """Where in the log its first byte stands."""


class Held:
    """The newest part of a log, and where the log goes on."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.end = part.begin
        self.size = 0
        """Compressed bytes that are whole."""
        self.closed = False


def file_name(part: Part) -> str:
    """The name of its file; a log in a folder of its own keeps that in its name."""
    return "%s.%015d.gz" % (part.log.replace("~", "~0").replace("/", "~1"), part.begin)


def compressed(data: bytes) -> bytes:
    """One gzip member."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


class Life:
    """One life of a node as its folder is written: made with the first bytes, kept within a budget."""

    def __init__(self, root: str, node: str, about: Dict[str, object]) -> None:
        """`root` holds the folders of all nodes; `about` is what the record says besides."""
        self.root, self.node = root, node
        self.name = "%s-%s" % (time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), uuid.uuid4().hex[:6])
        self.folder = os.path.join(root, node, self.name)
        self.about = dict(about, started_at=utc_now())
        self.is_made = False
        self._newest: Dict[str, Held] = {}
        # Every part with its size in the order in which they were begun: the oldest give way first.
        self._sizes: Dict[Part, int] = {}
        self._earlier: List[Tuple[str, int]] = []

    @property
    def size(self) -> int:
        """Compressed bytes of this life."""
        return sum(self._sizes.values())

    def make(self) -> None:
        """Makes the folder and learns of earlier lives of the node; raises OSError."""
        if self.is_made and os.path.isdir(self.folder):
            return
        # Each by itself: the mode of makedirs is that of the last one.
        for folder in (self.root, os.path.dirname(self.folder), self.folder):
            os.makedirs(folder, mode=0o700, exist_ok=True)
        self._earlier = _lives_of(os.path.dirname(self.folder), self.name)
        # Whoever removed the folder took all that it held.
        self._newest, self._sizes = {}, {}
        self.is_made = True

    def append(self, log: str, offset: int, data: bytes, budget: int) -> None:
        """Adds bytes that stand at `offset` of a log; raises OSError, and then holds none of them."""
        self.make()
        most = max(_SMALLEST_PART, min(_LARGEST_PART, budget // _PARTS_OF_BUDGET))
        held = self._newest.get(log)
        if held is None or held.closed or held.size >= most or held.end != offset or held.part not in self._sizes:
            held = self._newest[log] = Held(Part(log, offset))
            self._sizes[held.part] = 0
        self._write(held, compressed(data))
        held.end = offset + len(data)
        self._sizes[held.part] = held.size

    def _write(self, held: Held, member: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        # What stands in a part that holds nothing whole is the rest of a write that failed.
        descriptor = os.open(
            os.path.join(self.folder, file_name(held.part)), flags | (0 if held.size else os.O_TRUNC), 0o600
        )
        try:
            written = 0
            while written < len(member):
                written += os.write(descriptor, member[written:])
        except OSError:
            try:
                os.ftruncate(descriptor, held.size)
            except OSError:
                held.closed = bool(held.size)
            with contextlib.suppress(OSError):
                os.close(descriptor)
            raise
        try:
            os.close(descriptor)
        except OSError:
            # A network disk says here that it did not take all: what stands in the part now is not known.
            held.closed = bool(held.size)
            raise
        held.size += len(member)

    def keep_within(self, budget: int) -> None:
        """Removes the oldest until all lives of the node fit: earlier lives whole, then parts of this one.

        What was written to the error output goes last.
        """
        total = self.size + sum(size for _, size in self._earlier)
        while self._earlier and (total > budget or len(self._earlier) >= _MOST_LIVES):
            folder, size = self._earlier.pop(0)
            shutil.rmtree(folder, ignore_errors=True)
            total -= size
        for part in self._giving_way():
            if total <= budget and len(self._sizes) <= _MOST_PARTS:
                return
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.folder, file_name(part)))
            total -= self._sizes.pop(part)

    def _giving_way(self) -> List[Part]:
        last = {held.part for held in self._newest.values()}

        def rank(part: Part) -> Tuple[bool, bool]:
            return part in last, part.log.endswith(".err")

        return sorted(self._sizes, key=rank)

    def record(self, **more: object) -> None:
        """Writes the record anew: how far the logs were followed, and how the life ended; raises OSError."""
        if not self.is_made:
            return
        said = dict({"schema_version": SCHEMA_VERSION, "node": self.node}, **self.about)
        said.update(more, bytes=self.size)
        path = os.path.join(self.folder, RECORD)
        temporary = path + ".tmp"
        # Not synced: it must outlive this process, and is written again within seconds.
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        with open(os.open(temporary, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(json.dumps(said) + "\n")
        os.replace(temporary, path)


def _said(folder: str) -> Tuple[float, int]:
    """When a life was last written, and its compressed bytes: by its own word, else as its files are."""
    path = os.path.join(folder, RECORD)
    try:
        with open(path, encoding="utf-8") as file:
            said = json.loads(file.read(1 << 16))
            return os.fstat(file.fileno()).st_mtime, max(0, int(said["bytes"]))
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        pass
    try:
        with os.scandir(folder) as entries:
            states = [entry.stat(follow_symlinks=False) for entry in entries]
        return os.lstat(folder).st_mtime, sum(state.st_size for state in states)
    except OSError:
        return time.time(), 0


def _folders(root: str) -> Iterator[str]:
    """The folders in a folder, oldest name first; links are none."""
    try:
        with os.scandir(root) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return
    for name in names:
        yield os.path.join(root, name)


def _lives(node: str) -> Iterator[str]:
    """The folders of lives in a node's folder; what somebody else put there is not ours."""
    return (path for path in _folders(node) if _LIFE.fullmatch(os.path.basename(path)))


def _lives_of(folder: str, present: str) -> List[Tuple[str, int]]:
    """Earlier lives of a node with their sizes, oldest first; those that are too old are removed."""
    found = []
    for path in _lives(folder):
        if os.path.basename(path) == present:
            continue
        written, size = _said(path)
        if time.time() - written > _KEPT_S:
            shutil.rmtree(path, ignore_errors=True)
        else:
            found.append((path, size))
    return found


def share_of(root: str, per_node: int, per_cluster: int) -> int:
    """The bytes that one node may hold: as much as a node may, and no more than its share of the cluster's."""
    nodes = sum(1 for _ in _folders(root))
    return min(per_node, per_cluster // max(1, nodes))


def keep_cluster_within(root: str, per_cluster: int, own: Optional[str]) -> None:
    """Removes lives that have ended, oldest first, until those of all nodes fit, and those that are too old.

    Only the head does this. `own` is its own node's folder, which it keeps within bounds otherwise.
    """
    now, total, over = time.time(), 0, []
    for node in _folders(root):
        for life in _lives(node):
            written, size = _said(life)
            total += size
            if now - written > _LIVING_S and os.path.basename(node) != own:
                over.append((written, size, life))
    for written, size, life in sorted(over):
        if total > per_cluster or now - written > _KEPT_S:
            shutil.rmtree(life, ignore_errors=True)
            with contextlib.suppress(OSError):  # the node's folder goes with its last life
                os.rmdir(os.path.dirname(life))
            total -= size
