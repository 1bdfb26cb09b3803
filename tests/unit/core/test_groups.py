"""Groups of workers as values: names, order, markers and digests."""

from __future__ import annotations

import msgspec
import pytest

from raytui.core.conditions import assess
from raytui.core.desired.application_request import create_request
from raytui.core.desired.asked import changed_fields, differences, overlay, profile_note
from raytui.core.desired.validate import validate
from raytui.core.marker import Marker, describe, read
from raytui.core.observed.snapshot import Application
from raytui.core.plan import plan_restart, plan_scale, plan_start, scale_spec
from raytui.core.remedy import as_commands
from raytui.core.report import status_document
from raytui.core.spec import ClusterSpec, WorkersSpec, application_names
from tests.unit.core.values import application, snapshot

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


def test_equal_specs_have_equal_hashes_in_whatever_order_their_groups_stand():
    one, other = WorkersSpec(cpu=1), WorkersSpec(cpu=2)
    specs = {ClusterSpec(groups={"a": one, "b": other}), ClusterSpec(groups={"b": other, "a": WorkersSpec(cpu=1.0)})}
    assert len(specs) == 1
    assert ClusterSpec(groups={"a": one}) not in {None, ClusterSpec()}


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


def living(spec: ClusterSpec) -> tuple[Application, ...]:
    """Every application of a spec, running as it says."""
    names = application_names(spec)
    requests = [create_request(spec, name) for name in names]
    return tuple(
        application(
            request.marker.index,
            id=request.name,
            name=request.name,
            role=request.marker.role,
            group=request.marker.group_name,
            cpu=request.cpu,
            memory=request.memory,
            gpus=request.gpus,
            spec_json=request.spec_json,
        )
        for request in requests
    )


def test_a_worker_of_a_group_is_made_as_its_group_says():
    request = create_request(MIXED, "ray-cluster-cpu-2")
    assert (request.cpu, request.memory, request.gpus, request.accelerator) == (4.0, 8.0, 0, "")
    assert request.marker == Marker("ray-cluster", "worker", 2, MIXED.digest("cpu"), 6379, 8265, group="cpu")
    assert request.environment["RAYTUI_GROUP"] == "cpu"
    worker = create_request(MIXED, "ray-cluster-worker-1")
    assert (worker.accelerator, worker.marker.group, worker.environment["RAYTUI_GROUP"]) == ("A10G", "", "worker")
    assert "RAYTUI_GROUP" not in create_request(MIXED, "ray-cluster-head").environment


def test_a_group_without_a_script_takes_that_of_the_workers():
    spec = MIXED.with_group("worker", msgspec.structs.replace(MIXED.workers, script="w.py"))
    assert create_request(spec, "ray-cluster-cpu-1").script == "w.py"


def test_start_creates_the_head_then_the_groups_in_their_order():
    plan = plan_start(MIXED, ())
    assert [request.name for request in plan.creates] == application_names(MIXED)
    assert not plan_start(MIXED, living(MIXED)).changed


def test_scale_of_one_group_leaves_the_others():
    plan = plan_scale(MIXED, living(MIXED), {"cpu": 1})
    assert [app.name for app in plan.ends] == ["ray-cluster-cpu-2"]
    assert not plan.creates
    assert plan.spec.workers.count == 1


def test_several_groups_are_scaled_at_once_the_last_of_each_first():
    plan = plan_scale(MIXED, living(MIXED.with_workers(3).with_workers(3, "cpu")), {"cpu": 1, "worker": 2})
    assert [app.short for app in plan.ends] == ["worker-3", "cpu-3", "cpu-2"]


def test_the_workers_of_a_group_that_nobody_asks_for_are_named_and_kept():
    alone = msgspec.structs.replace(MIXED, groups={})
    plan = plan_start(alone, living(MIXED))
    assert not plan.changed
    assert any("raytui scale cpu=0" in as_commands(note) for note in plan.notes)
    ended = plan_scale(alone, living(MIXED), {"cpu": 0})
    assert [app.short for app in ended.ends] == ["cpu-2", "cpu-1"]


def test_scale_takes_a_group_from_the_record_the_profile_or_the_applications_themselves():
    alone = msgspec.structs.replace(MIXED, groups={})
    assert scale_spec(MIXED, alone, (), {"cpu": 3})[0].groups["cpu"].count == 3
    assert scale_spec(alone, MIXED, (), {"cpu": 3})[0].groups["cpu"] == msgspec.structs.replace(CPU, count=3)
    assert scale_spec(alone, alone, living(MIXED), {"cpu": 3})[0].groups["cpu"].count == 3
    _, problems = scale_spec(alone, alone, (), {"cpu": 3, "gpu": 1})
    assert [problem.message for problem in problems] == [
        "ray-cluster has no group cpu",
        "ray-cluster has no group gpu",
    ]


def test_a_group_restarts_as_a_whole():
    apps = living(MIXED)
    assert [app.short for app in plan_restart(MIXED, apps, "cpu").ends] == ["cpu-1", "cpu-2"]
    assert [app.short for app in plan_restart(MIXED, apps, "cpu-2").ends] == ["cpu-2"]
    assert [app.short for app in plan_restart(MIXED, apps, "worker").ends] == ["worker-1"]
    assert [app.short for app in plan_restart(MIXED, apps, "workers").ends] == ["worker-1", "cpu-1", "cpu-2"]
    (problem,) = plan_restart(MIXED, apps, "gpu").problems
    assert "a group: worker, cpu" in as_commands(problem.hint)


def test_only_the_group_that_changed_differs():
    asked = MIXED.with_group("cpu", msgspec.structs.replace(CPU, cpu=6.0))
    assert {found.application for found in differences(asked, living(MIXED))} == {
        "ray-cluster-cpu-1",
        "ray-cluster-cpu-2",
    }
    other = MIXED.with_group("worker", msgspec.structs.replace(MIXED.workers, accelerator="H100"))
    (found,) = differences(other, living(MIXED))
    assert (found.field, found.present, found.asked) == ("workers.accelerator", "A10G", "H100")


def test_what_is_recorded_counts_and_new_groups_come_over_whole():
    alone = msgspec.structs.replace(MIXED, groups={})
    assert overlay(alone, MIXED, {"groups.cpu.count"}).groups == MIXED.groups
    assert overlay(alone, MIXED, {"workers.count"}).groups == {}
    more = MIXED.with_workers(9, "cpu")
    assert overlay(MIXED, more, {"groups.cpu.count"}) == more
    assert changed_fields(more, MIXED) == {"groups.cpu.count"}
    assert "2 workers of the group cpu" in profile_note(MIXED, more, flags=(), given=())


@pytest.mark.parametrize(
    "name", ["", "Cpu", "cpu_1", "1cpu", "cpu-1", "a-1-b", "head", "worker", "workers", "all", "head-x", "x-worker"]
)
def test_a_name_that_would_be_taken_for_something_else_is_refused(name):
    (problem,) = validate(ClusterSpec(groups={name: WorkersSpec()}).resolved("local"), "local")
    assert problem.field == f"groups.{name}"
    assert problem.hint


@pytest.mark.parametrize("name", ["cpu", "a10g", "gpu-large", "h100x8"])
def test_a_plain_name_is_fine(name):
    assert validate(ClusterSpec(groups={name: WorkersSpec()}).resolved("local"), "local") == []


def test_every_group_is_checked_like_the_workers():
    bad = WorkersSpec(count=-1, cpu=0.0, memory=0.1, gpus=99, resource_group_id=0)
    found = validate(ClusterSpec(groups={"cpu": bad, "gpu": WorkersSpec(accelerator="A10G")}), "cai")
    fields = {problem.field for problem in found}
    assert {f"groups.cpu.{name}" for name in ("count", "cpu", "memory", "gpus", "resource_group_id")} <= fields
    assert {"groups.gpu.accelerator", "groups.cpu.runtime_identifier", "groups.gpu.runtime_identifier"} <= fields


def test_an_accelerator_means_nothing_on_this_machine():
    spec = ClusterSpec(workers=WorkersSpec(accelerator="A10G", resource_profile_id=-1))
    assert validate(spec, "local") == []
    assert {"workers.accelerator", "workers.resource_profile_id"} <= {p.field for p in validate(spec, "cai")}


def test_too_many_workers_in_all_groups_together_are_refused():
    spec = ClusterSpec(workers=WorkersSpec(count=600), groups={"cpu": WorkersSpec(count=600)}).resolved("local")
    assert [problem.message for problem in validate(spec, "local")] == [
        "1200 workers in all groups: the number must be from 0 to 1000"
    ]


def test_a_worker_that_is_missing_is_named_by_its_group():
    apps = living(MIXED)
    shown = snapshot([app for app in apps if app.short != "cpu-1"], [], asked=MIXED)
    assert [c.message for c in assess(shown).conditions if c.reason == "WorkerMissing"] == [
        "cpu-1 has no application; 2 workers were asked for in the group cpu"
    ]


def test_the_status_says_the_group_of_each_worker():
    shown = snapshot(living(MIXED), [], asked=MIXED)
    workers = status_document(shown, assess(shown), shown.observed_at)["workers"]
    assert [(worker["group"], worker["index"]) for worker in workers] == [("worker", 1), ("cpu", 1), ("cpu", 2)]
