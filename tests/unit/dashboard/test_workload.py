"""Tasks, placement groups and worker processes of Ray 2.60 and of older ones become core values; garbage never does."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytui.dashboard.activity import parse_actors
from raytui.dashboard.client import DashboardClient
from raytui.dashboard.decode import Garbage
from raytui.dashboard.oneshot import OneShotTransport
from raytui.dashboard.workload import parse_placement_groups, parse_task_counts, parse_tasks, parse_workers
from tests.fakes.dashboard import FakeDashboard, recorded

NODE = "70e30114adc6e8fbfebf5924bd2bb3ce47fa7a6c803a5138e6df1731"
ALL = (parse_tasks, parse_placement_groups, parse_workers, parse_actors)


def answer(*rows: object, total: int = 0) -> bytes:
    """A list of the State API."""
    return json.dumps({"data": {"result": {"total": total or len(rows), "result": rows}}}).encode()


def test_tasks_hold_what_they_ask_for_and_since_when_they_are_in_their_state() -> None:
    tasks = {task.name: task for task in parse_tasks(recorded("v0_tasks.json"))}
    pending, failed = tasks["Pending.__init__"], tasks["fails"]
    assert (pending.state, pending.resources, pending.since) == (
        "PENDING_NODE_ASSIGNMENT",
        {"CPU": 100.0},
        1795452653.826,
    )
    assert not pending.has_runtime_env
    assert (failed.error_type, failed.ended_at) == ("TASK_EXECUTION_EXCEPTION", 1795452680.314)
    assert failed.message.strip().endswith("ValueError: task failed on purpose")


def test_counts_of_tasks_by_name() -> None:
    counts = {count.name: count.states for count in parse_task_counts(recorded("tasks_summarize.json"))}
    assert counts["quick"] == {"FINISHED": 30}
    assert counts["Pending.__init__"] == {"PENDING_NODE_ASSIGNMENT": 1}


def test_placement_groups_with_their_bundles() -> None:
    placed, waiting = parse_placement_groups(recorded("v0_placement_groups.json"))
    assert (placed.state, [bundle.resources for bundle in placed.bundles]) == ("CREATED", [{"CPU": 0.2}] * 2)
    assert len({bundle.node_id for bundle in placed.bundles}) == 2
    assert (waiting.state, waiting.scheduling, waiting.bundles[0].node_id) == ("PENDING", "INFEASIBLE", "")
    assert waiting.created_at == pytest.approx(1795452680.42, abs=0.01)


def test_a_worker_says_how_it_ended_and_a_time_that_ray_does_not_know_is_none() -> None:
    workers = {worker.pid: worker for worker in parse_workers(recorded("oom_workers.json"))}
    killed, driver = workers[5280], workers[5097]
    assert (killed.is_alive, killed.exit_type, killed.ended_at) == (False, "NODE_OUT_OF_MEMORY", 1795453867.357)
    assert killed.exit_detail.startswith("1 worker(s) were killed due to the node running low on memory.")
    assert (driver.type, driver.is_alive, driver.ended_at) == ("DRIVER", True, 0.0)


def test_an_actor_says_how_it_died() -> None:
    actors = {actor.class_name: actor for actor in parse_actors(recorded("v0_actors_detail.json"))}
    assert (actors["Boom"].death, actors["Boom"].resources) == ("CONSTRUCTOR_FAILED", {"CPU": 0.1})
    assert actors["Boom"].message.strip().endswith("RuntimeError: actor constructor failed on purpose")
    assert actors["Counter"].death == "" if actors["Counter"].state == "ALIVE" else "RAY_KILL"
    (killed,) = parse_actors(recorded("oom_actors.json"))
    assert (killed.death, killed.died_on, killed.restarts) == ("OUT_OF_MEMORY", NODE, 0)


@pytest.mark.parametrize("parse", ALL)
def test_rows_with_an_identity_alone_are_rows(parse) -> None:
    identity = dict.fromkeys(("task_id", "placement_group_id", "worker_id", "actor_id"), "a1")
    (row,) = parse(answer(identity, total=7))
    assert "a1" in (getattr(row, name, "") for name in identity)
    assert parse(answer(identity, total=7)).total == 7


def test_ray_2_9_sends_numbers_as_text_and_leaves_fields_out() -> None:
    row = {"task_id": "t", "name": "f", "state": "FAILED", "start_time_ms": "1795452680110", "worker_pid": "17"}
    (task,) = parse_tasks(answer(row))
    assert (task.started_at, task.pid, task.since, task.resources) == (1795452680.11, 17, 0.0, {})


def test_one_odd_row_costs_one_row_and_keeps_its_identity() -> None:
    good = {"task_id": "t1", "name": "f", "state": "RUNNING"}
    odd = {"task_id": "t2", "name": "g", "state": "FAILED", "required_resources": [3]}
    rows = parse_tasks(answer(good, odd, 5))
    assert [(task.task_id, task.state) for task in rows] == [("t1", "RUNNING"), ("t2", "FAILED")]
    assert (rows.total, rows.unreadable) == (3, 2)


def test_a_death_of_another_shape_is_told_by_its_name() -> None:
    (actor,) = parse_actors(answer({"actor_id": "a", "state": "DEAD", "death_cause": {"new_context": 3}}))
    assert actor.death == "NEW_CONTEXT"


@pytest.mark.parametrize("parse", [*ALL, parse_task_counts])
@given(body=st.binary(max_size=60) | st.recursive(st.none() | st.integers() | st.text(max_size=4), st.lists).map(
    lambda value: json.dumps({"data": {"result": {"result": value}}}).encode()))  # fmt: skip
def test_what_is_no_answer_is_garbage_and_nothing_worse(parse, body: bytes) -> None:
    with contextlib.suppress(Garbage):
        parse(body)


async def test_each_question_reaches_its_endpoint_with_details() -> None:
    server = FakeDashboard()
    async with server.serving():
        client = DashboardClient(server.target, OneShotTransport(server.target))
        assert len(await client.workload.tasks()) == 13
        assert len(await client.workload.task_counts()) == 9
        assert len(await client.workload.placement_groups()) == 2
        assert len(await client.workload.workers(limit=50_000)) == 9
        await client.close()
    assert server.queries == [
        "/api/v0/tasks?limit=1000&detail=1",
        "/api/v0/tasks/summarize?limit=10000&detail=1",
        "/api/v0/placement_groups?limit=1000&detail=1",
        "/api/v0/workers?limit=10000&detail=1",
    ]
