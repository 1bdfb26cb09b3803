"""A round asks a fixed set of questions, side by side, and a broken link is a value in the snapshot."""

from __future__ import annotations

import asyncio
from collections import Counter

import msgspec
import pytest

from raytui.core.conditions import assess
from raytui.core.errors import Failure, NotAllowed, Unreachable
from raytui.core.observed.holdings import Amounts as QuotaAmounts
from raytui.core.observed.holdings import Holdings, Quota
from raytui.core.observed.joined import join
from raytui.core.observed.merge import countable, merge_nodes, total_by_nodes
from raytui.core.observed.snapshot import Amount, Gpu, LauncherReport, Node, Usage
from raytui.core.protocols.dashboard import DashboardTarget
from raytui.core.remedy import as_commands
from raytui.core.spec import ClusterSpec, WorkersSpec
from raytui.dashboard.client import connect
from raytui.manager import operations, readings
from raytui.manager.monitor import Monitor, is_failing
from raytui.manager.readings import ALIVE, BEHIND_DEMAND, STATUS, VERDICT
from tests.fakes.dashboard import FakeDashboard, every_path, many_nodes, recorded
from tests.fakes.platform import FakePlatform, application

EVERYTHING = VERDICT | BEHIND_DEMAND


@pytest.fixture
async def server():
    async with FakeDashboard().serving() as running:
        yield running


@pytest.fixture
def platform(server) -> FakePlatform:
    return FakePlatform([application("head"), application("worker-1")], server.target)


@pytest.fixture
async def monitor(platform):
    made = Monitor(platform, short, cluster="ray-cluster", profile="local")
    yield made
    await made.close()


def short(target: DashboardTarget):
    return connect(target, long_lived=True, timeout=2.0, health_timeout=2.0)


async def test_status_asks_everything_it_needs_once(server, monitor) -> None:
    server.bodies["/api/cluster_status"] = (
        recorded("cluster_status.json").replace(b'"resourceDemand"', b'"x"').replace(b'"pgDemand"', b'"y"')
    )
    snapshot = await monitor.observe()
    assert server.requests == Counter(
        ["/api/gcs_healthz", "/api/version", "/api/v0/nodes", "/nodes", "/api/cluster_status", "/api/jobs/"]
    )
    assert snapshot.gcs.value is True
    assert snapshot.version.value.ray_version == "2.60.0"
    assert snapshot.nodes.value[0].cpu_percent == 98.7
    assert snapshot.usage.value.resources["CPU"].total == 6.0
    assert len(snapshot.jobs.value) == 7
    assert snapshot.actors.value is None
    assert snapshot.actors.at == 0.0
    assert snapshot.dashboard_url == server.url
    assert snapshot.dashboard is None


async def test_what_raytui_carries_out_meanwhile_is_part_of_the_snapshot(platform, tmp_path) -> None:
    watching = Monitor(
        platform,
        short,
        cluster="ray-cluster",
        profile="local",
        operation=lambda: operations.current(tmp_path, "local", "ray-cluster"),
    )
    async with operations.hold(tmp_path, "local", "ray-cluster", "restart", 0.0) as publication:
        publication.tell(operations.Operation("restart", ends=("ray-cluster-worker-1",), since=7.0))
        during = await watching.observe(ALIVE)
    assert during.operation is not None
    assert (during.operation.verb, during.operation.ends, during.operation.since) == (
        "restart",
        ("ray-cluster-worker-1",),
        7.0,
    )
    assert (await watching.observe(ALIVE)).operation is None
    await watching.close()


async def test_an_operation_that_ended_during_the_round_still_explains_it(platform) -> None:
    answers = [operations.Operation("scale"), None]
    watching = Monitor(platform, short, cluster="ray-cluster", profile="local", operation=lambda: answers.pop(0))
    assert (await watching.observe(ALIVE)).operation == operations.Operation("scale")
    await watching.close()


async def test_alive_asks_only_about_life(server, monitor) -> None:
    snapshot = await monitor.observe(ALIVE)
    assert server.requests == Counter(["/api/gcs_healthz", "/api/version", "/api/v0/nodes"])
    assert len(snapshot.nodes.value) == 3


async def test_full_asks_for_the_console_too(server, monitor) -> None:
    snapshot = await monitor.observe(EVERYTHING)
    assert server.requests == Counter(every_path())
    assert snapshot.actors.value
    assert snapshot.serve.value
    assert snapshot.events.value


async def test_actors_are_asked_for_as_many_as_ray_gives_and_many_of_them_less_often(
    server, monitor, monkeypatch
) -> None:
    monkeypatch.setitem(readings.PERIODS, "actors", 0.0)
    snapshot = await monitor.observe(("actors",))
    assert set(server.requests) == {"/api/gcs_healthz", "/api/version", "/api/v0/nodes", "/api/v0/actors"}
    assert (len(snapshot.actors.value) < 53, snapshot.actors.total) == (True, 53)

    async def asked_in_a_round() -> list[str]:
        server.queries.clear()
        async for _ in monitor.snapshots(questions=EVERYTHING):
            break
        return [query for query in server.queries if query.startswith("/api/v0/actors")]

    assert await asked_in_a_round() == ["/api/v0/actors?limit=10000&detail=1"]
    monkeypatch.setattr(readings, "MANY_ROWS", 1)
    assert await asked_in_a_round() == []


async def test_what_could_not_be_read_goes_with_its_reading(server, monitor) -> None:
    rows = [{"submission_id": "a", "status": "RUNNING"}, {"submission_id": "b", "start_time": "soon"}]
    server.bodies["/api/jobs/"] = msgspec.json.encode(rows)
    jobs = (await monitor.observe(("jobs",))).jobs
    assert ([job.id for job in jobs.value], jobs.total, jobs.unreadable) == (["a"], 2, 1)
    assert "start_time" in jobs.first_unreadable


async def test_no_total_is_made_of_nodes_that_could_not_all_be_read(server, monitor) -> None:
    tree = msgspec.json.decode(recorded("v0_nodes.json"))
    odd = next(row for row in tree["data"]["result"]["result"] if row["state"] == "ALIVE")
    odd["resources_total"] = "much"
    server.bodies["/api/v0/nodes"] = msgspec.json.encode(tree)
    snapshot = await monitor.observe()
    assert (len(snapshot.nodes.value), snapshot.nodes.unreadable) == (3, 1)
    assert snapshot.usage.value.resources["CPU"].total == 6.0


@pytest.mark.parametrize("count", [1, 200])
async def test_requests_per_round_do_not_grow_with_the_nodes(server, monitor, count) -> None:
    server.bodies["/api/v0/nodes"], server.bodies["/nodes"] = many_nodes(count)
    snapshot = await monitor.observe(EVERYTHING)
    assert len(snapshot.nodes.value) == count
    assert all(node.cpu_percent == 10.0 for node in snapshot.nodes.value)
    assert server.requests == Counter(every_path())


async def test_polls_ask_slow_questions_less_often(server, platform, monitor) -> None:
    rounds = 0
    async for _ in monitor.snapshots(interval=0.02, questions=EVERYTHING):
        rounds += 1
        if rounds == 5:
            break
    assert server.requests["/api/gcs_healthz"] == 5
    assert server.requests["/api/v0/nodes"] == 5
    assert platform.count("list") == 5
    assert platform.count("dashboard") == 1
    for path in set(every_path()) - {"/api/gcs_healthz", "/api/v0/nodes"}:
        assert server.requests[path] == 1, path


async def test_figures_of_many_nodes_are_asked_for_more_seldom(server, monitor, monkeypatch) -> None:
    monkeypatch.setitem(readings.PERIODS, "stats", 0.0)
    server.bodies["/api/v0/nodes"], server.bodies["/nodes"] = many_nodes(101)
    await some(monitor, 3)
    assert server.requests["/nodes"] == 1
    server.bodies["/api/v0/nodes"], server.bodies["/nodes"] = many_nodes(100)
    await some(monitor, 3)
    assert server.requests["/nodes"] > 1


async def test_a_slow_answer_delays_nothing_and_is_part_of_a_later_round(server, monitor, monkeypatch) -> None:
    monkeypatch.setattr("raytui.manager.monitor.PATIENCE_S", 0.05)
    server.slow["/api/serve/applications/"] = 1.0
    seen = []
    async for snapshot in monitor.snapshots(interval=0.05, questions=EVERYTHING):
        seen.append(snapshot)
        if snapshot.serve.value is not None:
            break
    early = next(snapshot for snapshot in seen if snapshot.nodes.value and snapshot.jobs.value)
    assert early.serve.at == 0.0
    assert seen[-1].serve.value
    assert server.requests["/api/serve/applications/"] == 1
    assert seen[-1].jobs.at == early.jobs.at < seen[-1].observed_at


async def test_refused_connection_fails_every_reading_with_its_link(server, platform, monitor) -> None:
    await server.stop()
    snapshot = await monitor.observe()
    failure = snapshot.gcs.failure
    assert (failure.layer, failure.conclusive) == ("dashboard", True)
    assert snapshot.nodes.failure == snapshot.jobs.failure == snapshot.version.failure == failure
    assert assess(snapshot).broken == failure
    assert is_failing(snapshot)


async def test_hung_dashboard_takes_the_health_checks_deadline_and_no_more_questions(server, monitor) -> None:
    server.fail("silent")
    snapshot = await monitor.observe()
    assert snapshot.gcs.failure.reason == "NoAnswer"
    assert set(server.requests) == {"/api/gcs_healthz", "/api/version"}
    assert snapshot.usage.failure == snapshot.gcs.failure


async def test_hung_gcs_is_not_asked_what_would_hang(server, monitor) -> None:
    server.fail("gcs_hung")
    snapshot = await monitor.observe(EVERYTHING)
    assert set(server.requests) == {"/api/gcs_healthz", "/api/version"}
    assert snapshot.version.value.ray_version == "2.60.0"
    for reading in (snapshot.gcs, snapshot.nodes, snapshot.usage, snapshot.jobs, snapshot.serve, snapshot.events):
        assert reading.value is None
        assert reading.failure.layer == "gcs"


async def test_old_answers_do_not_outlive_a_broken_link(server, monitor) -> None:
    states = []
    async for snapshot in monitor.snapshots(interval=0.01, questions=STATUS):
        states.append(
            (snapshot.nodes.value is not None, snapshot.jobs.value is not None, snapshot.gcs.failure is not None)
        )
        if len(states) == 1:
            server.fail("gcs_hung")
        elif len(states) == 2:
            server.heal()
        else:
            break
    assert states == [(True, True, False), (False, False, True), (True, True, False)]


async def test_refused_token_is_the_login_although_health_is_public(server, monitor) -> None:
    server.token = "x" * 64
    snapshot = await monitor.observe()
    assert snapshot.gcs.value is True
    assert snapshot.nodes.failure.reason == "TokenMissing"
    assert assess(snapshot).broken.layer == "login"


async def test_one_failing_answer_leaves_the_others(server, monitor) -> None:
    server.fail("garbage", "/api/jobs/", "/nodes")
    snapshot = await monitor.observe()
    assert snapshot.jobs.failure.reason == "Garbage"
    assert snapshot.nodes.value
    assert snapshot.nodes.value[0].cpu_percent is None
    assert not is_failing(snapshot)


async def test_platform_failure_is_a_value_and_ray_is_still_asked(server, platform, monitor) -> None:
    await monitor.observe(ALIVE)
    platform.errors["list"] = [
        Unreachable(Failure("platform", "NoAnswer", "no answer from the workbench")),
        NotAllowed("the key was refused"),
    ]
    snapshot = await monitor.observe(ALIVE)
    assert snapshot.applications.failure.reason == "NoAnswer"
    assert snapshot.nodes.value
    assert is_failing(snapshot)
    snapshot = await monitor.observe(ALIVE)
    assert (snapshot.applications.failure.layer, snapshot.applications.failure.reason) == ("platform", "NotAllowed")


async def test_unreachable_by_design_is_said_and_applications_are_shown(platform, monitor) -> None:
    platform.target = None
    snapshot = await monitor.observe()
    assert snapshot.dashboard.reason == "DashboardNotExposed"
    assert len(snapshot.applications.value) == 2
    assert snapshot.nodes.at == 0.0


async def test_absent_cluster_asks_nobody(server, platform, monitor) -> None:
    platform.applications.clear()
    snapshot = await monitor.observe()
    assert snapshot.applications.value == ()
    assert snapshot.dashboard is None
    assert not server.requests
    assert not is_failing(snapshot)


@pytest.mark.parametrize("state", ["stopped", "failed", "stopping"])
async def test_port_of_an_ended_head_may_be_somebody_elses(server, platform, monitor, state) -> None:
    await monitor.observe(ALIVE)
    asked = server.requests.total()
    platform.set("ray-cluster-head", state=state)
    snapshot = await monitor.observe(ALIVE)
    assert snapshot.nodes.value is None
    assert (snapshot.dashboard.layer, snapshot.dashboard.conclusive) == ("application", True)
    assert server.requests.total() <= asked + 2


async def test_dashboard_is_asked_while_the_platform_still_lists(server, platform, monitor) -> None:
    await monitor.observe(ALIVE)
    server.requests.clear()
    platform.delays["list"] = 30.0
    observing = asyncio.create_task(monitor.observe(ALIVE))
    async with asyncio.timeout(10):
        while server.requests["/api/v0/nodes"] == 0:  # noqa: ASYNC110 - it happens on the other side of a socket
            await asyncio.sleep(0.005)
    assert not observing.done()
    observing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await observing


async def test_moved_head_is_followed_within_the_round(server, platform, monitor) -> None:
    await monitor.observe(ALIVE)
    async with FakeDashboard().serving() as other:
        other.bodies["/api/v0/nodes"] = many_nodes(7)[0]
        platform.target = other.target
        platform.set("ray-cluster-head", launcher=LauncherReport(state="alive", generation="g2", address="127.0.0.1:1"))
        snapshot = await monitor.observe(ALIVE)
        assert len(snapshot.nodes.value) == 7
        assert snapshot.dashboard_url == other.url
        assert platform.count("dashboard") == 2


async def test_new_session_forgets_what_the_old_one_said(server, monitor, monkeypatch) -> None:
    monkeypatch.setitem(readings.PERIODS, "version", 0.0)
    jobs = []
    async for snapshot in monitor.snapshots(interval=0.01, questions=STATUS):
        jobs.append(len(snapshot.jobs.value))
        if len(jobs) == 1:
            server.bodies["/api/version"] = recorded("version.json").replace(b"16-47-46", b"18-00-00")
            server.bodies["/api/jobs/"] = b"[]"
        if len(jobs) == 3:
            break
    assert jobs == [7, 0, 0]
    assert server.requests["/api/jobs/"] == 2


async def test_rounds_never_overlap(server, platform, monitor) -> None:
    running = Counter()
    original = platform.list

    async def listing(cluster=None):
        running["now"] += 1
        running["most"] = max(running["most"], running["now"])
        try:
            await asyncio.sleep(0.01)
            return await original(cluster)
        finally:
            running["now"] -= 1

    platform.list = listing
    await asyncio.gather(*(monitor.observe(ALIVE) for _ in range(4)))
    assert running["most"] == 1


async def test_cancelled_round_leaves_nothing_open_and_the_next_one_works(server, monitor) -> None:
    server.slow["/api/v0/nodes"] = 0.2
    observing = asyncio.create_task(monitor.observe())
    async with asyncio.timeout(10):
        while server.requests["/api/v0/nodes"] == 0:  # noqa: ASYNC110 - it happens on the other side of a socket
            await asyncio.sleep(0.005)
    observing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await observing
    server.heal()
    assert (await monitor.observe()).nodes.value
    await monitor.close()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("ask ")]


async def test_equal_rounds_have_equal_content(monitor) -> None:
    first, second = await some(monitor, 2)
    assert first.content() == second.content()
    assert first.observed_at <= second.observed_at


async def test_failing_rounds_come_less_often_and_at_once_again_when_all_is_well(
    server, platform, monitor, monkeypatch
) -> None:
    pauses = []

    async def wait(pause: float) -> None:
        pauses.append(pause)

    monkeypatch.setattr(monitor._subscriptions, "wait", wait)
    rounds = 0
    async for _ in monitor.snapshots(interval=60.0, questions=ALIVE):
        rounds += 1
        if rounds == 1:
            server.fail("500")
        if rounds == 3:
            server.heal()
        if rounds == 5:
            break
    assert pauses[0] <= 60.0
    assert pauses[3] <= 60.0
    monkeypatch.setattr("raytui.manager.monitor.SLOWEST_POLL_S", 60_000.0)
    pauses.clear()
    server.fail("500")
    async for _ in monitor.snapshots(interval=60.0, questions=ALIVE):
        if len(pauses) == 6:
            break
    # Answers of an earlier round may still count for the first of them.
    assert 90.0 < pauses[3] < pauses[4] < pauses[5]


async def test_a_head_that_is_starting_is_not_failing(server, platform, monitor) -> None:
    await server.stop()
    platform.set("ray-cluster-head", state="starting")
    snapshot = await monitor.observe(ALIVE)
    assert snapshot.gcs.failure
    assert not is_failing(snapshot)


def test_figures_join_by_id_and_never_revive_the_dead() -> None:
    alive = Node("a", "head", "10.0.0.1", "ALIVE", is_head=True)
    dead = Node("b", "worker-1", "10.0.0.1", "DEAD", reason="", message="gone")
    figures = Node("a", "", "", "ALIVE", cpu_percent=5.0, memory_used=1, memory_total=2, gpus=(Gpu(0),), sampled_at=9.0)
    frozen = msgspec.structs.replace(figures, node_id="b", reason="UNEXPECTED_TERMINATION")
    head, worker = merge_nodes((alive, dead), {"a": figures, "b": frozen, "c": figures})
    assert (head.name, head.cpu_percent, head.gpus, head.sampled_at) == ("head", 5.0, (Gpu(0),), 9.0)
    assert (worker.cpu_percent, worker.memory_used, worker.reason, worker.message) == (
        None,
        None,
        "UNEXPECTED_TERMINATION",
        "gone",
    )
    late = msgspec.structs.replace(figures, state="DEAD")
    assert merge_nodes((alive,), {"a": late}) == (alive,)


def test_totals_are_those_of_the_living() -> None:
    nodes = [
        Node(
            "a",
            "head",
            "",
            "ALIVE",
            resources={"CPU": 1.0, "node:10.0.0.1": 1.0, "CPU_group_0_846cc25af6bf2754bd20e2fcd1d603000000": 1.0},
        ),
        Node("b", "w1", "", "ALIVE", resources={"CPU": 2.0, "GPU": 1.0}),
        Node("c", "w2", "", "DEAD", resources={"CPU": 64.0}),
    ]
    usage = total_by_nodes(Usage({"CPU": Amount(65.0, 60.0)}, ("x",)), nodes)
    assert usage == Usage({"CPU": Amount(3.0, 3.0), "GPU": Amount(1.0, 0.0)}, ("x",))


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("CPU", True),
        ("my_res", True),
        ("accelerator_type:A10G", True),
        ("node:10.0.0.1", False),
        ("node:__internal_head__", False),
        ("CPU_group_846cc25af6bf2754bd20e2fcd1d603000000", False),
        ("bundle_group_1_846cc25af6bf2754bd20e2fcd1d603000000", False),
        ("CPUGroup0846Cc25Af6Bf2754Bd20E2Fcd1D603000000", False),
        ("focus_group_1", True),
    ],
)
def test_resources_that_people_ask_for(name, counts) -> None:
    assert countable(name) is counts


async def some(monitor: Monitor, count: int):
    found = []
    async for snapshot in monitor.snapshots(interval=0.01, questions=STATUS):
        found.append(snapshot)
        if len(found) == count:
            return found
    raise AssertionError


async def test_what_was_last_asked_for_is_part_of_the_snapshot_and_read_seldom(platform, monitor) -> None:
    spec = ClusterSpec(workers=WorkersSpec(count=3))
    platform.asked["ray-cluster"] = spec
    assert (await monitor.observe()).asked.value == spec
    await monitor.observe(ALIVE)
    assert platform.count("recorded_spec") == 1
    platform.asked["ray-cluster"] = ClusterSpec()
    platform.applications["ray-cluster-worker-2"] = application("worker-2")
    assert (await monitor.observe()).asked.value == ClusterSpec()
    assert platform.count("conflicts") == 0


async def test_a_record_that_cannot_be_read_is_a_value_in_the_snapshot(platform, monitor) -> None:
    platform.errors["recorded_spec"] = [Unreachable(Failure("platform", "NoRoute", "no route", "check the VPN"))]
    snapshot = await monitor.observe()
    assert (snapshot.asked.value, snapshot.asked.failure.reason) == (None, "NoRoute")
    assert snapshot.nodes.value


async def test_a_record_that_was_read_once_is_kept_while_it_cannot_be_read_again(platform, monitor) -> None:
    platform.asked["ray-cluster"] = ClusterSpec(workers=WorkersSpec(count=3))
    read = (await monitor.observe()).asked
    platform.errors["recorded_spec"] = [Unreachable(Failure("platform", "NoRoute", "no route", "check the VPN"))]
    platform.applications["ray-cluster-worker-2"] = application("worker-2")
    assert (await monitor.observe()).asked == read


async def test_while_absent_a_status_says_whose_names_are_taken_and_does_not_send_to_start() -> None:
    platform = FakePlatform()
    platform.foreign = {"ray-cluster-head", "ray-cluster-worker-2"}
    monitor = Monitor(platform, short, cluster="ray-cluster", profile="local", workers=1)
    judged = assess(await monitor.observe())
    assert judged.phase == "absent"
    assert "an application named ray-cluster-head exists and is not ours" in judged.broken.hint
    assert "creates it" not in judged.broken.hint
    platform.foreign.clear()
    platform.errors["conflicts"] = [Unreachable(Failure("platform", "NoRoute", "no route"))]
    await monitor.close()
    again = Monitor(platform, short, cluster="ray-cluster", profile="local", workers=10**9)
    assert as_commands(assess(await again.observe()).broken.hint) == "raytui start creates it"


class Pods:
    """A head and a worker seen from outside, with a clock of ours and reports that a test writes by another one."""

    def __init__(self, started_at: float) -> None:
        self.now = 1_790_000_000.0
        apps = [application(name, created_at=started_at, started_at=started_at) for name in ("head", "worker-1")]
        self.platform = FakePlatform(apps)
        self.monitor = Monitor(self.platform, short, cluster="ray-cluster", profile="cai", clock=lambda: self.now)

    def write(self, at: float, **more: object) -> None:
        for name in ("head", "worker-1"):
            report = LauncherReport(**{"state": "alive", "node_id": name, "at": at, **more})  # type: ignore[arg-type]
            self.platform.set(f"ray-cluster-{name}", launcher=report)

    async def look(self, after: float = 0.0):
        self.now += after
        snapshot = await self.monitor.observe(ALIVE)
        return assess(snapshot).verdict, join(snapshot).counts.alive


async def test_a_clock_two_hours_ahead_proves_life_only_while_its_reports_are_seen_to_change() -> None:
    pods = Pods(started_at=1_790_000_000.0 - 3600)
    ahead = pods.now + 7200
    pods.write(ahead)
    assert await pods.look() == ("unknown", None)
    pods.write(ahead + 10)
    assert await pods.look(10) == ("ok", 2)
    assert await pods.look(85) == ("ok", 2)
    assert await pods.look(10) == ("unknown", None)


async def test_what_changed_while_nobody_looked_is_dated_by_nobody() -> None:
    pods = Pods(started_at=1_790_000_000.0 - 3600)
    ahead = pods.now + 7200
    pods.write(ahead)
    await pods.look()
    pods.write(ahead + 1800)
    assert await pods.look(1800) == ("unknown", None)


async def test_the_late_last_words_of_an_earlier_life_are_not_seen_as_this_ones() -> None:
    pods = Pods(started_at=1_790_000_000.0 - 3600)
    ahead = pods.now + 7200
    pods.write(ahead)
    await pods.look()
    for name in ("head", "worker-1"):
        pods.platform.set(f"ray-cluster-{name}", started_at=pods.now + 5)
    for second in (10, 20, 30):
        pods.write(ahead + second)
        assert (await pods.look(10))[1] is None


async def test_a_report_that_was_read_seldom_is_as_old_as_its_last_reading() -> None:
    pods = Pods(started_at=1_790_000_000.0 - 3600)
    pods.write(pods.now + 7200, read_at=pods.now)
    await pods.look()
    pods.write(pods.now + 7300, read_at=pods.now + 100)
    assert await pods.look(100) == ("unknown", None)


async def test_figures_that_could_not_be_read_are_a_condition_and_no_frozen_figures(server, monitor) -> None:
    assert (await monitor.observe()).figures.value is True
    server.fail("garbage", "/nodes")
    snapshot = await monitor.observe()
    assert snapshot.figures.failure.reason == "Garbage"
    assert "FiguresUnreadable" in {condition.reason for condition in assess(snapshot).conditions}
    assert all(node.cpu_percent is None and node.sampled_at == 0.0 for node in snapshot.nodes.value)


async def test_figures_nobody_asked_for_are_neither_read_nor_unreadable(monitor) -> None:
    snapshot = await monitor.observe(ALIVE)
    assert (snapshot.figures.value, snapshot.figures.failure) == (None, None)


class Workbench(FakePlatform):
    """A platform with quotas."""

    name = "cai"


async def test_how_much_the_platform_can_give_is_asked_while_work_has_no_place(server) -> None:
    platform = Workbench([application("head"), application("worker-1")], server.target)
    platform.held = Holdings("me", "here", (Quota("user", "me", QuotaAmounts(cpu=4), QuotaAmounts(cpu=4)),))
    once = Monitor(platform, short, cluster="ray-cluster", profile="cai")
    assert (await once.observe(ALIVE)).holdings.value is None
    reported = (await once.observe(STATUS)).holdings.value
    assert reported is not None
    assert reported.quotas == platform.held.quotas
    for _ in range(3):
        await once.observe(STATUS)
    assert platform.count("holdings") == 1
    assert (await once.observe(ALIVE)).holdings.value is None, "and only where the demand itself is asked for"
    await once.close()


async def test_without_a_quota_or_work_without_a_place_the_platform_is_not_asked(server, platform, monitor) -> None:
    await monitor.observe(STATUS)
    assert platform.count("holdings") == 0
    server.bodies["/api/cluster_status"] = b'{"data": {"clusterStatus": null}}'
    bench = Workbench([application("head")], server.target)
    once = Monitor(bench, short, cluster="ray-cluster", profile="cai")
    await once.observe(STATUS)
    assert bench.count("holdings") == 0
    await once.close()


async def test_a_watch_does_not_wait_for_what_the_platform_can_give(server) -> None:
    platform = Workbench([application("head"), application("worker-1")], server.target)
    platform.delays["holdings"] = 3600.0
    watching = Monitor(platform, short, cluster="ray-cluster", profile="cai")
    (snapshot,) = await some(watching, 1)
    assert snapshot.nodes.value
    assert (snapshot.holdings.value, platform.count("holdings")) == (None, 1)
    await watching.close()


@pytest.mark.parametrize(("status", "is_asked"), [("RUNNING", True), ("PENDING", True), ("SUCCEEDED", False)])
async def test_without_a_report_of_demand_the_lists_tell_who_waits_while_jobs_run(
    server, monitor, status, is_asked
) -> None:
    server.bodies["/api/cluster_status"] = b'{"data": {"clusterStatus": null}}'
    server.bodies["/api/jobs/"] = msgspec.json.encode([{"submission_id": "a", "status": status}])
    snapshot = await monitor.observe(STATUS)
    assert (snapshot.tasks.at > 0, snapshot.placement_groups.at > 0) == (is_asked, is_asked)


PENDING = {"task_id": "t", "name": "f", "state": "PENDING_NODE_ASSIGNMENT", "job_id": "02000000", "type": "NORMAL_TASK"}
SETTING_UP = b"2026-11-24 22:00:00,123\tINFO utils.py:76 -- Run cmd[3] ['python', '-m', 'pip', 'install']\n"


def tasks_of(*rows: dict[str, object]) -> bytes:
    found = {"total": len(rows), "num_after_truncation": len(rows), "num_filtered": len(rows), "result": list(rows)}
    return msgspec.json.encode({"result": True, "msg": "", "data": {"result": found}})


async def test_the_log_of_an_environment_is_read_only_while_something_waits_for_one(server, monitor) -> None:
    server.bodies["/api/v0/logs/file"] = SETTING_UP
    server.bodies["/api/v0/tasks"] = tasks_of(PENDING)
    assert (await monitor.observe(STATUS)).environments.value is None
    assert server.requests["/api/v0/logs/file"] == 0
    server.bodies["/api/v0/tasks"] = tasks_of(
        {**PENDING, "runtime_env_info": {"serialized_runtime_env": '{"pip": ["x"]}'}}
    )
    (setup,) = (await monitor.observe(STATUS)).environments.value
    assert (setup.job_id, setup.step) == ("02000000", "pip install")
    assert all("runtime_env_setup-02000000.log" in query for query in server.queries if "logs/file" in query)
    asked = server.requests["/api/v0/logs/file"]
    assert (await monitor.observe(STATUS)).environments.value == (setup,)
    assert server.requests["/api/v0/logs/file"] == asked, "at most every 10 s"
    assert (await monitor.observe(ALIVE)).environments.value is None


async def test_a_job_that_is_pending_has_its_actor_looked_at(server, monitor) -> None:
    server.bodies["/api/cluster_status"] = (
        recorded("cluster_status.json").replace(b'"resourceDemand"', b'"x"').replace(b'"pgDemand"', b'"y"')
    )
    server.bodies["/api/jobs/"] = msgspec.json.encode([{"submission_id": "a", "status": "PENDING"}])
    assert (await monitor.observe(STATUS)).actors.at > 0
