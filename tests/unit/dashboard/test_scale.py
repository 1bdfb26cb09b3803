"""The scripted dashboard of any size keeps Ray's limits, and raytui reads what it says."""

from __future__ import annotations

import time

import msgspec

from raytui.dashboard.client import connect
from tests.fakes.dashboard.__main__ import obey
from tests.fakes.dashboard.scale import BigDashboard


def rows(dashboard: BigDashboard, path: str, **query: str) -> list[dict]:
    body = dashboard._body(path, {name: [value] for name, value in query.items()})
    data = msgspec.json.decode(body)["data"]
    return data["summary"] if path == "/nodes" else data["result"]["result"]


def test_one_seed_makes_one_cluster():
    one, same, other = BigDashboard(20, 50, seed=1), BigDashboard(20, 50, seed=1), BigDashboard(20, 50, seed=2)
    for path in ("/nodes", "/api/v0/nodes", "/api/v0/actors"):
        assert rows(one, path) == rows(same, path) != rows(other, path)


def test_lists_end_at_rays_limits():
    made = BigDashboard(150, 10_500, row_bytes=0)
    assert len(rows(made, "/api/v0/nodes")) == 100
    assert len(rows(made, "/api/v0/actors", limit="10000")) == 10_000
    assert made._status("/api/v0/actors", {"limit": ["10001"]})[0] == 400
    assert made._status("/api/v0/actors", {"limit": ["many"]})[0] == 400


async def test_the_next_moment_changes_the_part_that_was_asked_for():
    made = BigDashboard(200, 0, change=0.1)
    before = rows(made, "/nodes", view="summary")
    made.advance()
    after = rows(made, "/nodes", view="summary")
    assert 0 < sum(old != new for old, new in zip(before, after, strict=True)) <= 20


def test_a_living_clusters_figures_are_of_now():
    made = BigDashboard(3, row_bytes=0, live=True)
    first, second = rows(made, "/nodes"), rows(made, "/nodes")
    assert [abs(row["now"] - time.time()) < 60 for row in (*first, *second)] == [True] * 6
    assert second[0]["now"] > first[0]["now"]
    assert all(row["start_time_ms"] < 1000 * first[0]["now"] for row in rows(made, "/api/v0/nodes"))


def test_a_nodes_figures_weigh_what_rays_weigh():
    made = BigDashboard(10)
    assert 9_500 <= len(made._body("/nodes", {})) / 10 <= 11_000


async def test_everything_that_is_asked_of_it_can_be_read():
    async with BigDashboard(1_200, 11_000, 30).serving() as server:
        client = connect(server.target, long_lived=True)
        try:
            nodes, stats, actors, jobs = (
                await client.nodes(),
                await client.node_stats(),
                await client.workload.actors(10_000),
                await client.jobs(),
            )
            assert (len(nodes), nodes.total, nodes[0].name, nodes[0].is_head) == (
                1_200,
                1_200,
                "ray-cluster-head",
                True,
            )
            assert set(stats) == {node.node_id for node in nodes}
            assert (len(actors), actors.total, len(jobs)) == (10_000, 11_000, 30)
            assert {actor.node_id for actor in actors} - {""} <= set(stats)
            assert (await client.usage()).resources["CPU"].total == 4_800.0
            assert await client.gcs_alive()
        finally:
            await client.close()


async def test_a_worker_that_was_killed_and_the_failures_are_played_in_rays_own_words():
    made = BigDashboard(5, dead=1, failing=True, live=True)
    async with made.serving():
        client = connect(made.target, long_lived=False)
        try:
            *_, killed = await client.nodes()
            assert (killed.state, killed.reason) == ("DEAD", "UNEXPECTED_TERMINATION")
            jobs = await client.jobs()
            assert {job.status for job in jobs} >= {"FAILED", "RUNNING"}
            assert max(job.ended_at for job in jobs) < time.time()
        finally:
            await client.close()


def test_faults_can_be_asked_for_while_it_runs():
    made = BigDashboard(1)
    assert obey(made, "fail half /api/jobs/\n") == obey(made, "token abc\n") == obey(made, "slow 3 /nodes\n") == ""
    assert (made.faults, made.token, made.slow) == ({"/api/jobs/": "half"}, "abc", {"/nodes": 3.0})
    assert obey(made, "token\n") == obey(made, "heal\n") == ""
    assert (made.faults, made.token, made.slow) == ({}, "", {})
    assert "not understood: break it" in obey(made, "break it\n")
