"""What belongs to a row, and which log tells of it: every filter that is named selects the rows that are meant."""

from __future__ import annotations

import msgspec
import pytest

from raytui.core.observed.snapshot import Actor, Job, Reading
from raytui.core.observed.workload import Bundle, PlacementGroup, RayWorker, Task, TaskCount
from raytui.core.patterns import compile_pattern
from raytui.view.picture import picture_of
from raytui.view.related import LogWish, log_names, log_of, related
from raytui.view.tables.registry import TABLES
from raytui.view.things import things
from tests.unit.core import values

NODE, OTHER = values.node(0), values.node(1)
ACTORS = (
    Actor("a1", "Trainer", "ALIVE", pid=7, job_id="01", node_id=NODE.node_id),
    Actor("a2", "Trainer", "DEAD", pid=7, job_id="02", node_id=OTHER.node_id, name='it\'s "mine"'),
)
TASKS = (
    Task("t1", "fit step", "RUNNING", job_id="01", actor_id="a1", pid=7, node_id=NODE.node_id),
    Task("t2", "fit", "RUNNING", job_id="010", actor_id="a10", pid=70, node_id=OTHER.node_id),
)
GROUPS = (
    PlacementGroup("g1", "", "CREATED", bundles=(Bundle(0, {"CPU": 1.0}, NODE.node_id), Bundle(1, {"GPU": 2.0}))),
    PlacementGroup("g10", "", "REMOVED", bundles=(Bundle(0, {}, NODE.node_id),)),
)
JOB = Job("train-7", "RUNNING", type="SUBMISSION", job_id="01", driver_node_id=NODE.node_id)
PICTURE = picture_of(
    msgspec.structs.replace(
        values.snapshot(tuple(values.application(n) for n in range(2)), (NODE, OTHER)),
        jobs=Reading((JOB,)),
        actors=Reading(ACTORS),
        tasks=Reading(TASKS),
        placement_groups=Reading(GROUPS),
        ray_workers=Reading((RayWorker("w1", is_alive=True, node_id=NODE.node_id, pid=7),)),
    )
)


def selected(row):
    """What is selected of each list that a row leads to."""
    found = {}
    for part in related(row, PICTURE):
        kind = TABLES[part.kind]
        query = kind.query(where=part.filter, pattern=lambda text: compile_pattern(text, "filter").search)
        found[part.kind] = [kind.key(line.row) for line in query.select(PICTURE)]
    return found


@pytest.mark.parametrize(
    ("row", "rows"),
    [
        (JOB, {"actors": ["a1"], "tasks": ["t1/0"]}),
        (Job("old", "FAILED"), {}),
        (NODE, {"actors": ["a1"], "tasks": ["t1/0"], "workers": ["w1"]}),
        (PICTURE.joined.in_place[1], {"actors": ["a2"], "tasks": ["t2/0"], "workers": []}),
        (ACTORS[0], {"tasks": ["t1/0"]}),
        (GROUPS[0], {"bundles": ["g1/0", "g1/1"]}),
        (TaskCount("fit step"), {"tasks": ["t1/0"]}),
        (RayWorker("w1", is_alive=True, node_id=NODE.node_id, pid=7), {"actors": ["a1"], "tasks": ["t1/0"]}),
        (RayWorker("w2", is_alive=False), {}),
    ],
)
def test_what_belongs_to_a_row_is_selected_and_nothing_else(row, rows):
    assert selected(row) == rows


def test_every_list_leads_where_its_definition_says():
    for kind in TABLES.values():
        assert set(kind.leads_to) <= set(TABLES)
        for row in kind.rows(PICTURE):
            assert {part.kind for part in related(row, PICTURE)} <= set(kind.leads_to)
            assert kind.has_logs or isinstance(log_of(row, PICTURE), str)
            assert kind.singular or not kind.has_logs


@pytest.mark.parametrize(
    ("row", "log"),
    [
        (JOB, LogWish("job/train-7")),
        (NODE, LogWish("head")),
        (values.node(9, name="stray"), "node-n9n9n9n9"),
        (PICTURE.joined.in_place[1], LogWish("worker-1")),
        (ACTORS[1], LogWish("worker-1", 7, at_error=True)),
        (TASKS[0], LogWish("head", 7)),
        (RayWorker("w1", is_alive=True, node_id=NODE.node_id, pid=7), LogWish("head", 7, "w1")),
    ],
)
def test_the_log_of_a_row(row, log):
    found = log_of(row, PICTURE)
    assert (found.name if isinstance(log, str) and isinstance(found, LogWish) else found) == log


@pytest.mark.parametrize(
    "actor",
    [
        Actor("a", "Trainer", "ALIVE", pid=3, node_id=NODE.node_id, restarts=2),
        Actor("a", "Trainer", "DEAD", pid=3, node_id="gone"),
        Actor("a", "Trainer", "DEAD", died_on="gone"),
    ],
)
def test_the_log_of_an_actor_that_ran_elsewhere_before_is_that_of_all_its_processes(actor):
    found = log_of(actor, PICTURE)
    assert isinstance(found, LogWish)
    assert (found.name, found.pid) == ("actor/a", 0)


@pytest.mark.parametrize(
    "row",
    [
        Job("j", "RUNNING", type="DRIVER"),
        Job("j", "PENDING", type="SUBMISSION"),
        Actor("a", "Trainer", "PENDING_CREATION"),
        GROUPS[0],
    ],
)
def test_where_there_is_no_log_a_sentence_says_why(row):
    assert isinstance(log_of(row, PICTURE), str)


def test_the_files_of_a_process_are_its_own_and_its_output_comes_first():
    names = (
        "head/raylet.out",
        "head/worker-w1-01-17.out",
        "head/worker-w1-01-7.err",
        "head/worker-w1-01-7.out",
        "head/worker-w2-01-7.out",
    )
    assert log_names(LogWish("head", 7, "w1"), names) == ("head/worker-w1-01-7.out", "head/worker-w1-01-7.err")
    assert log_names(LogWish("head", 70), names) == ()


def test_things_are_found_by_any_part_of_their_name_and_alike_ones_after_them():
    found = things(PICTURE, "TRAIN", lambda _: False)
    assert [(thing.kind, thing.key) for thing in found] == [("jobs", "train-7"), ("actors", "a1")]
    assert things(PICTURE, "mine a2", lambda _: False)[0].key == "a2"
    assert things(PICTURE, "nothing", lambda name: name.startswith("job"))[0].key == "train-7"
    assert len(things(PICTURE, "", lambda _: True, most=2)) == 2


def test_a_bundle_has_the_state_of_its_group_until_it_has_a_node():
    kind = TABLES["bundles"]
    states = [kind.document(part, PICTURE)["state"] for part in kind.rows(PICTURE)]
    assert states == ["PLACED", "CREATED", "REMOVED"]
