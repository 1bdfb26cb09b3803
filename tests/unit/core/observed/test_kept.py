"""What is taken over from the snapshot before is what would be worked out anew, whatever changed and however time went on."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from raytui.core.changes.snapshots import changes
from raytui.core.conditions import assess
from raytui.core.errors import Failure
from raytui.core.observed.joined import Joined, join
from raytui.core.observed.kept import Kept, Moment, reuse
from raytui.core.observed.merge import Merging, merge_nodes, total_by_nodes
from raytui.core.observed.snapshot import Amount, LauncherReport, Operation, Reading, Rows, Usage
from raytui.core.spec import ClusterSpec, WorkersSpec
from raytui.view.picture import advance
from tests.unit.core.values import NOW, application, node, report, snapshot

STEPS = (0.0, 0.5, 5.0, 40.0, 95.0, 200.0, 500.0)
reports = st.one_of(
    st.none(),
    st.builds(
        report,
        st.sampled_from(["alive", "waiting", "joining", "ended", "failed", "unread", ""]),
        at=st.sampled_from([NOW - 700, NOW - 95, NOW - 5, NOW + 8, NOW + 100]),
        node_id=st.sampled_from(["", "n1" * 8, "n2" * 8]),
        message=st.sampled_from(["", "it warns"]),
        generation=st.sampled_from(["g1", "g2"]),
        changed_at=st.sampled_from([0.0, NOW - 80]),
        of_this_run=st.booleans(),
    ),
)
applications = st.lists(
    st.builds(
        application,
        st.integers(0, 3),
        st.sampled_from(["starting", "running", "running", "running", "stopping", "stopped", "failed", "unknown"]),
        started_at=st.sampled_from([0.0, NOW - 600, NOW - 100, NOW - 20]),
        ended_at=st.sampled_from([0.0, NOW - 400]),
        launcher=reports,
    ),
    max_size=4,
    unique_by=lambda app: app.name,
).map(lambda apps: tuple(sorted(apps, key=lambda app: app.index)))
nodes = st.lists(
    st.builds(
        node,
        st.integers(0, 3),
        st.sampled_from(["ALIVE", "ALIVE", "DEAD", "UNKNOWN"]),
        node_id=st.sampled_from(["n0" * 8, "n1" * 8, "n2" * 8, "n3" * 8, "n4" * 8]),
        started_at=st.sampled_from([NOW - 4000, NOW - 590, NOW - 15, NOW + 50]),
        sampled_at=st.sampled_from([0.0, NOW - 70, NOW - 1]),
        cpu_percent=st.sampled_from([None, 10.0, 20.0]),
        memory_used=st.sampled_from([None, 10, 99]),
        memory_total=st.just(100),
    ),
    max_size=5,
    unique_by=lambda one: one.node_id,
).map(tuple)
shut = Failure("application", "DashboardNotExposed", "not exposed on purpose")
broken = Failure("dashboard", "Refused", "refused", conclusive=True)
worlds = st.tuples(
    st.one_of(applications, applications, st.just(broken)),
    st.one_of(nodes, nodes, nodes, st.just(broken), st.just(None)),
    st.sampled_from([None, shut]),
    st.sampled_from(
        [None, Operation("stop", ends=("ray-cluster-worker-1",)), Operation("scale", creates=("ray-cluster-worker-2",))]
    ),
    st.sampled_from(["local", "cai"]),
    st.sampled_from([None, 3]),
    st.sampled_from(STEPS),
    st.lists(st.integers(0, 5), max_size=4),
)


def seen(world, before, at):
    """A snapshot of this world; of what it has in common with the one before, some parts are the same objects, others merely equal."""
    apps, ray, dashboard, operation, platform, workers, _, kept = world
    old_apps, old_nodes = (
        (before.applications.value or (), before.nodes.value or ()) if before is not None else ((), ())
    )
    if isinstance(apps, tuple):
        apps = tuple(
            old_apps[n] if n in kept and n < len(old_apps) and old_apps[n].name == app.name else app
            for n, app in enumerate(apps)
        )
        apps = old_apps if apps == old_apps else apps
    if isinstance(ray, tuple):
        same = {one.node_id: one for one in old_nodes}
        ray = tuple(same.get(one.node_id, one) if n in kept else one for n, one in enumerate(ray))
    made = snapshot(
        apps,
        ray if ray is not None else (),
        dashboard=dashboard,
        operation=operation,
        platform=platform,
        observed_at=at,
    )
    if ray is None:
        made = msgspec.structs.replace(made, nodes=Reading())
    asked = Reading(ClusterSpec(workers=WorkersSpec(count=workers)), at=at) if workers is not None else Reading()
    return msgspec.structs.replace(made, asked=asked)


def anew(one):
    """The same snapshot, with nothing worked out of it."""
    return msgspec.structs.replace(one)


@settings(max_examples=300, deadline=None)
@given(st.lists(worlds, min_size=2, max_size=6))
def test_a_picture_that_went_on_equals_one_made_anew(story):
    at, before, picture, plain = NOW, None, None, None
    for world in story:
        at += world[-2]
        now = seen(world, before, at)
        joined, scratch = join(now, before), Joined(anew(now))
        assert list(joined.members) == list(scratch.members)
        assert joined.counts == scratch.counts
        assert (joined.nodes, joined.applications, joined._owner) == (
            scratch.nodes,
            scratch.applications,
            scratch._owner,
        )
        assert assess(now) == assess(anew(now))
        if before is not None:
            old, new = anew(before), anew(now)
            expected = changes((old, assess(old)), (new, assess(new)))
            assert changes((before, assess(before)), (now, assess(now))) == expected
        # A picture whose snapshots share no object at all has nothing to take over.
        picture = advance(picture, now)
        plain = advance(plain, msgspec.json.decode(msgspec.json.encode(now), type=type(now)))
        assert (picture.assessment, picture.events, picture.samples) == (plain.assessment, plain.events, plain.samples)
        before = now


@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, 9).map(str), max_size=6), st.sampled_from(STEPS), st.booleans()), max_size=8
    )
)
def test_only_changed_rows_and_those_whose_time_has_come_are_made_again(story):
    kept, at = None, 0.0
    words = {str(n): f"{n}!" for n in range(10)}
    for row, step, context in story:
        at += step
        things = [words[name] for name in row]
        asked = []

        def make(word, moment, asked=asked):
            asked.append(word)
            return (word, moment.has_reached(100.0), moment.has_reached(100.0 + len(word)))

        before, kept = kept, Kept(kept, make, (things,), now=at, context=context)
        assert kept.results == [(word, at >= 100.0, at >= 100.0 + len(word)) for word in things]
        if before is not None and before._context == context and before._columns[0] == things and at < 100.0:
            assert not asked


def test_a_moment_knows_how_long_its_answers_hold():
    now = Moment(100.0)
    assert (now.has_reached(90.0), now.has_reached(110.0), now.has_reached(95.0)) == (True, False, True)
    assert (now.since, now.until) == (95.0, 110.0)
    assert now.age(40.0) == 60.0
    assert now.since == now.until == 100.0


def test_equal_rows_stay_the_same_objects():
    old = Rows([node(0), node(1), node(2)], total=9)
    assert reuse(old, Rows([node(0), node(1), node(2)], total=9)) is old
    new = reuse(old, Rows([node(0), node(1, "DEAD"), node(2)], total=9))
    assert [a is b for a, b in zip(old, new, strict=True)] == [True, False, True]
    fewer = reuse(old, Rows([node(1), node(2)], total=2, unreadable=1, first_unreadable="x"))
    assert (fewer[0] is old[1], fewer[1] is old[2], fewer.total, fewer.unreadable, fewer.first_unreadable) == (
        True,
        True,
        2,
        1,
        "x",
    )
    other = reuse(old, Rows([node(0), node(1), node(2)], total=10))
    assert (other.total, other[0] is old[0]) == (10, True)
    assert reuse({"a": node(0)}, {"a": node(0)})["a"] == node(0)
    assert reuse(None, (1,)) == (1,)
    assert reuse(Usage(pending=("a",)), Usage()) == Usage()


def test_merged_nodes_are_the_same_while_identity_and_figures_are():
    merging, some = Merging(), (node(0), node(1, resources={"CPU": 4.0}))
    stats = {one.node_id: node(0, node_id=one.node_id, cpu_percent=5.0) for one in some}
    first = merging.merge(some, stats)
    assert first == merge_nodes(some, stats)
    assert merging.merge(some, dict(stats)) is first
    stats["n1" * 8] = node(0, node_id="n1" * 8, cpu_percent=6.0)
    second = merging.merge(some, stats)
    assert second == merge_nodes(some, stats)
    assert (second[0] is first[0], second[1] is first[1]) == (True, False)
    usage = Usage({"CPU": Amount(1.0, 1.0)})
    assert merging.total(usage, some) == total_by_nodes(usage, some) == merging.total(usage, some)


def test_a_report_that_only_ages_needs_no_new_object():
    head = application(0, launcher=LauncherReport("alive", node_id="n0" * 8, at=NOW - 5, message="it warns"))
    one = snapshot((head,), (node(0),))
    two = msgspec.structs.replace(one, observed_at=NOW + 1)
    assert [condition.reason for condition in assess(one).conditions] == ["LauncherWarning"]
    assert join(two, one).members is join(one).members
    assert assess(two).conditions == msgspec.structs.replace(assess(one), conditions=assess(two).conditions).conditions
