"""Ships Ray's logs of this node to the shared folder while the node lives, so that they outlive its disk.

A thread follows the files in Ray's log folder and hands what is new to a `Life` every few seconds. Whatever goes wrong
there, a full disk above all, is reported once and tried again later; it never ends the node.
"""

import os
import re
import stat
import threading
import time
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

from raytui_node.shipped_logs import Life, keep_cluster_within, share_of
from raytui_node.files import utc_now
from raytui_node.process import RayParts
from raytui_node.settings import Settings

PASS_S = 2.0
"""Seconds between two looks at the files: what is younger may be lost with the pod."""
_SLOWEST_PASS_S = 60.0
"""The longest pause after failures."""
_SAID_S = 10.0
"""Seconds after which the record says again that all was followed, when nothing was added."""
_LAST_S = 8.0
"""Seconds for what is left when Ray has ended."""
_STILL = 3
"""Passes at the end that hand over nothing, after which what cannot be read is given up."""
_SHARE_S = 60.0
_CLUSTER_S = 600.0
_CHUNK = 1024 * 1024
_PER_PASS = 8 * _CHUNK
_BEHIND = 32 * _CHUNK
"""Bytes that a log may be ahead of us: of one that grows faster only the newest are taken."""
_HEAD = 64
_LONGEST_NAME = 180
_LOG = re.compile(r".+\.(?:out|err|log)(?:\.\d+)?")
_ROTATED = re.compile(r"(.+\.(?:out|err|log))\.(\d+)|(.+)\.(\d+)\.(out|err|log)")
_BELOW = ("serve",)
"""Folders in Ray's log folder that hold logs of programs."""
_FIRST = ("raylet.", "gcs_server.", "job-driver-", "dashboard.", "monitor.", "dashboard_agent.")


class _Seen(NamedTuple):
    """One file of Ray's log folder as a listing shows it."""

    name: str
    key: Tuple[int, int]
    """Device and inode: a rotated file keeps them under another name."""
    size: int


class _Tail:
    """How far one file was read, and which log it is a piece of."""

    def __init__(self, log: str) -> None:
        self.log = log
        self.position = 0
        self.head = b""


def _bases(name: str) -> Tuple[str, str, int]:
    """The log that a file is a piece of by its name, the one it may be a piece of, and its number; 0 for the newest.

    `raylet.out.2` is one of raylet.out's. `raylet.2.out` is, when it was that before; it may be another node's.
    """
    found = _ROTATED.fullmatch(name)
    if found is None:
        return name, name, 0
    if found.group(1):
        return found.group(1), found.group(1), int(found.group(2))
    return name, "%s.%s" % (found.group(3), found.group(5)), int(found.group(4))


def _rank(log: str) -> Tuple[int, int]:
    """What tells most comes first: error outputs, then what explains a node's end."""
    name = os.path.basename(log)
    place = next((n for n, prefix in enumerate(_FIRST) if name.startswith(prefix)), len(_FIRST))
    return (0 if name.endswith(".err") else 1), place


class Follower:
    """The logs in one folder of Ray's, each read on from where it was."""

    def __init__(self, folder: str) -> None:
        self.moved = 0
        """Bytes that were handed over in the last pass."""
        self._folder = folder
        self._tails: Dict[Tuple[int, int], _Tail] = {}
        self._ends: Dict[str, int] = {}

    def ship(self, take: Callable[[str, int, bytes], None]) -> bool:
        """Hands what is new to `take` as log, offset and bytes; whether all was handed over.

        What could not be read was not. Raises what `take` raises; what it did not take is handed to it again the next
        time.
        """
        self.moved = 0
        seen, whole = self._listed()
        for key in set(self._tails) - {each.key for each in seen}:
            del self._tails[key]
        todo = sorted((self._placed(each) for each in seen), key=lambda each: each[0])
        left = _PER_PASS
        for _, each, tail in todo:
            if each.size == tail.position:
                continue
            taken, ended = self._read(each, tail, left, take)
            left -= taken
            self.moved += taken
            whole = whole and ended
        return whole

    def _listed(self) -> Tuple[List[_Seen], bool]:
        """The logs, and whether every folder could be looked into."""
        found: List[_Seen] = []
        whole = True
        for below in ("", *_BELOW):
            folder = os.path.join(self._folder, below) if below else self._folder
            try:
                # A folder that is a link leads to somebody else's.
                if not stat.S_ISDIR(os.lstat(folder).st_mode):
                    continue
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if not _LOG.fullmatch(entry.name) or len(entry.name) > _LONGEST_NAME:
                            continue
                        state = entry.stat(follow_symlinks=False)
                        if stat.S_ISREG(state.st_mode):
                            name = below + "/" + entry.name if below else entry.name
                            found.append(_Seen(name, (state.st_dev, state.st_ino), state.st_size))
            except FileNotFoundError:
                continue
            except OSError:
                whole = False
        return found, whole

    def _placed(self, each: _Seen) -> Tuple[Tuple[Tuple[int, int], str, int], _Seen, _Tail]:
        """The file with how far it was read, and where it stands in the order: of a log the oldest piece first."""
        log, perhaps, number = _bases(each.name)
        tail = self._tails.get(each.key)
        if tail is None or tail.log not in (log, perhaps, each.name):
            tail = self._tails[each.key] = _Tail(log)
        return (_rank(tail.log), tail.log, -number if tail.log != each.name else 0), each, tail

    def _read(self, each: _Seen, tail: _Tail, left: int, take: Callable[[str, int, bytes], None]) -> Tuple[int, bool]:
        """Hands over what is new in a file, at most `left` bytes; how many they were, and whether all."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(os.path.join(self._folder, each.name), flags)
        except OSError:
            return 0, False
        try:
            state = os.fstat(descriptor)
            if (state.st_dev, state.st_ino) != each.key:
                # It was rotated a moment ago: the next listing shows where it is.
                return 0, False
            if state.st_size < tail.position or os.pread(descriptor, len(tail.head), 0) != tail.head:
                # Emptied and begun anew, or another file that got the number of one that is gone.
                tail.position, tail.head = 0, b""
            if state.st_size - tail.position > _BEHIND:
                skipped = state.st_size - tail.position - _CHUNK
                tail.position += skipped
                self._ends[tail.log] = self._ends.get(tail.log, 0) + skipped
            taken = 0
            while taken < left:
                data = os.pread(descriptor, min(_CHUNK, left - taken), tail.position)
                if not data:
                    return taken, True
                offset = self._ends.get(tail.log, 0)
                take(tail.log, offset, data)
                self._ends[tail.log] = offset + len(data)
                tail.position += len(data)
                taken += len(data)
                if len(tail.head) < _HEAD:
                    tail.head = os.pread(descriptor, min(_HEAD, tail.position), 0)
            return taken, False
        finally:
            os.close(descriptor)


class LogShipper:
    """The shipping of one node's logs: `begin` when Ray is started, `end` when nothing of it is left."""

    def __init__(self, settings: Settings, node: str) -> None:
        """`node` is the name under which the node's lives are kept."""
        self._settings = settings
        self._node = node
        self._root = os.path.join(settings.shared_dir, "logs")
        self._thread: Optional[threading.Thread] = None
        self._stop = threading.Event()
        self._news: List[str] = []

    def begin(self, parts: Callable[[], RayParts]) -> None:
        """Ships the logs of a new life of the node from now on; `parts` tells what is known of its processes."""
        if not (self._settings.keep_logs and self._settings.shared_dir):
            return
        s = self._settings
        about: Dict[str, object] = {
            "application": s.application,
            "cluster": s.cluster,
            "role": s.role,
            "engine_id": s.engine_id,
            "run": s.run_id,
        }
        self._stop = threading.Event()
        shipping = _Shipping(Life(self._root, self._node, about), s, parts, self._stop, self._news.append)
        # A thread ends with its process, however that ends.
        thread = threading.Thread(target=shipping.run, name="log shipper", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # no more threads are allowed here: the node is worth more than its logs
            self._news.append("Ray's logs cannot be kept in the shared folder (%s)" % error)
            return
        self._thread = thread

    def end(self) -> None:
        """Ships what is left and ends; a disk that hangs is not waited for."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_LAST_S + 2.0)
            self._thread = None

    def news(self) -> List[str]:
        """Sentences about what went wrong, or right again, since the last call."""
        news = []
        while self._news:
            news.append(self._news.pop(0))
        return news


class _Shipping:
    """What the thread of one life does."""

    def __init__(
        self,
        life: Life,
        settings: Settings,
        parts: Callable[[], RayParts],
        stop: threading.Event,
        tell: Callable[[str], None],
    ) -> None:
        self._life = life
        self._settings = settings
        self._parts = parts
        self._stop = stop
        self._tell = tell
        self._follower: Optional[Follower] = None
        self._trouble = False
        self._budget = 0
        self._shared = self._cleared = self._said = 0.0
        self._added = False

    def run(self) -> None:
        """Ships until asked to stop, then what is left."""
        pause = PASS_S
        while not self._stop.wait(pause):
            pause = min(pause * 2, _SLOWEST_PASS_S) if self._tried(self._ship) is None else PASS_S
        deadline = time.monotonic() + _LAST_S
        whole = self._tried(self._ship)
        still = 0
        while whole is False and still < _STILL and time.monotonic() < deadline:
            whole = self._tried(self._ship)
            still = still + 1 if self._follower is None or not self._follower.moved else 0
        self._tried(lambda: self._life.record(ended=bool(whole)) is None)

    def _tried(self, act: Callable[[], bool]) -> Optional[bool]:
        """Does it and returns its answer, None when it fails; that is reported once, until it goes well again."""
        try:
            done = act()
        except OSError as error:
            self._failed("%s: %s" % (error.filename or self._life.folder, error.strerror or error))
            return None
        except Exception as error:  # noqa: BLE001  # a defect here must not leave a node without its thread
            self._failed("%s: %s" % (type(error).__name__, error))
            return None
        if self._trouble and self._added:
            self._trouble = False
            self._tell("Ray's logs are kept in the shared folder again")
        return done

    def _failed(self, why: str) -> None:
        if not self._trouble:
            self._tell("Ray's logs cannot be kept in the shared folder now, which is tried again (%s)" % why)
        self._trouble, self._added = True, False

    def _ship(self) -> bool:
        """One pass over the files; whether nothing is left."""
        parts, began = self._parts(), utc_now()
        if self._follower is None:
            folder = next((os.path.dirname(path) for _, path in parts.log_files), "")
            # Only a folder of Ray's making: `<session>/logs`.
            if os.path.basename(folder) != "logs":
                return True
            self._follower = Follower(folder)
            self._life.about["session"] = os.path.basename(os.path.dirname(folder))
        now = time.monotonic()
        settings, life = self._settings, self._life
        if not self._budget or now - self._shared > _SHARE_S:
            life.make()
            self._shared = now
            self._budget = share_of(life.root, settings.logs_per_node, settings.logs_per_cluster)
        whole = self._follower.ship(self._take)
        if whole:
            life.about["at"] = began
        if parts.node_id:
            life.about["node_id"] = parts.node_id
        if self._added or now - self._said > _SAID_S:
            self._said = now
            life.keep_within(self._budget)
            life.record()
        if settings.role == "head" and now - self._cleared > _CLUSTER_S:
            self._cleared = now
            keep_cluster_within(life.root, settings.logs_per_cluster, life.node)
        if not self._trouble:
            self._added = False
        return whole

    def _take(self, log: str, offset: int, data: bytes) -> None:
        self._life.append(log, offset, data, self._budget)
        self._added = True
