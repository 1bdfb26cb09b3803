"""The cluster's files in the project: what was last asked for is kept beside them."""

from __future__ import annotations

from pathlib import Path

from raytui.core.spec import ClusterSpec, WorkersSpec
from raytui.platforms.cai.project.files import DirectFiles
from raytui.platforms.cai.project.store import ProjectStore
from tests.unit.platforms.cai.scripted import Scripted, client_over


async def test_what_was_asked_for_is_kept_in_the_cluster_s_folder_until_it_is_removed(tmp_path: Path) -> None:
    store = ProjectStore(client_over(Scripted()), DirectFiles(tmp_path))
    spec = ClusterSpec(name="c", workers=WorkersSpec(count=3, cpu=2.0))
    assert await store.recorded_spec("c") is None
    await store.record_spec("c", spec)
    assert await store.recorded_spec("c") == spec
    await store.folder.forget_run("c")
    assert await store.recorded_spec("c") == spec
    (tmp_path / ".raytui/c/spec.json").write_text('{"unknown": 1}')
    assert await store.recorded_spec("c") is None
    await store.record_spec("c", None)
    await store.record_spec("c", None)
    assert not (tmp_path / ".raytui/c/spec.json").exists()
