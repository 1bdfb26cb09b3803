"""Logs of other machines: read once, then only what is new; never a line lost or doubled by that."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raytui.core.errors import DeadlineExceeded, Failure, OperationFailed, Unreachable
from raytui.logs.sources import spool
from raytui.logs.sources.spool import Spool, prune


class Elsewhere:
    """A log that gives its last lines."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = data
        self.asked: list[int] = []
        self.given = 0
        self.fails_after: int | None = None

    async def __call__(self, lines: int):
        self.asked.append(lines)
        data = self.data
        if lines >= 0:
            whole = data.splitlines(keepends=True)
            data = b"".join(whole[-lines:]) if lines else b""
        for begin in range(0, len(data), 1000):
            if self.fails_after is not None and begin >= self.fails_after:
                raise Unreachable(Failure("dashboard", "Closed", "the dashboard ended the answer"))
            self.given += len(data[begin : begin + 1000])
            yield data[begin : begin + 1000]


def numbered(first: int, last: int) -> bytes:
    return b"".join(b"2026-11-24 10:00:00,000 line %d\n" % n for n in range(first, last))


async def test_the_second_time_only_the_new_end_is_asked_for(tmp_path):
    log, kept = Elsewhere(numbered(0, 20_000)), Spool(tmp_path / "s")
    path = await kept.fetch("key", "head/x", log)
    assert path.read_bytes() == log.data
    log.data += numbered(20_000, 20_100)
    log.given = 0
    assert (await kept.fetch("key", "head/x", log)).read_bytes() == log.data
    assert log.asked == [-1, spool.STEPS[0]]
    assert log.given < len(log.data) / 5


async def test_what_is_kept_is_for_its_owner_alone(tmp_path):
    path = await Spool(tmp_path / "s").fetch("key", "head/x", Elsewhere(b"secret\n"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "second",
    [b"another log\n", b"", numbered(0, 10), b"same\n" * 9_000, numbered(0, 500) + b"same\n"],
    ids=["replaced", "emptied", "shrunk", "ambiguous", "other end"],
)
@pytest.mark.parametrize("first", [numbered(0, 500), b"same\n" * 8_000, b"no newline"])
async def test_a_log_that_became_another_is_read_anew(tmp_path, first, second):
    log, kept = Elsewhere(first), Spool(tmp_path / "s")
    await kept.fetch("key", "head/x", log)
    log.data = second
    assert (await kept.fetch("key", "head/x", log)).read_bytes() == second


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from([b"a\n", b"a\n" * 30, b"b", b"\n", b"c\n" * 7, b"10:00:00,%03d x\n"]), max_size=12),
    st.data(),
)
def test_whatever_is_added_the_file_here_is_the_log_there(tmp_path, parts, data):
    async def run() -> None:
        log, kept = Elsewhere(), Spool(None)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(spool, "STEPS", (2, 5))
            patch.setattr(spool, "PROOF", data.draw(st.integers(1, 40)))
            for n, part in enumerate(parts):
                log.data += part.replace(b"%03d", b"%03d" % n)
                assert (await kept.fetch("key", "x", log)).read_bytes() == log.data
        await kept.close()

    asyncio.run(run())


async def test_an_answer_that_breaks_off_leaves_what_was_kept(tmp_path):
    log, kept = Elsewhere(numbered(0, 100)), Spool(tmp_path / "s")
    path = await kept.fetch("key", "head/x", log)
    held = path.read_bytes()
    log.data, log.fails_after = numbered(50, 90_000), 5000
    with pytest.raises(Unreachable, match="ended the answer"):
        await kept.fetch("key", "head/x", log)
    assert path.read_bytes() == held
    assert not list(path.parent.glob("*.part"))


async def test_an_answer_that_stops_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "SILENT_S", 0.05)

    async def hangs(lines: int):
        yield b"x"
        await asyncio.Event().wait()

    with pytest.raises(DeadlineExceeded, match="head/x stopped coming after 1 bytes"):
        await Spool(tmp_path / "s").fetch("key", "head/x", hangs)
    assert not list((tmp_path / "s").glob("*.part"))


async def test_a_full_disk_is_said_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(Spool, "_room", lambda self: 5000)
    with pytest.raises(OperationFailed, match="could not be kept") as caught:
        await Spool(tmp_path / "s").fetch("key", "head/x", Elsewhere(numbered(0, 1000)))
    assert caught.value.reason == "DiskFull"
    assert not list((tmp_path / "s").glob("*.part"))
    assert errno.ENOSPC


async def test_two_at_once_do_not_write_into_each_others_file(tmp_path):
    log = Elsewhere(numbered(0, 5000))
    first, second = Spool(tmp_path / "s"), Spool(tmp_path / "s")
    await first.fetch("key", "head/x", log)
    log.data += numbered(5000, 6000)
    paths = await asyncio.gather(*(each.fetch("key", "head/x", log) for each in (first, second)))
    assert [path.read_bytes() for path in paths] == [log.data, log.data]


async def test_without_a_folder_nothing_stays(tmp_path):
    kept = Spool(None)
    path = await kept.fetch("key", "head/x", Elsewhere(b"x\n"))
    assert path.exists()
    await kept.close()
    assert not path.parent.exists()


def aged(root: Path, name: str, size: int, age: float, now: float) -> Path:
    path = root / name
    path.write_bytes(b"x" * size)
    os.utime(path, (now - age, now - age))
    return path


def test_the_oldest_go_when_there_is_no_room(tmp_path):
    now = 1_000_000_000.0
    old, older, oldest = (aged(tmp_path, f"{n}.log", 100, age, now) for n, age in ((1, 10.0), (2, 20.0), (3, 30.0)))
    forgotten = aged(tmp_path, "4.log", 1, spool.KEPT_S + 1, now)
    left = aged(tmp_path, "5.log.part", 1, 7200.0, now)
    prune(tmp_path, 250, now)
    assert [path.exists() for path in (old, older, oldest, forgotten, left)] == [True, True, False, False, False]
