"""Why an application waits: what it asks for, what is free, who holds the rest; never more than the platform reported."""

from __future__ import annotations

import msgspec
import pytest

from raytui.core.conditions import assess
from raytui.core.errors import Failure
from raytui.core.findings.capacity import waiting_names, why_waiting
from raytui.core.findings.quota import outlooks
from raytui.core.observed.holdings import Amounts, Held, Holdings, Label, Quota
from raytui.core.observed.joined import join
from raytui.core.remedy import as_commands
from tests.unit.core.values import NOW, application, node, snapshot

ME, MINE = "engineer", "workbench"


def quota(cpu: float | None = 12, used: float | None = 12, **more: float) -> Quota:
    limit, use = Amounts(cpu=cpu, **more), Amounts(cpu=used, **dict.fromkeys(more, 0.0))
    return Quota("user", ME, limit, use)


def row(name: str, cpu: float = 2, *, state: str = "running", **more: object) -> Held:
    fields = {"id": name, "user": ME, "project": MINE, "name": name, "state": state, "cpu": cpu, **more}
    return Held(**fields)


def holdings(*quotas: Quota, **more: object) -> Holdings:
    return Holdings(ME, MINE, quotas or (quota(),), **more)


def waiting(index: int = 1, **more: object):
    fields = {"cpu": 2.0, "memory": 8.0, "created_at": NOW - 30 + index, "started_at": 0.0, **more}
    return application(index, "starting", **fields)


def sentences(applications, reported: Holdings) -> dict[str, list[str]]:
    return {
        seen.application.short: [shortage.sentence() for shortage in seen.shortages]
        for seen in outlooks(applications, reported)
    }


def test_the_arithmetic_says_what_is_asked_what_is_in_use_and_who_holds_it():
    reported = holdings(
        held=(row("ray-cluster-head"), row("other", 4), row("train-1", 5, project="train"), row("theirs", user="bob")),
        running=frozenset({"ray-cluster-head"}),
    )
    assert sentences([application(0, cpu=2.0), waiting()], reported) == {
        "worker-1": [
            (
                "2 CPU asked, 12 of your quota of 12 CPU in use: 5 by project train, 4 by other workloads of project "
                "workbench, 2 by this cluster, 1 by others, whom this key does not see"
            )
        ]
    }


def test_what_fits_lacks_nothing():
    assert sentences([waiting()], holdings(quota(used=10.0))) == {"worker-1": []}


def test_of_several_that_wait_the_oldest_are_taken_to_fit_and_only_the_others_lack():
    reported = sentences([waiting(3), waiting(1), waiting(2)], holdings(quota(used=8.0)))
    assert [name for name, lacks in reported.items() if lacks] == ["worker-3"]
    assert "4 by applications that have waited for longer" in reported["worker-3"][0]


def test_what_began_to_run_since_the_platform_was_asked_counts_on_top():
    running = [application(n, cpu=2.0) for n in (0, 1, 2)]
    reported = holdings(quota(used=6.0), running=frozenset({"ray-cluster-head"}))
    assert sentences([*running, waiting(3)], reported) == {"worker-3": []}
    fuller = holdings(quota(used=8.0), running=frozenset({"ray-cluster-head"}))
    assert "12 of your quota of 12 CPU in use" in sentences([*running, waiting(3)], fuller)["worker-3"][0]


def test_what_ended_since_the_platform_was_asked_is_free_again():
    reported = holdings(running=frozenset({"ray-cluster-worker-1"}))
    assert sentences([application(1, "stopped", cpu=2.0), waiting(2)], reported) == {"worker-2": []}


def test_one_that_stops_before_it_ever_ran_holds_nothing():
    assert sentences([application(1, "stopping", cpu=2.0), waiting(2)], holdings(quota(used=10.0))) == {"worker-2": []}


@pytest.mark.parametrize(("word", "lacks"), [("starting", False), ("scheduling", True)])
def test_one_whose_capacity_is_counted_already_waits_for_nothing(word, lacks):
    apps = [waiting(1)]
    reported = holdings(
        held=(row("big", 10), row("ray-cluster-worker-1", state=word)), starting=frozenset({apps[0].name})
    )
    assert any(sentences(apps, reported).values()) is lacks


def test_more_than_the_whole_quota_can_never_start():
    (reported,) = sentences([waiting(cpu=16.0)], holdings(quota(used=0.0)))["worker-1"]
    assert reported == "16 CPU asked, more than your quota of 12 CPU ever allows"


def test_without_a_limit_nothing_is_short():
    assert sentences([waiting()], holdings(quota(cpu=None))) == {"worker-1": []}
    assert sentences([waiting()], holdings(quota(used=None))) == {"worker-1": []}


def test_every_resource_that_lacks_is_named():
    reported = sentences([waiting()], holdings(Quota("user", ME, Amounts(12, 32), Amounts(12, 30))))
    assert [text.split(" asked")[0] for text in reported["worker-1"]] == ["2 CPU", "8 GB of memory"]


def test_the_quota_of_a_team_is_called_so_and_its_holders_are_of_the_team():
    ml = Quota("group", "ml", Amounts(cpu=4), Amounts(cpu=4))
    reported = holdings(ml, held=(row("theirs", 4, user="bob", project="train", group="ml"), row("not-ml", 9)))
    (sentence,) = sentences([waiting()], reported)["worker-1"]
    assert sentence == "2 CPU asked, 4 of the quota of group ml of 4 CPU in use: 4 by project train"


A10G = Label("1", "A10G", 4.0, used=(("alice", 3.0), (ME, 1.0)))


def test_a_kind_of_gpu_that_is_all_taken_is_named_with_its_holders():
    held = (
        row("train-1", user="alice", project="train", gpus=3.0, label="A10G"),
        row("ray-cluster-worker-1", gpus=1.0, label="A10G"),
    )
    apps = [application(1, gpus=1, cpu=2.0), waiting(2, gpus=1, accelerator_label_id="1", cpu=0.0)]
    reported = holdings(labels=(A10G,), held=held, running=frozenset({"ray-cluster-worker-1"}))
    assert sentences(apps, reported)["worker-2"] == ["1 A10G asked, 4 of 4 in use: 3 by project train, 1 by you"]


def test_another_kind_of_gpu_is_no_reason():
    labels = (A10G, Label("2", "H100", 8.0))
    apps = [waiting(2, gpus=1, accelerator_label_id="2", cpu=0.0)]
    assert sentences(apps, holdings(labels=labels)) == {"worker-2": []}
    some = [waiting(2, gpus=1, cpu=0.0)]
    assert sentences(some, holdings(labels=labels)) == {"worker-2": []}


def test_the_own_quota_of_a_kind_counts_besides():
    mine = msgspec.structs.replace(A10G, total=8.0, limit=1.0)
    (reported,) = sentences([waiting(gpus=1, cpu=0.0)], holdings(labels=(mine,)))["worker-1"]
    assert reported == "1 A10G asked, 1 of your quota of 1 A10G in use: 1 by you"


def seen(applications, reported=None, **more):
    return snapshot(
        tuple(applications),
        (node(0),),
        platform="cai",
        **({"holdings": reported} if reported is not None else {}),
        **more,
    )


def only(judged, reason):
    return [condition for condition in judged.conditions if condition.reason == reason]


def test_one_that_waits_for_quota_is_a_warning_at_once_with_what_would_help():
    judged = assess(seen([application(0, cpu=2.0), waiting()], holdings(running=frozenset({"ray-cluster-head"}))))
    (found,) = only(judged, "QuotaExceeded")
    assert (found.severity, found.subject) == ("warning", "ray-cluster-worker-1")
    assert found.message.startswith("it waits for capacity: 2 CPU asked, 12 of your quota of 12 CPU in use")
    assert "raytui scale 0 asks for no more than fits" in as_commands(found.hint)
    assert "raytui usage shows who holds the rest" in as_commands(found.hint)
    assert (judged.phase, judged.verdict) == ("starting", "degraded")


def test_what_would_fit_with_less_says_how_much_less():
    judged = assess(seen([application(0), waiting(cpu=3.0)], holdings(quota(used=10.0))))
    (found,) = only(judged, "QuotaExceeded")
    assert "it fits with 1 CPU less" in as_commands(found.hint)


def test_many_that_lack_the_same_are_one_finding_that_names_them_and_the_number_that_fits():
    running = [application(n, cpu=1.0) for n in range(13)]
    apps = [*running, *(waiting(n, cpu=1.0) for n in range(13, 21))]
    reported = holdings(quota(13, 13), running=frozenset(app.name for app in running))
    judged = assess(seen(apps, reported))
    (found,) = only(judged, "QuotaExceeded")
    assert found.subject == "ray-cluster-worker"
    assert all(f"worker-{n}" in found.message for n in range(13, 21))
    assert "worker-12" not in found.message
    assert "1 CPU asked by each, 13 of your quota of 13 CPU in use" in found.message
    assert "raytui scale 12 asks for no more than fits" in as_commands(found.hint)
    assert waiting_names(join(seen(apps, reported))).startswith("worker-13 worker-14")


def test_what_fits_of_a_group_leaves_out_all_that_wait():
    apps = [application(0), waiting(1), waiting(2, cpu=3.0)]
    reported = as_commands(only(assess(seen(apps, holdings())), "QuotaExceeded")[0].hint)
    assert "raytui scale 0 asks for no more than fits" in reported


def test_another_group_is_scaled_by_its_name():
    app = waiting(group="gpu", name="ray-cluster-gpu-1")
    (found,) = only(assess(seen([application(0), app], holdings())), "QuotaExceeded")
    assert "raytui scale gpu=0" in as_commands(found.hint)


def test_a_head_that_waits_says_so_in_the_verdict():
    judged = assess(seen([waiting(0)], holdings()))
    assert judged.broken.message.startswith("the head is starting: it waits for capacity: 2 CPU asked")
    (found,) = only(judged, "QuotaExceeded")
    assert found.subject == "ray-cluster-head"


def test_what_waits_is_said_while_the_head_is_stopping_too():
    judged = assess(seen([application(0, "stopping", cpu=2.0), waiting()], holdings()))
    assert judged.phase == "stopping"
    (found,) = only(judged, "QuotaExceeded")
    assert found.subject == "ray-cluster-worker-1"


def test_a_minute_without_capacity_missing_is_told_with_what_is_known():
    peer = application(0, began_at=NOW - 400, started_at=NOW - 365)
    late = waiting(created_at=NOW - 70)
    judged = assess(seen([peer, late], holdings(quota(used=4.0))))
    (found,) = only(judged, "StartingLong")
    assert found.severity == "info"
    assert found.message == (
        "the application has been starting for 1m10: no quota is short (4 of 12 CPU in use); its image may be "
        "downloading: the slowest start with it here took 35 s"
    )
    (found,) = only(assess(seen([peer, waiting(created_at=NOW - 200)], holdings(quota(used=4.0)))), "StartingLong")
    assert found.severity == "warning"


def test_a_quota_without_a_limit_is_not_said_to_be_in_use():
    (found,) = only(
        assess(seen([application(0), waiting(created_at=NOW - 70)], holdings(quota(None, 4.0)))), "StartingLong"
    )
    assert "no quota is short; its image may be downloading" in found.message


def test_a_head_says_after_a_minute_why_it_is_not_known():
    late = waiting(0, created_at=NOW - 61)
    asked = seen([late], Holdings(unknown=("the quota of the users could not be read: no",)))
    assert "quota unknown: the quota of the users could not be read: no" in assess(asked).broken.message
    failed = seen([late], Failure("platform", "NoAnswer", "no answer"))
    assert "quota unknown: no answer" in assess(failed).broken.message
    assert "quota was not asked for yet" in assess(seen([late])).broken.message
    assert why_waiting(join(seen([waiting(0)])), waiting(0)) == ""


def test_a_local_cluster_knows_no_quota_and_says_none():
    late = waiting(created_at=NOW - 200)
    (found,) = only(assess(snapshot((application(0), late), (node(0),))), "StartingLong")
    assert found.message == "the application has been starting for 3m20"
