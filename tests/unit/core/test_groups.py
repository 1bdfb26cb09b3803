"""Groups of workers as values: names, order, markers and digests."""

from __future__ import annotations

import msgspec

from raytui.core.marker import Marker, describe, read
from raytui.core.snapshot import Application
from raytui.core.spec import ClusterSpec, WorkersSpec, application_names
from tests.unit.core.values import application

CPU = WorkersSpec(count=2, cpu=4.0, memory=8.0)
MIXED = ClusterSpec(workers=WorkersSpec(count=1, gpus=1, accelerator="A10G"), groups={"cpu": CPU}).resolved("cai")


def test_every_group_names_its_own_applications_worker_first():
    assert list(MIXED.all_groups) == ["worker", "cpu"]
    assert application_names(MIXED) == [
        "ray-cluster-head",
        "ray-cluster-worker-1",
        "ray-cluster-cpu-1",
        "ray-cluster-cpu-2",
    ]


def test_the_number_of_one_group_changes_no_other():
    more = MIXED.with_workers(5, "cpu")
    assert (more.workers.count, more.groups["cpu"].count) == (1, 5)
    assert MIXED.with_workers(3).groups == MIXED.groups


def test_a_digest_is_not_touched_by_the_other_groups():
    changed = MIXED.with_group("cpu", WorkersSpec(cpu=9.0)).with_group("big", CPU).resolved("cai")
    assert changed.digest() == MIXED.digest()
    assert changed.digest("cpu") != MIXED.digest("cpu")
    assert MIXED.with_workers(7, "cpu").digest("cpu") == MIXED.digest("cpu")


def test_a_digest_of_before_there_were_groups_still_holds():
    assert ClusterSpec(workers=WorkersSpec(cpu=2.0)).resolved("local").digest() == "b85589de135b"


def test_what_only_a_workbench_knows_means_nothing_on_this_machine():
    assert MIXED.workers.accelerator == "A10G"
    assert MIXED.resolved("local").workers.accelerator is None


def test_a_marker_without_a_group_is_of_the_group_worker():
    old = read('Ray worker. raytui/1 {"cluster":"ray-cluster","role":"worker","index":2}')
    assert old is not None
    assert old.group_name == "worker"
    assert "group" not in describe(Marker("ray-cluster", "worker", 2))
    assert read(describe(Marker("ray-cluster", "worker", 2, group="cpu"))) == Marker(
        "ray-cluster", "worker", 2, group="cpu"
    )


def test_applications_are_called_by_their_group_and_ordered_by_it():
    apps = [application(2), application(1, group="cpu"), application(0), application(1)]
    assert [app.short for app in sorted(apps, key=lambda app: app.place)] == ["head", "worker-1", "worker-2", "cpu-1"]
    assert application(0).group == ""
    assert msgspec.structs.replace(application(1), state="failed").group == "worker"


def test_a_node_that_ray_alone_knows_of_has_no_group_of_ours():
    assert Application("n1", "10.0.0.1", "x", "worker", 1, "running", label="10.0.0.1").group == ""
