"""Nothing is needed that only a dead raytui had: applications are found again whatever happened to records and their writers."""

# ruff: noqa: ASYNC220  # nothing else runs in a test's loop
from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import msgspec
import pytest

from raytui.core.errors import OperationFailed
from raytui.platforms.local import launch, observe, processes, records
from raytui.platforms.local.files import Folder
from tests.unit.platforms.local.conftest import CLUSTER, World


def in_another_raytui(world: World, body: str) -> subprocess.Popen[bytes]:
    """Run a few lines as a raytui of its own; `world`, `request` and the modules are there."""
    script = f"""
import asyncio, os, signal
from pathlib import Path
from raytui.platforms.local import launch, records
from tests.unit.platforms.local.conftest import World
launch.TEMP_ROOT = Path({str(launch.TEMP_ROOT)!r})
world = World(Path({str(world.state)!r}), Path({str(world.venv)!r}))
request = world.request()
{textwrap.dedent(body)}
"""
    return subprocess.Popen(
        [sys.executable, "-c", script], cwd=Path.cwd(), stdout=subprocess.PIPE, stdin=subprocess.PIPE
    )


async def test_a_lost_record_comes_back_from_the_process(world: World) -> None:
    app = await world.running()
    path = world.shared / "applications" / "unit-head.json"
    before = records.load(Folder(world.root, CLUSTER), app.name)
    path.unlink()
    assert await world.app() == app
    assert records.load(Folder(world.root, CLUSTER), app.name) == before
    path.unlink()
    await world.platform.delete(app)
    assert world.ours() == []
    assert await world.platform.list(CLUSTER) == ()


async def test_one_lost_record_among_others_is_noticed(world: World) -> None:
    await world.running()
    await world.running("worker-1")
    (world.shared / "applications" / "unit-worker-1.json").unlink()
    assert [app.short for app in await world.platform.list(CLUSTER)] == ["head", "worker-1"]


async def test_a_deleted_state_directory_does_not_hide_a_cluster(world: World) -> None:
    app = await world.running()
    shutil.rmtree(world.state)
    assert {app.cluster for app in await world.platform.list()} == {CLUSTER}
    (found,) = await world.platform.list(CLUSTER)
    assert (found.id, found.name, found.ray_port, found.raw_state) == (
        app.id,
        app.name,
        app.ray_port,
        f"process {world.pid(app)} alive",
    )
    await world.platform.delete(found)
    assert world.ours() == []


async def test_a_damaged_record_is_mended_or_named(world: World) -> None:
    app = await world.running()
    path = world.shared / "applications" / "unit-head.json"
    path.write_text('{"id": "half')
    assert await world.app() == app
    await world.platform.stop(app)
    path.write_text('{"id": "half')
    damaged = await world.app()
    assert damaged is not None
    assert damaged.state == "failed"
    assert f"its record {path} is damaged" in damaged.message
    await world.platform.delete(damaged)
    assert await world.platform.list(CLUSTER) == ()


async def test_raytui_killed_between_the_process_and_its_record(world: World) -> None:
    await world.launchers()
    raytui = in_another_raytui(
        world,
        """
        store = records.store
        def dies(folder, record):
            if record.pid:
                os.kill(os.getpid(), signal.SIGKILL)
            store(folder, record)
        records.store = dies
        asyncio.run(world.platform.create(request))
        """,
    )
    raytui.communicate(timeout=60)
    assert raytui.returncode == -signal.SIGKILL
    record = records.load(Folder(world.root, CLUSTER), "unit-head")
    assert record is not None
    assert record.pid == 0
    app = await world.reaches("running")
    assert app.id == record.id
    with pytest.raises(OperationFailed, match="runs already"):
        await world.create()
    assert len(world.ours()) == 3
    await world.platform.delete(app)
    assert world.ours() == []


async def test_raytui_killed_before_there_was_a_process(world: World) -> None:
    await world.launchers()
    raytui = in_another_raytui(
        world,
        """
        launch.launch = lambda folder, record: os.kill(os.getpid(), signal.SIGKILL)
        asyncio.run(world.platform.create(request))
        """,
    )
    raytui.communicate(timeout=60)
    assert raytui.returncode == -signal.SIGKILL
    app = await world.app()
    assert app is not None
    assert (app.state, app.raw_state) == ("failed", "no process")
    await world.running()
    assert len(world.ours()) == 3


async def test_a_record_being_made_by_a_living_raytui_is_left_alone(world: World) -> None:
    await world.launchers()
    raytui = in_another_raytui(
        world,
        """
        import sys
        def waits(folder, record):
            print("made", flush=True)
            sys.stdin.read()
            os._exit(0)
        launch.launch = waits
        asyncio.run(world.platform.create(request))
        """,
    )
    assert raytui.stdout is not None
    assert await asyncio.to_thread(raytui.stdout.readline) == b"made\n"
    app = await world.app()
    assert app is not None
    assert (app.state, app.raw_state) == ("starting", "being created")
    raytui.communicate(timeout=60)
    assert (await world.app()).state == "failed"  # type: ignore[union-attr]


async def test_two_raytuis_at_once_make_one_process(world: World) -> None:
    await world.launchers()
    body = """
        import sys
        print("ready", flush=True)
        sys.stdin.readline()
        try:
            print("made", asyncio.run(world.platform.create(request)).id, flush=True)
        except RuntimeError as error:
            print("refused", error, flush=True)
        """
    pair = [in_another_raytui(world, body) for _ in range(2)]
    for raytui in pair:
        assert raytui.stdout is not None
        assert await asyncio.to_thread(raytui.stdout.readline) == b"ready\n"
    for raytui in pair:
        assert raytui.stdin is not None
        raytui.stdin.write(b"go\n")
        raytui.stdin.flush()
    words = sorted(raytui.communicate(timeout=60)[0].decode().split()[0] for raytui in pair)
    assert words == ["made", "refused"]
    await world.reaches("running")
    assert len(world.ours()) == 3


async def test_a_stranger_with_the_pid_of_a_record_is_never_signalled(world: World) -> None:
    app = await world.running()
    await world.platform.stop(app)
    folder = Folder(world.root, CLUSTER)
    record = records.load(folder, app.name)
    assert record is not None
    with subprocess.Popen(["sleep", "600"]) as stranger:
        try:
            process = processes.read(stranger.pid)
            assert process is not None
            for start in (process.start - 1, process.start):
                records.store(
                    folder,
                    msgspec.structs.replace(record, pid=process.pid, start=start, wanted="running", ended_at=0.0),
                )
                seen = await world.app()
                assert seen is not None
                assert seen.state == "failed"
                await world.platform.stop(seen)
            await world.platform.restart(seen)
            await world.reaches("running")
            await world.platform.delete(seen)
            assert stranger.poll() is None
        finally:
            stranger.kill()


async def test_a_cluster_of_the_same_name_in_another_state_directory_is_left_alone(
    world: World, tmp_path: Path
) -> None:
    other = World(tmp_path / "other", world.venv)
    mine, theirs = await world.running(), await other.running()
    try:
        await world.platform.delete(mine)
        assert world.ours() == []
        assert await other.app() == theirs
    finally:
        await other.kill_all()


async def test_a_process_that_ended_since_it_was_seen_brings_no_record_back(world: World) -> None:
    app = await world.running()
    found = processes.marked(processes.own(), world.root)
    await world.platform.delete(app)
    assert observe.reconcile(Folder(world.root, CLUSTER), found) == []
    assert await world.platform.list(CLUSTER) == ()


async def test_leftovers_without_any_record_are_ended_with_the_cluster(world: World) -> None:
    head = await world.running()
    await world.running("worker-1")
    for path in (world.shared / "applications" / "unit-worker-1.json", world.shared / "nodes" / "unit-worker-1.json"):
        path.unlink()
    await world.platform.delete(head)
    assert world.ours() == []
    assert not (world.shared / "launchers").exists()


async def test_a_read_only_state_directory_still_lists(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    app = await world.running()
    (world.shared / "applications" / "unit-head.json").unlink()

    def refused(*_: object) -> None:
        raise OperationFailed("writing the record failed: read-only file system")

    monkeypatch.setattr(records, "store", refused)
    assert await world.app() == app
