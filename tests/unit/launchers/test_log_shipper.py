"""Ray's logs outlive a node: what was written before the last pass is read back, each byte once and in order."""

from __future__ import annotations

import errno
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from raytui_node import log_shipper, shipped_logs
from raytui_node.log_shipper import Follower, LogShipper
from raytui_node.process import NOTHING_YET
from raytui_node.settings import read_settings
from raytui_node.shipped_logs import Life

from raytui.core.observed.shipped_logs import NodeLife
from raytui.logs.sources.shipped import Kept
from raytui.platforms.local.store import LocalStore
from tests.unit.launchers.world import ROOT, World, wait_until

BUDGET = 10**8


class Session:
    """Ray's folder of logs, and the shipper of one node beside it, pass by pass."""

    def __init__(self, root: Path, budget: int = BUDGET) -> None:
        self.root = root
        self.logs = root / "session_1" / "logs"
        self.logs.mkdir(parents=True)
        self.budget = budget
        self.life = Life(str(root / "c" / "logs"), "worker-1", {"cluster": "c", "application": "c-worker-1"})
        self.follower = Follower(str(self.logs))

    def write(self, name: str, data: bytes) -> None:
        path = self.logs / name
        path.parent.mkdir(exist_ok=True)
        with path.open("ab") as file:
            file.write(data)

    def ship(self) -> None:
        while not self.follower.ship(lambda log, offset, data: self.life.append(log, offset, data, self.budget)):
            pass
        self.life.keep_within(self.budget)
        self.life.record()

    def end(self) -> None:
        self.ship()
        self.life.record(ended=True)

    def damage(self, record: str) -> None:
        Path(self.life.folder, "life.json").write_text(record)


async def kept(root: Path) -> tuple[NodeLife, ...]:
    return await LocalStore(root).lives("c")


async def read(root: Path, life: NodeLife, log: str) -> bytes:
    class Platform:
        store = LocalStore(root)

    from raytui.core.session import LogSource

    source = LogSource(f"{life.node}/{log}", "kept", filename=log, life=life)
    blob = await Kept(Platform(), None).blob(source)  # type: ignore[arg-type]
    try:
        return blob.read(0, blob.size)
    finally:
        blob.close()


async def everything(root: Path) -> dict[str, bytes]:
    (life,) = await kept(root)
    return {log: await read(root, life, log) for log in life.logs}


async def test_every_byte_is_read_back_once_and_in_order(tmp_path: Path):
    session, random_ = Session(tmp_path), random.Random(7)
    names = ["raylet.out", "raylet.err", "serve/replica_a.log", "worker-1-ffff-77.out", "od~d.log"]
    written: dict[str, bytes] = dict.fromkeys(names, b"")
    rotated = 0
    for step in range(120):
        name = random_.choice(names)
        data = random_.randbytes(random_.choice([1, 100, 5000])) + b"line %d\n" % step
        session.write(name, data)
        written[name] += data
        if random_.random() < 0.1 and (session.logs / "raylet.out").exists():
            rotated += 1
            for number in range(rotated - 1, 0, -1):
                (session.logs / f"raylet.out.{number}").rename(session.logs / f"raylet.out.{number + 1}")
            (session.logs / "raylet.out").rename(session.logs / "raylet.out.1")
        if random_.random() < 0.3:
            session.ship()
    session.end()
    assert rotated > 3
    assert await everything(tmp_path) == {name: data for name, data in written.items() if data}


async def test_a_log_that_ray_rotates_with_the_number_inside_goes_on(tmp_path: Path):
    session = Session(tmp_path)
    session.write("raylet.out", b"one\n")
    session.ship()
    session.write("raylet.out", b"two\n")
    (session.logs / "raylet.out").rename(session.logs / "raylet.1.out")
    session.write("raylet.out", b"three\n")
    session.end()
    assert await everything(tmp_path) == {"raylet.out": b"one\ntwo\nthree\n"}


async def test_a_log_that_is_emptied_or_replaced_goes_on_with_what_is_new(tmp_path: Path):
    session = Session(tmp_path)
    session.write("a.log", b"first life\n")
    session.ship()
    (session.logs / "a.log").write_bytes(b"begun anew, and longer than before\n")
    session.ship()
    (session.logs / "a.log").unlink()
    session.write("a.log", b"x\n")
    session.end()
    assert await everything(tmp_path) == {"a.log": b"first life\nbegun anew, and longer than before\nx\n"}


async def test_links_and_what_is_no_log_are_left_alone(tmp_path: Path):
    session = Session(tmp_path)
    secret = tmp_path / "secret"
    secret.write_bytes(b"token\n")
    (session.logs / "raylet.out").symlink_to(secret)
    (session.logs / "serve").symlink_to(tmp_path)
    (tmp_path / "other.log").write_bytes(b"not ours\n")
    os.mkfifo(session.logs / "pipe.log")
    (session.logs / "folder.log").mkdir()
    session.write("debug_state.txt", b"rewritten all the time\n")
    session.write("gcs_server.out", b"ours\n")
    session.end()
    assert await everything(tmp_path) == {"gcs_server.out": b"ours\n"}
    linked = tmp_path / "linked"
    linked.symlink_to(session.logs)
    assert Follower(str(linked))._listed() == ([], True)


async def test_the_oldest_gives_way_and_the_log_says_so(tmp_path: Path):
    session, noise = Session(tmp_path, budget=400_000), random.Random(1)
    session.write("raylet.err", b"the cause\n")
    for n in range(40):
        session.write("raylet.out", noise.randbytes(30_000) + b"\nend of %d\n" % n)
        session.ship()
    session.end()
    (life,) = await kept(tmp_path)
    assert sum(part.size for parts in life.logs.values() for part in parts) <= 400_000
    found = await everything(tmp_path)
    assert found["raylet.err"] == b"the cause\n"
    assert found["raylet.out"].startswith(b"raytui: the first ")
    assert found["raylet.out"].endswith(b"end of 39\n")


async def test_earlier_lives_give_way_first(tmp_path: Path):
    old = Session(tmp_path)
    old.write("raylet.out", random.Random(2).randbytes(200_000))
    old.end()
    new = Session(tmp_path / "again")
    new.life = Life(str(tmp_path / "c" / "logs"), "worker-1", {})
    new.budget = 300_000
    new.write("raylet.out", b"new\n")
    new.ship()
    assert len(await kept(tmp_path)) == 2
    new.write("raylet.out", random.Random(3).randbytes(150_000))
    new.ship()
    assert [life.name for life in await kept(tmp_path)] == [new.life.name]


async def test_the_head_keeps_the_cluster_within_its_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    root = tmp_path / "c" / "logs"
    for n, node in enumerate(("worker-1", "worker-2", "head")):
        life = Life(str(root), node, {})
        life.append("raylet.out", 0, random.Random(n).randbytes(100_000), BUDGET)
        life.record(ended=True)
        os.utime(Path(life.folder) / shipped_logs.RECORD, (1e9 + n, 1e9 + n))
    monkeypatch.setattr(shipped_logs, "_KEPT_S", 1e12)
    living = Life(str(root), "worker-3", {})
    living.append("raylet.out", 0, random.Random(9).randbytes(100_000), BUDGET)
    living.record()
    assert shipped_logs.share_of(str(root), 10**9, 10**8) == 10**8 // 4
    shipped_logs.keep_cluster_within(str(root), 320_000, "head")
    assert [life.node for life in await kept(tmp_path)] == ["head", "worker-2", "worker-3"]
    assert not (root / "worker-1").exists()


def shipping(tmp_path: Path, **more: str) -> tuple[LogShipper, Path]:
    logs = tmp_path / "session_1" / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    env = {"RAYTUI_SHARED_DIR": str(tmp_path / "c"), "RAYTUI_CLUSTER": "c", "RAYTUI_APPLICATION": "c-worker-1", **more}
    return LogShipper(read_settings("worker", env), "worker-1"), logs


async def test_a_full_disk_is_told_once_and_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(log_shipper, "PASS_S", 0.01)
    monkeypatch.setattr(log_shipper, "_SLOWEST_PASS_S", 0.02)
    box, logs = shipping(tmp_path)
    real, full, tries = os.write, threading.Event(), []

    def write(descriptor: int, data: bytes) -> int:
        if full.is_set() and Path(f"/proc/self/fd/{descriptor}").readlink().suffix == ".gz":
            tries.append(len(data))
            real(descriptor, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    box.begin(lambda: NOTHING_YET._replace(log_files=(("raylet.out", str(logs / "raylet.out")),)))
    (logs / "raylet.out").write_bytes(b"before\n")
    wait_until("the first bytes", lambda: list((tmp_path / "c/logs").glob("worker-1/*/raylet.out*")))
    full.set()
    with (logs / "raylet.out").open("ab") as file:
        file.write(b"while it was full\n")
    wait_until("several tries", lambda: len(tries) > 3)
    (sentence,) = box.news()
    assert "No space left on device" in sentence
    full.clear()
    assert wait_until("the good news", box.news) == ["Ray's logs are kept in the shared folder again"]
    box.end()
    assert await everything(tmp_path) == {"raylet.out": b"before\nwhile it was full\n"}


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), ValueError("a defect")])
def test_whatever_fails_the_thread_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception):
    monkeypatch.setattr(log_shipper, "PASS_S", 0.01)
    box, _ = shipping(tmp_path)
    asked: list[int] = []

    def parts() -> None:
        asked.append(1)
        raise error

    box.begin(parts)  # type: ignore[arg-type]
    wait_until("more tries", lambda: len(asked) > 2)
    box.end()
    assert len(box.news()) == 1


def test_a_node_starts_also_where_no_thread_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    shipper, _ = shipping(tmp_path)
    monkeypatch.setattr(threading.Thread, "start", start)
    shipper.begin(lambda: NOTHING_YET)
    assert shipper.news() == ["Ray's logs cannot be kept in the shared folder (can't start new thread)"]
    shipper.end()


async def test_a_log_that_cannot_be_read_is_never_told_as_kept_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(log_shipper, "PASS_S", 0.01)
    shipper, logs = shipping(tmp_path)
    (logs / "raylet.err").write_bytes(b"the cause\n")
    (logs / "raylet.out").write_bytes(b"readable\n")
    real = os.open

    def opened(path: str, *more: int) -> int:
        if str(path).endswith("raylet.err"):
            raise OSError(errno.EACCES, "Permission denied")
        return real(path, *more)

    monkeypatch.setattr(os, "open", opened)
    shipper.begin(lambda: NOTHING_YET._replace(log_files=(("raylet.out", str(logs / "raylet.out")),)))
    wait_until("the first bytes", lambda: list((tmp_path / "c/logs").glob("worker-1/*/raylet.out*")))
    shipper.end()
    (life,) = await kept(tmp_path)
    assert not life.ended
    assert life.until == 0
    assert b"kept until an unknown time" in await read(tmp_path, life, "raylet.out")


async def test_what_is_behind_is_not_told_as_kept_until_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(log_shipper, "PASS_S", 0.01)
    monkeypatch.setattr(log_shipper, "_PER_PASS", 4)
    monkeypatch.setattr(log_shipper, "_CHUNK", 4)
    shipper, logs = shipping(tmp_path)
    path = logs / "raylet.out"
    path.write_bytes(b"one line\n")

    def more() -> object:
        with path.open("ab") as file:
            file.write(b"another line\n")
        return NOTHING_YET._replace(log_files=(("raylet.out", str(path)),))

    shipper.begin(more)  # type: ignore[arg-type]
    record = wait_until("its record", lambda: list((tmp_path / "c/logs").glob("worker-1/*/life.json")))[0]
    assert "at" not in json.loads(record.read_text())
    monkeypatch.setattr(log_shipper, "_LAST_S", 0.05)
    shipper.end()
    assert json.loads(record.read_text())["ended"] is False


async def test_nobody_else_reads_what_is_kept(tmp_path: Path):
    before = os.umask(0)
    try:
        session = Session(tmp_path)
        session.write("raylet.out", b"one\n")
        session.end()
    finally:
        os.umask(before)
    places = [tmp_path / "c/logs", *(tmp_path / "c/logs").rglob("*")]
    assert {path.stat().st_mode & 0o777 for path in places if path.is_dir()} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in places if path.is_file()} == {0o600}


async def test_what_somebody_else_put_there_is_never_removed(tmp_path: Path):
    session = Session(tmp_path, budget=1)
    foreign = tmp_path / "c/logs/worker-1/notes"
    foreign.mkdir(parents=True)
    (foreign / "mine.txt").write_text("mine")
    os.utime(foreign, (1e9, 1e9))
    session.write("raylet.out", b"one\n")
    session.ship()
    shipped_logs.keep_cluster_within(str(tmp_path / "c/logs"), 0, "head")
    assert (foreign / "mine.txt").read_text() == "mine"


async def test_a_folder_that_was_removed_is_made_again_and_the_log_says_what_is_missing(tmp_path: Path):
    session = Session(tmp_path)
    session.write("raylet.out", b"one\n")
    session.ship()
    shutil.rmtree(tmp_path / "c/logs")
    session.write("raylet.out", b"two\n")
    session.end()
    found = await everything(tmp_path)
    assert found == {"raylet.out": b"raytui: the first 4 bytes of this log were not kept\ntwo\n"}


async def test_a_node_that_ends_again_and_again_keeps_a_bounded_number_of_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shipped_logs, "_MOST_LIVES", 3)
    for n in range(5):
        session = Session(tmp_path / str(n))
        session.life = Life(str(tmp_path / "c" / "logs"), "worker-1", {})
        session.write("raylet.out", b"one\n")
        session.end()
    assert len(await kept(tmp_path)) == 3


@pytest.mark.parametrize("record", ["[" * 60_000, '{"bytes": 1e999}', "[]", "{}"])
async def test_a_damaged_record_stops_nobody_and_its_life_counts_as_what_it_holds(tmp_path: Path, record: str):
    old = Session(tmp_path)
    old.write("raylet.out", random.Random(2).randbytes(200_000))
    old.end()
    old.damage(record)
    new = Session(tmp_path / "again", budget=100_000)
    new.life = Life(str(tmp_path / "c" / "logs"), "worker-1", {})
    new.write("raylet.out", b"new\n")
    new.ship()
    assert [life.name for life in await kept(tmp_path)] == [new.life.name]


async def test_a_disk_that_refuses_only_when_a_file_is_closed_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    session, real, refusing = Session(tmp_path), os.close, []

    def close(descriptor: int) -> None:
        is_part = Path(f"/proc/self/fd/{descriptor}").readlink().suffix == ".gz"
        real(descriptor)
        if refusing and is_part:
            raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(os, "close", close)
    session.write("raylet.out", b"one\n")
    session.ship()
    session.write("raylet.out", b"two\n")
    refusing.append(True)
    with pytest.raises(OSError, match="quota"):
        session.ship()
    refusing.clear()
    session.end()
    assert await everything(tmp_path) == {"raylet.out": b"one\ntwo\n"}


def test_who_wants_none_gets_none(tmp_path: Path):
    box, _ = shipping(tmp_path, RAYTUI_LOGS_KEEP="false")
    box.begin(lambda: NOTHING_YET)
    assert box._thread is None
    box.end()


def test_a_file_may_be_no_larger_than_the_system_allows(tmp_path: Path):
    """A limit of the system on the size of files, as a quota would be: the process lives on and says so."""
    code = f"""
import sys, resource, random, signal
sys.path.insert(0, {str(ROOT / "launchers")!r})
from raytui_node.shipped_logs import Life
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
life = Life({str(tmp_path / "c" / "logs")!r}, "worker-1", {{}})
data = random.Random(1).randbytes(3000)
life.append("a.out", 0, data, 10**8)
try:
    life.append("a.out", 3000, data, 10**8)
except OSError as error:
    print(error.errno)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == str(errno.EFBIG), done.stderr


def of_session(logs: Path, world: World) -> dict[str, object]:
    return {"FAKE_RAY": f"session:{logs}", "RAYTUI_SHARED_DIR": world.shared, "RAY_HEAD_ADDRESS": "127.0.0.1:1"}


@pytest.mark.parametrize("role", ["head", "worker"])
def test_the_logs_of_a_node_outlive_it_and_its_program(world: World, role: str):
    logs = world.folder / "session_1" / "logs"
    logs.mkdir(parents=True)
    for n in range(200):
        (logs / f"worker-{n:04x}-01000000-{n}.out").write_text(f"worker {n} began\n")
    application = {"head": "c-head", "worker": "c-worker-1"}[role]
    run = world.start(role, application, **of_session(logs, world))
    of_node = world.shared / "logs" / application.removeprefix("c-")
    wait_until("200 logs", lambda: len(list(of_node.glob("*/worker-*.gz"))) == 200)
    with (logs / "raylet.out").open("a") as file:
        file.write("the last words of the raylet\n")
    wait_until("its last words", lambda: [path for path in of_node.glob("*/raylet.out*.gz") if path.stat().st_size])
    node = int(Path(f"/proc/{run.calls[0]['pid']}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(node, signal.SIGKILL)
    run.wait()
    record = json.loads(next(of_node.glob("*/life.json")).read_text())
    assert (record["application"], record["node_id"], record.get("ended")) == (application, "ab" * 28, None)
    (part,) = of_node.glob("*/raylet.out*.gz")
    text = subprocess.run(["zcat", part], capture_output=True, text=True, check=True).stdout
    assert text == "the last words of the raylet\n"


def test_at_most_five_seconds_of_a_killed_node_are_missing(world: World):
    logs = world.folder / "session_1" / "logs"
    logs.mkdir(parents=True)
    run = world.start("worker", "c-worker-1", **of_session(logs, world))
    of_node = world.shared / "logs" / "worker-1"
    over = threading.Event()
    written: list[float] = []

    def write() -> None:
        with (logs / "raylet.out").open("a", buffering=1) as file:
            while not over.wait(0.05):
                written.append(time.monotonic())
                file.write(f"{written[-1]!r}\n")

    def kept_lines() -> list[float]:
        parts = sorted(of_node.glob("*/raylet.out*.gz"))
        texts = (subprocess.run(["zcat", part], capture_output=True, text=True, check=False).stdout for part in parts)
        return [float(line) for text in texts for line in text.splitlines()]

    writer = threading.Thread(target=write)
    writer.start()
    try:
        # Three passes: what is missing is then what a pass leaves, not what the first one had not begun.
        counts: set[int] = set()
        wait_until("three passes", lambda: counts.add(len(kept_lines())) or len(counts) > 3)
        wait_until("most of a pass", lambda: written[-1] - kept_lines()[-1] > 0.75 * log_shipper.PASS_S)
        node = int(Path(f"/proc/{run.calls[0]['pid']}/stat").read_text().rpartition(")")[2].split()[1])
        killed = time.monotonic()
        os.kill(node, signal.SIGKILL)
        run.wait()
    finally:
        over.set()
        writer.join()
    # A machine that gave nobody a turn for a while withheld it from the shipper, too.
    withheld = max(later - earlier for earlier, later in itertools.pairwise(written))
    found = kept_lines()
    assert found == written[: len(found)]
    assert killed - found[-1] <= 5.0 + withheld
    (record,) = of_node.glob("*/life.json")
    assert "ended" not in json.loads(record.read_text())


def test_a_node_that_ends_ships_all_and_says_so(world: World):
    logs = world.folder / "session_1" / "logs"
    logs.mkdir(parents=True)
    run = world.start("head", FAKE_RAY=f"session:{logs}", RAYTUI_SHARED_DIR=world.shared)
    wait_until("the node id", lambda: run.node.get("node_id"))
    (logs / "gcs_server.err").write_text("written in the last moment\n")
    run.stop()
    (record,) = (world.shared / "logs" / "head").glob("*/life.json")
    assert json.loads(record.read_text())["ended"] is True
    assert list(record.parent.glob("gcs_server.err.*.gz"))
