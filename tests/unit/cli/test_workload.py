"""The lists of what runs on Ray: tasks, their counts, placement groups and worker processes."""

from __future__ import annotations

import pytest

from raytui.core.errors import Failure
from raytui.core.observed.workload import Bundle, PlacementGroup, RayWorker, Task, TaskCount
from tests.unit.cli.test_lists import reading
from tests.unit.core.values import NOW, node, snapshot

REFUSED = Failure("dashboard", "ConnectionRefused", "nothing listens at 127.0.0.1:8265", conclusive=True)
TRACE = 'Traceback (most recent call last):\n  File "a.py", line 3, in step\nValueError: wrong\n\nmore of the log\n'
ROWS = {
    "nodes": (node(0),),
    "tasks": (
        Task("t1", "step", "FAILED", error_type="TASK_EXECUTION_EXCEPTION", message=TRACE, since=NOW - 90),
        Task("t2", "step", "PENDING_NODE_ASSIGNMENT", since=NOW - 30, resources={"CPU": 4.0}),
    ),
    "task_counts": (TaskCount("step", "NORMAL_TASK", {"FAILED": 1, "PENDING_NODE_ASSIGNMENT": 1, "RUNNING": 3}),),
    "placement_groups": (
        PlacementGroup("g1", "train", "PENDING", bundles=(Bundle(0, {"GPU": 8.0}),) * 2, scheduling="INFEASIBLE"),
    ),
    "ray_workers": (
        RayWorker("w1", is_alive=False, exit_type="SYSTEM_ERROR", exit_detail="Worker died.\nmore", ended_at=NOW - 5),
    ),
}
LISTS = ["tasks", "task-summary", "placement-groups", "workers"]


def test_tasks_say_their_state_since_when_and_why(show, call, text):
    show(snapshot(**ROWS))
    code, document, _ = call("tasks", "--filter", "state=failed")
    (item,) = document["items"]
    assert (code, item["task_id"], item["why"], item["node"]) == (0, "t1", "ValueError: wrong", None)
    assert item["since"] == "2026-09-21T14:11:50.000Z"
    assert "1m30" in text("tasks")[1]
    assert [row["task_id"] for row in call("tasks", "--filter", "since<1m")[1]["items"]] == ["t2"]


def test_counts_by_name(show, call):
    show(snapshot(**ROWS))
    (item,) = call("task-summary")[1]["items"]
    assert (item["pending"], item["running"], item["failed"], item["tasks"]) == (1, 3, 1, 5)


def test_placement_groups_say_what_they_ask_for_and_what_is_missing(show, call, text):
    show(snapshot(**ROWS))
    (item,) = call("placement-groups")[1]["items"]
    assert (item["placed"], item["asks"], item["why"]) == ("0 of 2", "2 x GPU 8", "no node can hold one of its bundles")
    assert "train" in text("placement-groups", "--filter", "state=pending")[1]


def test_worker_processes_say_how_they_ended(show, call, text):
    show(snapshot(**ROWS))
    (item,) = call("workers", "--filter", "exit=system_error")[1]["items"]
    assert (item["state"], item["exit_detail"], item["pid"]) == ("DEAD", "Worker died.\nmore", None)
    assert "Worker died." in text("workers")[1]


@pytest.mark.parametrize("verb", LISTS)
def test_what_ray_did_not_answer_is_never_an_empty_list(show, call, verb):
    show(snapshot(nodes=REFUSED, gcs=REFUSED, **{name: REFUSED for name in ROWS if name != "nodes"}))
    code, document, _ = call(verb)
    assert (code, document["error"]["reason"]) == (6, "ConnectionRefused")


@pytest.mark.parametrize("verb", LISTS)
def test_rows_that_ray_did_not_send_are_counted(show, call, verb):
    name = {"task-summary": "task_counts", "placement-groups": "placement_groups", "workers": "ray_workers"}
    show(reading(snapshot(**ROWS), name.get(verb, verb), total=5_000))
    document = call(verb)[1]
    assert (document["total"], document["truncated"]) == (5_000, True)
