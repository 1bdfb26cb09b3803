"""The restarts that a platform makes by itself: counted as far as they were seen, told live, and part of the verdict."""

from __future__ import annotations

import msgspec

from raytui.core.changes.snapshots import changes
from raytui.core.conditions import assess
from raytui.core.errors import Failure
from raytui.core.findings.revivals import follow
from raytui.core.observed.snapshot import Operation, Snapshot
from raytui.core.remedy import as_commands
from tests.unit.core.values import NOW, application, node, report, snapshot

GARBAGE = Failure("dashboard", "Garbage", "the answer is a web page", "another program may hold the dashboard's port")
HEAD = "ray-cluster-head"


def at(seconds: float, *applications, nodes=(), **more) -> Snapshot:
    return snapshot(tuple(applications), nodes, platform="cai", observed_at=NOW + seconds, **more)


def story(*snapshots: Snapshot) -> tuple[list[Snapshot], list[tuple[str, str, str]]]:
    """The snapshots as a watch would hand them on, and the restarts told of them."""
    known, before, reported, made = (), None, [], []
    for one in snapshots:
        known = follow(known, before, one)
        after = msgspec.structs.replace(one, revivals=known)
        if before is not None:
            reported += changes((before, assess(before)), (after, assess(after)))
        before = after
        made.append(after)
    wanted = {"RestartExpected", "RestartBegan", "CameBack", "Rejoined"}
    return made, [(event.subject, event.reason, event.message) for event in reported if event.reason in wanted]


def living(seconds: float, began: float = -600) -> Snapshot:
    apps = (application(0, started_at=NOW + began), application(1))
    return at(seconds, *apps, nodes=(node(0, started_at=NOW + began + 5), node(1)))


def failed(seconds: float, ended: float = 0, message: str = "out of memory") -> Snapshot:
    return at(seconds, application(0, "failed", ended_at=NOW + ended, message=message), application(1))


def starting(seconds: float, began: float) -> Snapshot:
    return at(seconds, application(0, "starting", began_at=NOW + began), application(1))


def back(seconds: float, began: float, *, workers: bool = False) -> Snapshot:
    head = application(0, began_at=NOW + began, started_at=NOW + began, launcher=None)
    nodes = (node(0, node_id="new0" * 4, ip="10.0.0.9", started_at=NOW + began + 5),)
    return at(seconds, head, application(1), nodes=(*nodes, node(1)) if workers else nodes)


def test_a_restart_is_told_from_the_failure_to_the_last_worker_that_rejoined():
    _, reported = story(
        living(-2),
        failed(2),
        starting(300, 298),
        back(320, 310),
        back(335, 310, workers=True),
    )
    assert reported == [
        (
            HEAD,
            "RestartExpected",
            (
                "it failed: out of memory; Cloudera AI starts it again by itself 5 minutes after its end (restart 1 "
                "of at most 3 that was seen)"
            ),
        ),
        (HEAD, "RestartBegan", "Cloudera AI started it again 5m00 after its end, restart 1 of at most 3 that was seen"),
        (HEAD, "CameBack", "it is back at 10.0.0.9:6379, 5m20 after it failed"),
        (
            "ray-cluster-worker-1",
            "Rejoined",
            "its node lives in the restarted head's Ray, 15 s after the head was back",
        ),
    ]


def test_each_further_failure_counts_on():
    _, reported = story(
        living(-2), failed(2), back(310, 305), failed(400, 398), back(710, 705), failed(800, 798), back(1110, 1105),
        failed(1200, 1198),
    )  # fmt: skip
    expected = [message for _, reason, message in reported if reason == "RestartExpected"]
    assert ["restart 1" in expected[0], "restart 2" in expected[1], "restart 3" in expected[2]] == [True] * 3
    assert expected[3].endswith("Cloudera AI was seen to restart it 3 times and does so no more than 3 times")


def test_what_failed_before_anybody_looked_has_no_number():
    made, reported = story(failed(60), starting(300, 298))
    assert made[0].revivals[0].seen is None
    assert [message for _, _, message in reported] == ["Cloudera AI started it again 5m00 after its end"]


def test_the_verdict_says_when_the_platform_tries_again():
    made, _ = story(living(-2), failed(62))
    hint = as_commands(assess(made[-1]).broken.hint)
    assert "Cloudera AI restarts it by itself in about 4 minutes, restart 1 of at most 3 that was seen" in hint


def test_while_the_head_restarts_the_verdict_says_that_and_not_what_answers_in_its_place():
    made, _ = story(living(-2), failed(2), starting(300, 298))
    message = assess(made[-1]).broken.message
    assert message == (
        "the head is being started again by Cloudera AI, restart 1 of at most 3 that was seen; it failed 5m00 ago: "
        "out of memory"
    )
    late = application(0, began_at=NOW + 298, started_at=NOW + 305, launcher=report("alive", at=NOW + 309))
    made, _ = story(living(-2), failed(2), starting(300, 298), at(310, late, application(1), nodes=GARBAGE))
    judged = assess(made[-1])
    assert (judged.phase, judged.verdict) == ("starting", "down")
    assert judged.broken.message.startswith("the head is being started again by Cloudera AI")
    assert "another program" not in as_commands(judged.broken.hint)


def test_a_head_that_never_comes_back_is_not_called_starting_for_ever():
    made, _ = story(living(-2), failed(2), starting(300, 298))
    late = application(0, began_at=NOW + 298, started_at=NOW + 305)
    made, _ = story(living(-2), failed(2), starting(300, 298), at(600, late, application(1), nodes=GARBAGE))
    assert assess(made[-1]).broken.message == GARBAGE.message


def test_what_raytui_restarts_is_no_restart_of_the_platform():
    restart = Operation("restart", ends=(HEAD,))
    one = msgspec.structs.replace(starting(10, 8), operation=restart)
    made, reported = story(living(-2), failed(2), one, back(40, 20))
    assert [reason for _, reason, _ in reported] == ["RestartExpected"]
    assert made[-1].revivals == ()


def test_one_that_was_made_again_or_stopped_is_followed_no_more():
    other = at(10, application(0, id="another"), application(1))
    assert story(living(-2), failed(2), other)[0][-1].revivals == ()
    stopped = at(10, application(0, "stopped"), application(1))
    assert story(living(-2), failed(2), stopped)[0][-1].revivals == ()


def test_a_worker_that_comes_back_is_told_too():
    down = at(2, application(0), application(1, "failed", ended_at=NOW), nodes=(node(0), node(1, "DEAD")))
    again = application(1, began_at=NOW + 298, started_at=NOW + 302)
    up = at(320, application(0), again, nodes=(node(0), node(1, node_id="new1" * 4, started_at=NOW + 305)))
    _, reported = story(living(-2), down, up)
    assert [(subject, reason) for subject, reason, _ in reported] == [
        ("ray-cluster-worker-1", "RestartExpected"),
        ("ray-cluster-worker-1", "RestartBegan"),
        ("ray-cluster-worker-1", "CameBack"),
    ]


def test_nothing_is_restarted_by_a_platform_that_does_not():
    down = snapshot((application(0, "failed", ended_at=NOW), application(1)))
    assert follow((), None, down) == ()
