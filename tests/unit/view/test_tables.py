"""The definitions of the lists: what holds for every one of them, and what a new one takes."""

from __future__ import annotations

import msgspec
import pytest

from raytui.core.clusters import ClusterSummary
from raytui.core.errors import ConfigurationError
from raytui.core.observed.holdings import Held, Holdings
from raytui.core.observed.snapshot import Actor, Gpu, Job, RayEvent, Reading
from raytui.core.observed.workload import (
    Bundle,
    PlacementGroup,
    RayWorker,
    ServeDeployment,
    ServeReplica,
    Task,
    TaskCount,
)
from raytui.core.patterns import compile_pattern
from raytui.view.picture import Picture, picture_of
from raytui.view.tables.kind import Column, TableKind, by_state
from raytui.view.tables.registry import TABLES
from tests.unit.core.values import NOW, application, node, report, snapshot

FIGURES = {
    "cpu_percent": 88.0,
    "memory_used": 12_000_000_000,
    "memory_total": 64_000_000_000,
    "object_store_used": 1_000_000_000,
    "disk_used": 96,
    "disk_total": 100,
    "gpus": (Gpu(0, utilization=54), Gpu(1, utilization=2)),
}


def full() -> Picture:
    """A picture in which every list has a row, one of them without anything that can be unknown."""
    dead = node(2, "DEAD", message="worker killed", ended_at=NOW - 60)
    seen = picture_of(
        snapshot(
            (
                application(0),
                application(1, launcher=report()),
                application(2, "failed", message="exit 137"),
                application(3, "starting"),
            ),
            (node(0, **FIGURES), node(1), dead),
            jobs=(
                Job("j1", "RUNNING", started_at=NOW - 90),
                Job("j2", "FAILED", message="one\ntwo"),
                Job("j3", "PENDING"),
            ),
            actors=(Actor("a1", "Trainer", "ALIVE", node_id="n1" * 8, pid=7), Actor("a2", "Trainer", "DEAD")),
            serve=(
                ServeDeployment(
                    "app",
                    "RUNNING",
                    "d1",
                    "UNHEALTHY",
                    replicas=2,
                    all_replicas=(ServeReplica("app", "d1", "r2", "RUNNING", pid=7, started_at=NOW - 9),),
                    ended=(ServeReplica("app", "d1", "r1", "STOPPED"),),
                ),
            ),
            holdings=Holdings(held=(Held("e1", "alice", "train", "train-1", since=NOW - 60), Held("", "", "", "x"))),
            events=(RayEvent(NOW - 5, "ERROR", "GCS", "a node died", node_id="n1" * 8),),
            tasks=(Task("t1", "step", "RUNNING", started_at=NOW - 9, since=NOW - 9), Task("t2", "step", "FAILED")),
            task_counts=(TaskCount("step", "NORMAL_TASK", {"RUNNING": 1, "FAILED": 1}),),
            placement_groups=(PlacementGroup("g1", "", "PENDING", bundles=(Bundle(0, {"CPU": 1.0}),)),),
            ray_workers=(RayWorker("w1", is_alive=True), RayWorker("w2", is_alive=False, exit_type="SYSTEM_ERROR")),
        )
    )
    looks = (
        ClusterSummary("prod", "prod", "ray-cluster", "local", "down", since=NOW - 9),
        ClusterSummary("dev", "dev"),
    )
    return msgspec.structs.replace(seen, clusters=Reading(looks))


@pytest.mark.parametrize("name", TABLES)
def test_what_a_column_shows_stands_in_the_document(name: str) -> None:
    kind, picture = TABLES[name], full()
    rows = kind.rows(picture)
    assert rows
    for row in rows:
        document = kind.document(row, picture)
        assert {field for column in kind.columns for field in column.document_fields} <= set(document)
        msgspec.json.encode(document)


@pytest.mark.parametrize("name", TABLES)
def test_columns_have_names_of_their_own_and_rows_an_identity(name: str) -> None:
    kind, picture = TABLES[name], full()
    assert len({column.id for column in kind.columns}) == len(kind.columns)
    assert all(column.id == column.id.lower() for column in kind.columns)
    keys = [kind.key(row) for row in kind.rows(picture)]
    assert len(set(keys)) == len(keys)
    assert {"version", "gcs"}.isdisjoint(kind.needs)


@pytest.mark.parametrize("name", TABLES)
def test_every_column_of_every_list_sorts_and_filters(name: str) -> None:
    kind, picture = TABLES[name], full()
    for column in kind.columns:
        for sort in (column.id, f"-{column.id}"):
            found = kind.query(sort=sort, pattern=search).select(picture)
            values = [line[kind.place(column)].value for line in found]
            known = [value for value in values if value is not None]
            assert values == known + [None] * (len(values) - len(known)), "what is unknown stands last"
            assert len(found) == len(kind.rows(picture))
        for line in kind.lines(picture):
            cell = line[kind.place(column)]
            if cell.text:
                shown = kind.query(where=f'"{column.id}={cell.text}"', pattern=search).select(picture)
                assert kind.key(line.row) in [kind.key(other.row) for other in shown]


def search(text: str):
    return compile_pattern(text, "filter").search


def test_numbers_are_sorted_as_numbers() -> None:
    kind = TABLES["nodes"]
    sizes = {0: 999_000_000, 1: 12_000_000_000, 2: 9_500_000_000}
    picture = picture_of(snapshot(nodes=tuple(node(n, memory_used=used) for n, used in sizes.items())))
    place = kind.place_of("memory")
    assert [line[place].text for line in kind.query(sort="-memory", pattern=search).select(picture)] == [
        "12.0 GB",
        "9.5 GB",
        "1.0 GB",
    ]


def test_a_cell_is_made_once() -> None:
    made: list[str] = []

    def value(row: str, _: Picture) -> str:
        made.append(row)
        return row

    toy = msgspec.structs.replace(TOY, columns=(Column("word", value),))
    lines = toy.query(where="a !b word~a", sort="word", pattern=search).select(picture_of(snapshot()))
    assert [line[0].text for line in lines] == ["alpha"]
    assert made == ["alpha", "beta"]


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ConfigurationError) as raised:
        TABLES["nodes"].query(where="age>3", sort="size", columns="name,colour", pattern=search)
    assert [problem.field for problem in raised.value.problems] == ["filter", "sort", "columns"]


def test_the_running_time_of_what_starts_again_is_unknown() -> None:
    """Its platform tells when it last ran, which is no running time."""
    kind = TABLES["apps"]
    picture = picture_of(snapshot((application(0), application(1, "starting", started_at=NOW - 4000)), (node(0),)))
    up = kind.place_of("up")
    assert [line[up].text for line in kind.lines(picture)] == ["10m", ""]


TOY: TableKind[str] = TableKind(
    name="toys",
    title="Toys",
    noun="toys",
    summary="List toys.",
    about="Toys and the state that they are in.",
    needs=frozenset(),
    reading=lambda picture: picture.known.applications,
    rows=lambda _: ("alpha", "beta"),
    key=lambda row: row,
    columns=(
        Column("toy", lambda row, _: row),
        Column("state", lambda row, _: "running" if row == "alpha" else "failed", role=by_state),
        Column("size", lambda row, _: float(len(row)), right=True),
    ),
    document=lambda row, _: {"toy": row, "state": "running" if row == "alpha" else "failed", "size": len(row)},
)


def test_the_list_of_conditions_asks_for_all_that_conditions_are_made_of():
    assert {"nodes", "stats", "usage", "jobs", "serve", "events"} <= TABLES["conditions"].needs
