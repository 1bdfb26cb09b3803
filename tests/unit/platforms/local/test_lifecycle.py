# ruff: noqa: ASYNC221, ASYNC240  # nothing else runs in a test's loop
from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from raytui.core.errors import NotFound, OperationFailed
from raytui.platforms.local import files, launch, processes, records
from raytui.platforms.local.files import Folder
from tests.unit.platforms.local.conftest import CLUSTER, DASHBOARD_PORT, RAY_PORT, World, eventually


async def test_an_application_is_running_only_when_launcher_and_raylet_are(world: World) -> None:
    created = await world.create()
    assert created.state in {"starting", "running"}
    app = await world.reaches("running")
    assert app.id == created.id
    assert app.raw_state == f"process {world.pid(app)} alive, raylet alive"
    assert app.launcher is not None
    assert (app.launcher.state, app.launcher.address, app.launcher.ray_version) == ("alive", "10.0.0.1:6379", "2.60.0")
    assert app.launcher.at > 1.7e9
    assert (app.role, app.index, app.cluster, app.run, app.spec_digest) == ("head", 0, CLUSTER, "run-1", "0123456789ab")
    assert (app.ray_port, app.dashboard_port, app.cpu, app.memory, app.spec_json) == (
        RAY_PORT,
        DASHBOARD_PORT,
        1.0,
        2.0,
        '{"name":"unit"}',
    )


async def test_the_head_is_listed_first_and_workers_by_index(world: World) -> None:
    for short in ("worker-10", "worker-2", "head"):
        await world.create(short)
    assert [app.short for app in await world.platform.list(CLUSTER)] == ["head", "worker-2", "worker-10"]


async def test_everything_of_a_cluster_is_private(world: World) -> None:
    await world.running()
    for path in world.state.rglob("*"):
        if path.name not in {"ray", f"{CLUSTER}-head.json"} and path.parent.name != "launchers":
            assert path.stat().st_mode & 0o077 == 0, path
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o755 for path in (world.shared / "launchers").iterdir())


async def test_a_launcher_gets_what_was_asked_and_nothing_of_the_shell(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = {
        "RAY_ADDRESS": "elsewhere:6379",
        "RAY_AUTH_TOKEN": "secret",
        "RAYTUI_PROFILE": "prod",
        "CML_API_KEY": "key",
        "CDSW_ENGINE_ID": "e",
        "NO_COLOR": "1",
        "KEPT": "yes",
    }
    for name, value in shell.items():
        monkeypatch.setenv(name, value)
    app = await world.running(OTHER="asked")
    given = processes.environment(world.pid(app))
    assert given["OTHER"] == "asked"
    assert given["KEPT"] == "yes"
    assert not given.keys() & (shell.keys() - {"KEPT"})
    assert given["RAYTUI_SHARED_DIR"] == str(world.shared)
    assert given["RAYTUI_APPLICATION_ID"] == app.id
    assert given["RAYTUI_VENV"] == str(world.venv)
    assert len(given["RAYTUI_TEMP_DIR"]) > 1
    assert "RAY_AUTH_TOKEN_PATH" not in given


async def test_a_worker_is_told_where_its_own_head_is(world: World) -> None:
    await world.create()
    app = await world.running("worker-1")
    assert processes.environment(world.pid(app))["RAY_HEAD_ADDRESS"] == f"127.0.0.1:{RAY_PORT}"


async def test_two_nodes_get_ports_that_do_not_collide(world: World) -> None:
    for short in ("head", "worker-1"):
        await world.create(short)
    head, worker = (record.ports for record in records.load_all(Folder(world.root, CLUSTER)))
    assert head.keys() == {"RAYTUI_CLIENT_PORT", "RAYTUI_AGENT_PORT", "AUTOSCALER_METRIC_PORT", "DASHBOARD_METRIC_PORT"}
    assert worker.keys() == {"RAYTUI_AGENT_PORT"}
    given = [*head.values(), *worker.values()]
    assert len(set(given)) == 5
    assert 52365 not in given
    assert not any(10002 <= port <= 19999 for port in given)


async def test_stop_leaves_the_record_and_no_process(world: World) -> None:
    app = await world.running()
    assert len(world.ours()) == 3
    await world.platform.stop(app)
    assert world.ours() == []
    (stopped,) = await world.platform.list(CLUSTER)
    assert (stopped.id, stopped.state, stopped.message) == (app.id, "stopped", "")
    assert stopped.ended_at >= stopped.started_at > 0


async def test_delete_of_the_last_application_leaves_nothing_but_logs(world: World, temp_root: Path) -> None:
    for short in ("head", "worker-1"):
        await world.running(short)
    (world.shared / "rendezvous.json").write_text("{}")
    head, worker = await world.platform.list(CLUSTER)
    await world.platform.delete(worker)
    assert [app.short for app in await world.platform.list(CLUSTER)] == ["head"]
    assert (world.shared / "launchers").exists()
    assert list(temp_root.iterdir()) != []
    await world.platform.delete(head)
    assert await world.platform.list(CLUSTER) == ()
    assert world.ours() == []
    assert list(temp_root.iterdir()) == []
    left = {path.name for path in world.shared.iterdir()} - {"ray"}
    assert left == {"logs"}
    assert len(list((world.shared / "logs").iterdir())) == 2


async def test_a_delete_without_waiting_returns_when_the_launcher_was_asked_and_a_later_look_forgets_it(
    world: World,
) -> None:
    app = await world.running()
    pid = world.pid(app)
    os.kill(pid, signal.SIGSTOP)
    await world.platform.delete(app, wait=False)
    assert (await world.reaches("stopping")).id == app.id
    os.kill(pid, signal.SIGCONT)

    async def gone() -> bool:
        return await world.platform.list(CLUSTER) == ()

    await eventually(gone, "the deleted application to be forgotten")
    assert not world.ours()
    assert not Folder(world.root, CLUSTER).record(app.name).exists()


async def test_a_delete_without_waiting_ends_what_a_dead_launcher_left(world: World) -> None:
    app = await world.running()
    os.kill(world.pid(app), signal.SIGKILL)
    await world.reaches("failed")
    await world.platform.delete(app, wait=False)

    async def gone() -> bool:
        return await world.platform.list(CLUSTER) == ()

    await eventually(gone, "what the dead launcher left to end")
    assert not world.ours()


async def test_a_stop_without_waiting_returns_when_the_launcher_was_asked(world: World) -> None:
    app = await world.running(fake="stubborn")
    await world.platform.stop(app, wait=False)
    assert (await world.reaches("stopping")).id == app.id


async def test_what_is_gone_already_is_fine(world: World) -> None:
    app = await world.running()
    await asyncio.gather(world.platform.delete(app), world.platform.delete(app))
    await world.platform.delete(app)
    await world.platform.stop(app)
    assert await world.platform.list(CLUSTER) == ()


async def test_an_old_handle_does_not_end_a_new_application_of_the_same_name(world: World) -> None:
    old = await world.running()
    await world.platform.delete(old)
    new = await world.running()
    await world.platform.stop(old)
    await world.platform.delete(old)
    assert (await world.app()) == new


async def test_restart_keeps_the_application_and_replaces_the_process(world: World) -> None:
    app = await world.running()
    before = records.load(Folder(world.root, CLUSTER), app.name)
    await world.platform.restart(app)
    again = await world.reaches("running")
    after = records.load(Folder(world.root, CLUSTER), app.name)
    assert before is not None
    assert after is not None
    assert again.id == app.id
    assert world.pid(again) != world.pid(app)
    assert after.engine != before.engine
    assert after.environment == before.environment
    assert len(world.ours()) == 3


async def test_a_temp_directory_that_ray_opened_to_everybody_is_still_ours(world: World) -> None:
    app = await world.running()
    launch.temp_dir(world.root, CLUSTER).chmod(0o777)
    await world.platform.restart(app)
    await world.reaches("running")


async def test_a_new_head_finds_no_trace_of_the_old_one(world: World) -> None:
    app = await world.running()
    await world.running("worker-1")
    note = launch.temp_dir(world.root, CLUSTER) / "ray_current_cluster"
    rendezvous = world.shared / "rendezvous.json"
    for start_head in (lambda: world.platform.restart(app), world.create):
        note.write_text("10.0.0.1:26379")
        rendezvous.write_text("{}")
        await world.platform.stop(app)
        await start_head()
        assert not note.exists()
        assert not rendezvous.exists()
    (worker,) = [app for app in await world.platform.list(CLUSTER) if app.role == "worker"]
    note.write_text("10.0.0.1:26379")
    await world.platform.restart(worker)
    assert note.exists()


async def test_the_next_life_of_a_worker_finds_no_files_of_the_one_before(world: World) -> None:
    head = await world.running()
    worker = await world.running("worker-1")
    records_of = [records.load(Folder(world.root, CLUSTER), app.name) for app in (head, worker)]
    old = [Path(record.sessions) / "session_1" / "logs" / "raylet.out" for record in records_of if record is not None]
    for log in old:
        log.parent.mkdir(parents=True)
        log.write_text("the last words of another life")
    await world.platform.restart(worker)
    assert [log.exists() for log in old] == [True, False]


async def test_restart_of_what_was_removed_says_so(world: World) -> None:
    app = await world.running()
    await world.platform.delete(app)
    with pytest.raises(NotFound, match="unit-head was removed meanwhile"):
        await world.platform.restart(app)


async def test_a_second_application_of_the_same_name_is_refused(world: World) -> None:
    app = await world.running()
    with pytest.raises(OperationFailed, match=f"unit-head runs already as process {world.pid(app)}"):
        await world.create()
    assert len(world.ours()) == 3


async def test_a_stopped_application_is_replaced_by_create(world: World) -> None:
    app = await world.running()
    await world.platform.stop(app)
    new = await world.running()
    assert new.id != app.id
    assert len(world.ours()) == 3


async def test_what_ignores_sigterm_is_killed_when_its_time_is_up(world: World) -> None:
    world.platform._stop_timeout = 0.3
    app = await world.running(fake="stubborn")
    await world.platform.stop(app)
    assert world.ours() == []
    assert (await world.app()).state == "stopped"  # type: ignore[union-attr]


@pytest.mark.parametrize("fake", ["leaves ray", "leaves raylet"])
async def test_what_a_launcher_leaves_behind_is_ended_too(world: World, fake: str) -> None:
    app = await world.running(fake=fake)
    await world.platform.stop(app)
    assert world.ours() == []


async def test_a_killed_launcher_is_a_failure_and_its_ray_is_ended_by_delete(world: World) -> None:
    app = await world.running()
    os.kill(world.pid(app), signal.SIGKILL)
    failed = await world.reaches(
        "failed", message="its launcher was killed by signal 9; its last line: hello from unit-head"
    )
    assert len(world.ours()) == 2
    await world.platform.delete(failed)
    assert world.ours() == []


async def test_a_dead_raylet_under_a_living_launcher_is_not_called_running(world: World) -> None:
    app = await world.running()
    os.kill(world.pid(app), signal.SIGSTOP)
    (raylet,) = [process for process in world.ours() if process.name == "raylet"]
    processes.send(raylet, signal.SIGKILL)
    doubtful = await world.reaches("unknown")
    assert "raylet is gone" in doubtful.message


async def test_a_launcher_that_says_why_it_failed_is_quoted(world: World) -> None:
    await world.create(fake="fails")
    app = await world.reaches("failed")
    assert app.message == "port 6379 is taken by another program"
    assert app.launcher is not None
    assert app.launcher.hint == "take another"


async def test_a_launcher_that_says_nothing_is_explained_by_its_log(world: World) -> None:
    await world.create(fake="crashes")
    await world.reaches("failed", message="its launcher ended with exit code 3; its last line: the last words")


async def test_a_report_of_an_earlier_run_counts_for_nothing(world: World) -> None:
    app = await world.running()
    report = (world.shared / "nodes" / "unit-head.json").read_bytes()
    await world.platform.delete(app)
    await world.create(fake="crashes")
    (world.shared / "nodes" / "unit-head.json").write_bytes(report)
    failed = await world.reaches("failed")
    assert failed.launcher is None


async def test_a_worker_that_drained_counts_as_stopped(world: World) -> None:
    app = await world.running("worker-1")
    assert await world.platform.drain(app, 15)
    assert (await world.app("worker-1")).state == "stopped"  # type: ignore[union-attr]


async def test_a_drain_that_does_not_end_answers_false(world: World) -> None:
    app = await world.running("worker-1", fake="stubborn")
    assert not await world.platform.drain(app, 0.1)


async def test_a_cancelled_create_leaves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.launchers()
    entered = asyncio.Event()
    loop = asyncio.get_running_loop()
    store = records.store

    def slow(folder: Folder, record: records.Record) -> None:
        store(folder, record)
        if record.pid:
            loop.call_soon_threadsafe(entered.set)

    monkeypatch.setattr(records, "store", slow)
    task = asyncio.create_task(world.platform.create(world.request()))
    await entered.wait()
    task.cancel()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.ours() == []
    assert await world.platform.list(CLUSTER) == ()


async def test_a_cancelled_stop_still_ends_the_application(world: World) -> None:
    app = await world.running()
    task = asyncio.create_task(world.platform.stop(app))
    await eventually(lambda: _is(world, "stopping"), "the stop to begin")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await world.reaches("stopped")


async def _is(world: World, *states: str) -> bool:
    app = await world.app()
    return app is not None and app.state != "running"


async def test_an_application_survives_raytui_and_its_terminal(world: World) -> None:
    await world.launchers()
    script = f"""
        import asyncio, os, signal
        from pathlib import Path
        from raytui.platforms.local import LocalPlatform, launch
        from tests.unit.platforms.local.conftest import World
        launch.TEMP_ROOT = Path({str(launch.TEMP_ROOT)!r})
        world = World(Path({str(world.state)!r}), Path({str(world.venv)!r}))
        asyncio.run(world.platform.create(world.request()))
        os.killpg(0, signal.SIGHUP)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], start_new_session=True, timeout=60, cwd=Path.cwd()
    )
    assert done.returncode == -signal.SIGHUP
    app = await world.reaches("running")
    assert os.getsid(world.pid(app)) == world.pid(app)
    assert sorted(Path(f"/proc/{world.pid(app)}/fd/{n}").readlink().name[:5] for n in (0, 1, 2)) == [
        "head-",
        "head-",
        "null",
    ]


async def test_a_full_disk_ends_in_one_sentence_and_nothing_half_made(
    world: World, temp_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.launchers()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("raytui.system.files.os.fsync", full)
    with pytest.raises(
        OperationFailed, match=r"writing the record failed: .*unit-head.json: No space left on device"
    ) as caught:
        await world.platform.create(world.request())
    assert "RAYTUI_STATE_DIR" in caught.value.hint
    assert world.ours() == []
    assert await world.platform.list(CLUSTER) == ()
    assert [path.name for path in world.shared.rglob("*")] == ["logs"]
    assert list(temp_root.iterdir()) == []


async def test_a_disk_that_fills_up_after_the_start_takes_the_start_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.launchers()
    store = records.store

    def second_fails(folder: Folder, record: records.Record) -> None:
        if record.pid:
            raise OperationFailed("writing the record failed: disk full")
        store(folder, record)

    monkeypatch.setattr(records, "store", second_fails)
    with pytest.raises(OperationFailed, match="disk full"):
        await world.platform.create(world.request())
    assert world.ours() == []
    assert await world.platform.list(CLUSTER) == ()


async def test_a_missing_launcher_names_it(world: World) -> None:
    with pytest.raises(OperationFailed, match=r"the launcher .*/launchers/ray_head_launcher.py does not exist"):
        await world.platform.create(world.request())
    assert await world.platform.list(CLUSTER) == ()


async def test_a_state_directory_below_a_file_is_named(tmp_path: Path, temp_root: Path, venv: Path) -> None:
    (tmp_path / "file").write_text("")
    world = World(tmp_path / "file" / "state", venv)
    assert await world.platform.list(CLUSTER) == ()
    with pytest.raises(OperationFailed, match=r"failed: .*/file"):
        await world.create()


async def test_logs_are_kept_but_not_for_ever(world: World) -> None:
    app = await world.running()
    for n in range(30):
        path = world.shared / "logs" / f"worker-1-{n:02d}.log"
        path.write_text("old")
        os.utime(path, (1000 + n, 1000 + n))
    await world.platform.delete(app)
    kept = sorted(path.name for path in (world.shared / "logs").iterdir())
    assert len(kept) == files.KEPT_LOGS
    assert kept[0].startswith("head-")
    assert "worker-1-29.log" in kept


async def test_a_list_of_all_names_every_cluster_with_applications(world: World) -> None:
    assert await world.platform.list() == ()
    await world.create()
    await world.create(cluster="second")
    (world.root / "empty" / "logs").mkdir(parents=True)
    assert sorted(app.cluster for app in await world.platform.list()) == ["second", "unit"]
