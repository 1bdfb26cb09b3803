"""The cluster's files in the project: what was last asked for is kept beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from raytui.core.marker import Marker, describe
from raytui.core.observed.snapshot import Application
from raytui.core.spec import ClusterSpec, WorkersSpec
from raytui.platforms.cai import CaiPlatform
from raytui.platforms.cai.applications.lifecycle import Lifecycle
from raytui.platforms.cai.project.files import DirectFiles
from raytui.platforms.cai.project.folder import SharedFolder
from raytui.platforms.cai.project.store import ProjectStore
from tests.unit.platforms.cai.scripted import FAST, Scripted, client_over, ok


async def test_what_was_asked_for_is_kept_in_the_cluster_s_folder_until_it_is_removed(tmp_path: Path) -> None:
    client, files = client_over(Scripted()), DirectFiles(tmp_path)
    folder = SharedFolder(files)
    store = ProjectStore(files, folder, Lifecycle(client), client.timing)
    spec = ClusterSpec(name="c", workers=WorkersSpec(count=3, cpu=2.0))
    assert await store.recorded_spec("c") is None
    await store.record_spec("c", spec)
    assert await store.recorded_spec("c") == spec
    await folder.forget_run("c")
    assert await store.recorded_spec("c") == spec
    (tmp_path / ".raytui/c/spec.json").write_text('{"unknown": 1}')
    assert await store.recorded_spec("c") is None
    await store.record_spec("c", None)
    await store.record_spec("c", None)
    assert not (tmp_path / ".raytui/c/spec.json").exists()


async def test_a_record_that_was_garbled_on_its_way_is_read_once_more(tmp_path: Path) -> None:
    client, files = client_over(Scripted()), DirectFiles(tmp_path)
    store = ProjectStore(files, SharedFolder(files), Lifecycle(client), client.timing)
    spec = ClusterSpec(name="c", workers=WorkersSpec(count=3))
    await store.record_spec("c", spec)
    read, garbled = files.read, [b'{"id": tru']

    async def once(path: str) -> bytes:
        return garbled.pop() if garbled else await read(path)

    files.read = once  # type: ignore[method-assign]
    assert await store.recorded_spec("c") == spec
    assert not garbled


def platform_over(world: Scripted, folder: Path) -> CaiPlatform:
    platform = CaiPlatform(
        host="https://ml.example.com",
        project_id="p",
        api_key=lambda: "a-key",
        client="http",
        project_dir=folder,
        timing=FAST,
    )
    platform.client._transport = world
    token = folder / ".raytui/c/auth_token"
    token.parent.mkdir(parents=True)
    token.write_text("secret")
    return platform


def app(role: Literal["head", "worker"]) -> Application:
    name = "c-head" if role == "head" else "c-worker-1"
    return Application(name, name, "c", role, int(role == "worker"), "running", "running")


def entry(name: str) -> dict[str, str]:
    marker = Marker("c", "head" if name == "c-head" else "worker", int(name != "c-head"))
    return {"id": name, "name": name, "description": describe(marker), "status": "starting"}


async def test_the_end_of_a_worker_takes_no_token_from_a_head_that_is_too_young_for_the_list(tmp_path: Path) -> None:
    shown: list[list[dict[str, str]]] = [[entry("c-worker-1")], [], [], [entry("c-head")]]
    world = Scripted(
        ListApplications=lambda _: ok({"applications": shown.pop(0) if len(shown) > 1 else shown[0]}),
        DeleteApplication=ok(),
    )
    platform = platform_over(world, tmp_path)
    await platform.delete(app("worker"))
    assert shown == [[entry("c-head")]]
    assert (tmp_path / ".raytui/c/auth_token").exists()
    await platform.close()


async def test_the_token_goes_with_the_last_application_once_the_list_would_show_another(tmp_path: Path) -> None:
    world = Scripted(ListApplications=ok({"applications": []}), DeleteApplication=ok())
    platform = platform_over(world, tmp_path)
    await platform.delete(app("worker"))
    assert not (tmp_path / ".raytui/c/auth_token").exists()
    await platform.close()


async def test_the_token_goes_with_the_head_at_once(tmp_path: Path) -> None:
    shown = [entry("c-head")]
    world = Scripted(
        ListApplications=lambda _: ok({"applications": shown}), DeleteApplication=lambda _: (shown.clear(), ok())[1]
    )
    platform = platform_over(world, tmp_path)
    await platform.delete(app("head"))
    assert not (tmp_path / ".raytui/c/auth_token").exists()
    assert world.count("ListApplications") == 3
    await platform.close()
