# ruff: noqa: ASYNC240  # nothing else runs in a test's loop
from __future__ import annotations

import os
import stat
import threading
import time
from pathlib import Path

import msgspec
import pytest

from raytui.core.desired.launchers import own_folder
from raytui.core.errors import ConfigurationError, DeadlineExceeded, NotFound, OperationFailed, Unreachable
from raytui.core.spec import ClusterSpec, WorkersSpec
from raytui.platforms.local import files, launch, processes, records
from raytui.platforms.local.disk import read_within, to_the_end
from raytui.platforms.local.files import Folder
from tests.unit.platforms.local.conftest import CLUSTER, DASHBOARD_PORT, World


async def test_launchers_are_executable_and_unchanged_ones_untouched(world: World) -> None:
    paths = await world.launchers()
    head = Path(paths["ray_head_launcher.py"])
    assert head == world.shared / "launchers" / "ray_head_launcher.py"
    assert stat.S_IMODE(head.stat().st_mode) == 0o755
    before = head.stat().st_ino
    await world.launchers()
    assert head.stat().st_ino == before
    await world.platform.store.write_launchers(CLUSTER, {"ray_head_launcher.py": b"new"})
    assert head.read_bytes() == b"new"
    assert [path.name for path in head.parent.iterdir() if path.name.startswith(".")] == []


async def test_files_that_applications_run_from_never_change_and_new_applications_name_others(world: World) -> None:
    head = await world.running()
    old = {path.name: path.read_bytes() for path in (world.shared / "launchers").iterdir()}
    newer = {**old, "raytui_node/node.py": b"pass\n", "ray_head_launcher.py": b"pass\n"}
    paths = await world.platform.store.write_launchers(CLUSTER, newer)
    own = world.shared / own_folder(newer)
    assert paths == {name: str(own / name) for name in newer}
    assert {name: Path(path).read_bytes() for name, path in paths.items()} == newer
    assert stat.S_IMODE((own / "raytui_node/node.py").stat().st_mode) == 0o644
    assert {path.name: path.read_bytes() for path in (world.shared / "launchers").iterdir()} == old
    request = world.request("worker-1")
    worker = await world.platform.create(msgspec.structs.replace(request, script=paths["ray_worker_launcher.py"]))
    assert processes.environment(world.pid(worker))["RAYTUI_NODE_DIR"] == str(own / "raytui_node")
    (own / "raytui_node/node.py").write_bytes(b"by hand")
    with pytest.raises(
        OperationFailed, match=r"raytui_node/node.py was changed by hand, and applications of unit run from it"
    ):
        await world.platform.store.write_launchers(CLUSTER, newer)
    await world.platform.delete(worker)
    assert own.exists()
    await world.platform.delete(head)
    assert not list(world.shared.glob("launchers*"))
    assert (
        Path((await world.platform.store.write_launchers(CLUSTER, newer))["raytui_node/node.py"]).parent.parent.name
        == "launchers"
    )


async def test_a_full_disk_leaves_the_old_launcher(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    head = Path((await world.launchers())["ray_head_launcher.py"])
    before = head.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("raytui.system.files.os.fsync", full)
    with pytest.raises(OperationFailed, match=r"writing the launcher failed: .*No space left on device"):
        await world.platform.store.write_launchers(CLUSTER, {"ray_head_launcher.py": b"new"})
    assert head.read_bytes() == before
    assert len(list(head.parent.iterdir())) == 2


async def test_files_are_read_below_the_state_directory_only(world: World) -> None:
    path = (await world.launchers())["ray_head_launcher.py"]
    assert await world.platform.store.read_file(path) == Path(path).read_bytes()
    with pytest.raises(NotFound, match="there is no file"):
        await world.platform.store.read_file("unit/none")
    (world.shared / "way-out").symlink_to("/etc")
    for outside in ("../secret", "/etc/passwd", "unit/../../x", "unit/way-out/passwd", "."):
        with pytest.raises(ConfigurationError, match="is not below"):
            await world.platform.store.read_file(outside)


@pytest.mark.parametrize("name", ["..", "a/b", ".lock", ""])
async def test_a_cluster_name_cannot_leave_the_state_directory(world: World, name: str) -> None:
    with pytest.raises(ConfigurationError, match="is no cluster name"):
        await world.platform.list(name)


async def test_the_log_is_read_from_its_end_and_onwards(world: World) -> None:
    app = await world.running()
    (log,) = (world.shared / "logs").iterdir()
    log.write_bytes(b"0123456789")
    chunk = await world.platform.store.tail(app, limit=4)
    assert (chunk.data, chunk.offset, chunk.end) == (b"6789", 6, 10)
    assert (await world.platform.store.tail(app, 10)).data == b""
    with log.open("ab") as file:
        file.write(b"abc")
    assert (await world.platform.store.tail(app, 10)).data == b"abc"
    chunk = await world.platform.store.tail(app, 2, limit=3)
    assert (chunk.data, chunk.end) == (b"234", 5)
    log.write_bytes(b"xy")
    chunk = await world.platform.store.tail(app, 13)
    assert (chunk.data, chunk.offset, chunk.end) == (b"xy", 0, 2)


async def test_the_log_of_a_deleted_application_can_still_be_read(world: World) -> None:
    app = await world.running()
    await world.platform.delete(app)
    assert b"hello from unit-head" in (await world.platform.store.tail(app)).data


async def test_the_head_gets_a_token_that_only_we_can_read(world: World) -> None:
    await world.create(RAY_AUTH_MODE="token")
    head = await world.reaches("running")
    path = world.shared / "auth_token"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    token = path.read_text().strip()
    assert len(token) == 64
    target = await world.platform.dashboard(head)
    assert target.url == f"http://127.0.0.1:{DASHBOARD_PORT}"
    assert (target.headers, target.ray_headers) == ({}, {"Authorization": f"Bearer {token}"})
    assert target.token_file == str(path)
    await world.create("worker-1", RAY_AUTH_MODE="token")
    assert path.read_text().strip() == token
    assert token not in (world.shared / "applications" / "unit-head.json").read_text()


async def test_a_cluster_without_token_is_asked_without_one(world: World) -> None:
    target = await world.platform.dashboard(await world.running())
    assert (target.headers, target.token_file) == ({}, "")


async def test_a_head_without_dashboard_port_is_unreachable_by_design(world: World) -> None:
    import msgspec

    head = msgspec.structs.replace(await world.running(), dashboard_port=0)
    with pytest.raises(Unreachable, match="no dashboard port"):
        await world.platform.dashboard(head)


async def test_a_token_in_our_environment_becomes_the_clusters(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", " told ")
    await world.create(RAY_AUTH_MODE="token")
    assert (world.shared / "auth_token").read_text() == "told\n"
    head = await world.reaches("running")
    await world.platform.delete(head)
    monkeypatch.delenv("RAY_AUTH_TOKEN")
    (tmp_path / "token").write_text("from a file\n")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    await world.create(RAY_AUTH_MODE="token")
    assert (world.shared / "auth_token").read_text() == "from a file\n"


async def test_a_token_file_that_is_missing_is_named_and_nothing_is_made(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", "/nope")
    with pytest.raises(
        OperationFailed, match=r"the Ray token in /nope \(RAY_AUTH_TOKEN_PATH\) cannot be used: it cannot be read"
    ):
        await world.create(RAY_AUTH_MODE="token")
    assert await world.platform.list(CLUSTER) == ()


async def test_a_temp_directory_of_somebody_else_is_refused(world: World, temp_root: Path) -> None:
    path = launch.temp_dir(world.root, CLUSTER)
    path.parent.mkdir(mode=0o755)
    with pytest.raises(OperationFailed, match="is not a directory of yours alone"):
        await world.create()
    assert await world.platform.list(CLUSTER) == ()


async def test_a_disk_that_hangs_is_named() -> None:
    with pytest.raises(DeadlineExceeded, match=r"the list did not answer within 0.01 s"):
        await read_within("the list", lambda: time.sleep(0.3), 0.01)


async def test_a_named_pipe_in_the_state_directory_is_refused_and_not_waited_for(world: World) -> None:
    (world.root / CLUSTER).mkdir(parents=True)
    os.mkfifo(world.root / CLUSTER / "pipe")
    with pytest.raises(OperationFailed, match="it is no regular file"):
        await world.platform.store.read_file(f"{CLUSTER}/pipe")


async def test_a_change_on_a_disk_that_hangs_ends_in_a_sentence_that_leaves_it_open() -> None:
    gate = threading.Event()
    with pytest.raises(DeadlineExceeded, match=r"did not end within 0.01 s; it may yet be carried out"):
        await to_the_end(gate.wait, timeout=0.01)
    gate.set()


def test_a_lock_that_is_held_says_so(tmp_path: Path) -> None:
    with (
        files.locked(tmp_path),
        pytest.raises(OperationFailed, match=r"another raytui has held .*\.lock"),
        files.locked(tmp_path, 0.01),
    ):
        pass
    with files.locked(tmp_path, 0.01):
        pass


async def test_what_was_asked_for_is_kept_until_it_is_removed_and_survives_the_last_application(world: World) -> None:
    spec = ClusterSpec(name=CLUSTER, workers=WorkersSpec(count=3, cpu=2.0))
    assert await world.platform.store.recorded_spec(CLUSTER) is None
    await world.platform.store.record_spec(CLUSTER, None)
    assert not world.shared.exists()
    await world.platform.store.record_spec(CLUSTER, spec)
    assert world.shared.stat().st_mode & 0o777 == 0o700
    await world.platform.delete(await world.running())
    assert await world.platform.store.recorded_spec(CLUSTER) == spec
    (world.shared / "spec.json").write_text("{half")
    assert await world.platform.store.recorded_spec(CLUSTER) is None
    await world.platform.store.record_spec(CLUSTER, None)
    assert not (world.shared / "spec.json").exists()


async def test_the_ends_of_ray_s_logs_are_those_that_this_run_of_the_launcher_kept(world: World) -> None:
    app = await world.running()
    record = records.load(Folder(world.root, CLUSTER), app.name)
    assert record is not None
    for engine, name, text in (
        (record.engine, "raylet.out", "last\n"),
        (record.engine, "raylet.err", ""),
        ("other", "gcs_server.out", "x"),
    ):
        (world.shared / "logs" / f"{app.short}-{engine}.{name}.tail").write_text(text)
    kept = await world.platform.store.kept_logs(app)
    assert list(kept) == ["raylet.out"]
    assert await world.platform.store.read_file(kept["raylet.out"]) == b"last\n"


def test_a_record_of_a_group_names_its_log_and_its_place(tmp_path: Path) -> None:
    folder = Folder(tmp_path, CLUSTER)
    folder.prepare()
    for index, group in ((1, "cpu"), (2, ""), (10, ""), (0, "head")):
        role = "head" if group == "head" else "worker"
        name = f"{CLUSTER}-head" if role == "head" else f"{CLUSTER}-{group or 'worker'}-{index}"
        record = records.Record("i", "e", name, CLUSTER, role, index, group="" if role == "head" else group)
        records.store(folder, record)
    found = records.load_all(folder)
    assert [record.log for record in found] == ["head-e.log", "worker-2-e.log", "worker-10-e.log", "cpu-1-e.log"]
    assert [record.group_name for record in found] == ["", "worker", "worker", "cpu"]


def test_a_damaged_record_still_tells_its_group_by_its_name(tmp_path: Path) -> None:
    folder = Folder(tmp_path, CLUSTER)
    folder.prepare()
    names = {
        f"{CLUSTER}-gpu-large-3": ("gpu-large", 3),
        f"{CLUSTER}-worker-2": ("worker", 2),
        f"{CLUSTER}-head": ("", 0),
    }
    for name, expected in names.items():
        folder.record(name).write_text("half a rec")
        record = records.load(folder, name)
        assert record is not None
        assert (record.group_name, record.index) == expected


async def test_logs_of_this_machine_are_read_where_they_lie(world: World) -> None:
    head = await world.running()
    places = await world.platform.store.places(head)
    assert Path(places.output).parent == world.shared / "logs"
    assert places.sessions == str(launch.temp_dir(world.root, CLUSTER))
    await world.platform.delete(head)
    assert (await world.platform.store.places(head)).sessions == ""
