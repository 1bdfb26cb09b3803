"""One comparison decides everything: its rules as examples and as properties."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from raytui.core.desired.application_request import create_request
from raytui.core.plan import LIVE, plan_restart, plan_scale, plan_start, plan_stop, recorded_spec, spec_like
from raytui.core.remedy import as_commands
from raytui.core.spec import DEFAULT_RAY_PORT, ClusterSpec, HeadSpec, WorkersSpec

from .values import application

SPEC = ClusterSpec(workers=WorkersSpec(count=2)).resolved("local")
STATES = ("starting", "running", "stopping", "stopped", "failed", "unknown")


def actions(plan) -> list[str]:
    return [step.action for step in plan.steps]


def test_from_nothing_head_comes_before_workers_and_workers_come_together():
    plan = plan_start(SPEC, ())
    assert actions(plan) == ["launchers", "create", "create", "wait-head", "wait-nodes"]
    assert plan.steps[2].targets == ("ray-cluster-worker-1", "ray-cluster-worker-2")
    assert plan.changed


def test_a_head_alone_waits_for_one_node():
    plan = plan_start(SPEC.with_workers(0), ())
    assert [request.name for request in plan.creates] == ["ray-cluster-head"]
    assert plan.steps[-1].targets == ("ray-cluster-head",)


def test_what_lives_is_left_alone_and_only_waited_for():
    plan = plan_start(SPEC, tuple(application(n) for n in range(3)))
    assert (plan.changed, plan.creates, actions(plan)) == (False, (), ["wait-head", "wait-nodes"])


def test_what_failed_is_removed_before_it_is_made_again():
    plan = plan_start(SPEC, (application(0), application(1, "failed"), application(2)))
    assert actions(plan) == ["delete", "launchers", "create", "wait-head", "wait-nodes"]
    assert plan.steps[2].targets == ("ray-cluster-worker-1",)


def test_new_workers_meet_the_living_head_on_its_own_port():
    plan = plan_start(SPEC, (application(0, ray_port=6400, dashboard_port=8300),))
    assert {request.environment["RAYTUI_RAY_PORT"] for request in plan.creates} == {"6400"}


def test_surplus_and_drift_are_told_and_never_touched():
    plan = plan_start(SPEC.with_workers(1), (application(0), application(1, cpu=4.0, memory=2.0), application(2)))
    assert not plan.changed
    assert "worker-2 (running) is kept" in as_commands(plan.notes[0])
    assert "4 CPU" in as_commands(plan.notes[1])


def test_scale_down_drains_the_highest_first_and_ends_only_them():
    plan = plan_scale(SPEC, tuple(application(n) for n in range(4)), 1)
    assert [app.index for app in plan.ends] == [3, 2]
    assert actions(plan) == ["drain", "stop", "delete", "wait-gone", "wait-head", "wait-nodes"]


def test_scale_up_makes_more_of_the_same():
    recorded = msgspec.structs.replace(SPEC, workers=WorkersSpec(count=1, cpu=3.0, memory=5.0))
    head = application(0, spec_json=msgspec.json.encode(recorded).decode())
    plan = plan_scale(spec_like(SPEC, (head,)), (head, application(1)), 2)
    assert [(request.name, request.cpu) for request in plan.creates] == [("ray-cluster-worker-2", 3.0)]


def test_stop_ends_workers_before_the_head_and_waits_until_nothing_is_listed():
    plan = plan_stop(SPEC, tuple(application(n) for n in range(2)))
    assert [(step.action, step.targets) for step in plan.steps] == [
        ("stop", ("ray-cluster-worker-1",)),
        ("stop", ("ray-cluster-head",)),
        ("delete", ("ray-cluster-worker-1", "ray-cluster-head")),
        ("wait-gone", ("ray-cluster-worker-1", "ray-cluster-head")),
    ]
    assert plan_stop(SPEC, ()).changed is False


def test_stop_keep_leaves_what_is_stopped():
    plan = plan_stop(SPEC, (application(0, "stopped"), application(1)), keep=True)
    assert [(step.action, step.targets) for step in plan.steps] == [("stop", ("ray-cluster-worker-1",))]


def test_restart_of_what_is_not_there_is_a_problem_that_lists_what_is():
    plan = plan_restart(SPEC, (application(0),), "worker-9")
    assert not plan.steps
    assert "head" in plan.problems[0].hint


def test_restart_takes_several_targets_at_once_and_refuses_all_when_one_is_not_there():
    apps = (application(0), application(1), application(2), application(3))
    plan = plan_restart(SPEC, apps, "worker-1,worker-3")
    assert [app.short for app in plan.ends] == ["worker-1", "worker-3"]
    assert sum(step.action == "restart" for step in plan.steps) == 1
    refused = plan_restart(SPEC, apps, "worker-1,worker-9")
    assert not refused.steps
    assert "no worker-9" in refused.problems[0].message


def test_restart_of_all_workers_leaves_what_a_scale_is_still_deleting():
    there = (application(0), application(1), application(2), application(3, "stopping"))
    assert [app.short for app in plan_restart(SPEC, there, "workers").ends] == ["worker-1", "worker-2"]
    assert [app.short for app in plan_restart(SPEC, there, "worker-3").ends] == ["worker-3"]
    # One that the spec has a place for was stopped by somebody, and is restarted.
    kept = (application(0), application(1), application(2, "stopping"))
    assert [app.short for app in plan_restart(SPEC, kept, "workers").ends] == ["worker-1", "worker-2"]


def test_restart_head_says_that_jobs_end():
    plan = plan_restart(SPEC, (application(0), application(1)), "head")
    assert plan.steps[1].targets == ("ray-cluster-head",)
    assert "jobs end" in as_commands(plan.notes[0])


def test_request_of_a_worker_carries_its_marker_and_size_and_no_secret():
    request = create_request(
        msgspec.structs.replace(SPEC, workers=WorkersSpec(count=1, cpu=2.0, memory=4.0, gpus=1)),
        "ray-cluster-worker-12",
    )
    assert (request.marker.role, request.marker.index, request.gpus) == ("worker", 12, 1)
    assert request.environment["RAYTUI_MEMORY_BYTES"] == "4000000000"
    assert request.environment["RAYTUI_NUM_CPUS"] == "2"
    assert not [name for name in request.environment if "TOKEN" in name or "KEY" in name]


def test_a_part_of_a_cpu_is_a_whole_one_to_ray_which_counts_no_parts():
    spec = msgspec.structs.replace(SPEC, workers=WorkersSpec(count=1, cpu=0.5, memory=4.0))
    request = create_request(spec, "ray-cluster-worker-1")
    assert (request.cpu, request.environment["RAYTUI_NUM_CPUS"]) == (0.5, "1")
    spec = msgspec.structs.replace(SPEC, workers=WorkersSpec(count=1, cpu=2.5, memory=4.0))
    assert create_request(spec, "ray-cluster-worker-1").environment["RAYTUI_NUM_CPUS"] == "2"


def test_spec_is_read_back_from_the_applications():
    apps = (application(1, spec_json="garbage"), application(0, spec_json=msgspec.json.encode(SPEC).decode()))
    assert recorded_spec(apps) == SPEC
    assert recorded_spec((application(0),)) is None


def test_equal_specs_have_one_digest_wherever_their_values_come_from():
    spec = msgspec.structs.replace(SPEC, head=HeadSpec(cpu=1, memory=2), ray_port=DEFAULT_RAY_PORT)
    decoded = msgspec.structs.replace(
        msgspec.json.decode(msgspec.json.encode(spec), type=ClusterSpec),
        ray_port=int(str(DEFAULT_RAY_PORT)),
        dashboard_port=int("8265"),
    )
    assert (decoded, decoded.digest()) == (spec, spec.digest())


def test_digest_changes_with_size_and_not_with_the_number_of_workers():
    assert SPEC.digest() == SPEC.with_workers(7).digest()
    assert SPEC.digest() != ClusterSpec(workers=WorkersSpec(cpu=9.0)).resolved("local").digest()


@given(
    states=st.dictionaries(st.integers(0, 6), st.sampled_from(STATES), max_size=7),
    count=st.integers(0, 5),
)
def test_start_creates_exactly_what_is_missing_and_ends_nothing_that_lives(states, count):
    apps = tuple(application(index, state) for index, state in states.items())
    plan = plan_start(SPEC.with_workers(count), apps)
    living = {app.name for app in apps if app.state in LIVE}
    wanted = {f"ray-cluster-worker-{n}" for n in range(1, count + 1)} | {"ray-cluster-head"}
    assert {request.name for request in plan.creates} == wanted - living
    assert not {app.name for app in plan.ends} & living
    after = tuple(application(index) for index in range(count + 1))
    assert not plan_start(SPEC.with_workers(count), after).changed


@given(states=st.dictionaries(st.integers(0, 6), st.sampled_from(STATES), max_size=7), count=st.integers(0, 6))
def test_scale_ends_nothing_at_or_below_the_asked_number_that_lives(states, count):
    apps = tuple(application(index, state) for index, state in states.items())
    plan = plan_scale(SPEC, apps, count)
    assert all(app.index > count or app.state not in LIVE for app in plan.ends)
    assert {app.name for app in apps if app.index > count} <= {app.name for app in plan.ends}


@given(states=st.dictionaries(st.integers(0, 6), st.sampled_from(STATES), max_size=7))
def test_stop_names_every_application(states):
    apps = tuple(application(index, state) for index, state in states.items())
    plan = plan_stop(SPEC, apps)
    assert {name for step in plan.steps if step.action == "delete" for name in step.targets} == {
        app.name for app in apps
    }


def living(**more) -> tuple:
    size = {"cpu": 1.0, "memory": 2.0}
    return tuple(application(n, **{**size, **more}) for n in range(3))


def asking(**workers):
    return msgspec.structs.replace(SPEC, workers=msgspec.structs.replace(SPEC.workers, **workers))


def test_a_size_that_living_applications_do_not_have_is_a_difference_and_touches_nothing():
    plan = plan_start(SPEC, living(), asked=asking(cpu=8.0))
    assert not plan.changed
    assert [(d.application, d.field, d.present, d.asked) for d in plan.differences] == [
        ("ray-cluster-worker-1", "workers.cpu", 1.0, 8.0),
        ("ray-cluster-worker-2", "workers.cpu", 1.0, 8.0),
    ]
    assert as_commands(plan.notes[0]) == (
        "ray-cluster-worker-1 has 1 CPU, asked for is 8 CPU: it is kept as it is; raytui start --recreate makes it again"
    )


def test_recreate_drains_deletes_and_makes_again_only_what_differs():
    plan = plan_start(SPEC, living(), asked=asking(cpu=8.0), recreate=True)
    workers = ("ray-cluster-worker-1", "ray-cluster-worker-2")
    assert [(step.action, step.targets) for step in plan.steps[:4]] == [
        ("drain", workers),
        ("stop", workers),
        ("delete", workers),
        ("launchers", ()),
    ]
    assert {request.name: request.cpu for request in plan.creates} == dict.fromkeys(workers, 8.0)
    assert tuple(app.name for app in plan.ends) == workers
    assert not plan_start(SPEC, living(), asked=SPEC, recreate=True).changed


def test_exposure_image_script_and_ports_are_differences_and_making_the_head_again_says_that_jobs_end():
    apps = living(runtime_identifier="old", spec_json=msgspec.json.encode(SPEC).decode(), script="launchers/mine.py")
    asked = msgspec.structs.replace(
        asking(runtime_identifier="new", script="launchers/other.py"),
        expose_dashboard=True,
        ray_port=7000,
        auth="disabled",
    )
    plan = plan_start(SPEC, apps, asked=asked, recreate=True)
    of_head = {d.field for d in plan.differences if d.application == "ray-cluster-head"}
    assert of_head == {"ray_port", "expose_dashboard", "auth"}
    assert {"workers.runtime_identifier", "workers.script", "ray_port"} <= {d.field for d in plan.differences}
    assert [step.action for step in plan.steps[:5]] == ["drain", "stop", "stop", "delete", "launchers"]
    assert any("all running jobs end" in as_commands(note) for note in plan.notes)
    assert {request.environment["RAYTUI_RAY_PORT"] for request in plan.creates} == {"7000"}


def test_what_the_platform_does_not_tell_of_an_application_is_no_difference():
    assert (
        plan_start(SPEC, (application(0), application(1), application(2)), asked=asking(cpu=8.0, gpus=1)).differences
        == ()
    )


@given(
    sizes=st.dictionaries(st.integers(0, 4), st.sampled_from((1.0, 2.0)), max_size=5),
    states=st.lists(st.sampled_from(STATES), min_size=5, max_size=5),
    recreate=st.booleans(),
)
def test_whatever_differs_is_either_named_and_kept_or_made_again(sizes, states, recreate):
    apps = tuple(application(n, states[n], cpu=cpu, memory=2.0) for n, cpu in sizes.items())
    spec = SPEC.with_workers(4)
    plan = plan_start(spec, apps, recreate=recreate)
    differing = {app.name for app in apps if app.state in LIVE and app.cpu != 1.0}
    assert {d.application for d in plan.differences} == differing
    ended = {app.name for app in plan.ends if app.state in LIVE}
    assert ended == (differing if recreate else set())
    assert ended <= {request.name for request in plan.creates}
