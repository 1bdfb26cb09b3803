"""Why each of the deaths happened that were measured or recorded on Ray 2.60: the right cause, or unknown, never a wrong one."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from raytui.core.causes.jobs import of_job
from raytui.core.causes.nodes import of_application, of_node
from raytui.core.causes.processes import of_actor, of_task, of_worker
from raytui.core.causes.serve import of_deployment
from raytui.core.causes.values import Cause, Evidence
from raytui.core.observed.joined import join
from raytui.core.observed.snapshot import Actor, Job, Operation, Snapshot
from raytui.core.observed.workload import RayWorker
from raytui.dashboard.activity import parse_actors, parse_events, parse_jobs
from raytui.dashboard.payloads import parse_nodes
from raytui.dashboard.serve import parse_serve
from raytui.dashboard.workload import parse_tasks, parse_workers
from tests.fakes.dashboard import recorded
from tests.unit.core.values import NOW, application, node, report, snapshot

HEARTBEATS = "health check failed due to missing too many heartbeats"
LOST = {"state": "DEAD", "reason": "UNEXPECTED_TERMINATION", "message": HEARTBEATS, "ended_at": NOW - 5}
GONE = "the head is gone: this node lost the connection to GCS"
USED_TOO_MUCH = "it was killed because it used more memory than it was given"


def said(message: str, state: str = "failed", **more: Any) -> dict[str, Any]:
    """A launcher that ended with these words."""
    return {"launcher": report(state, message=message, **more)}


def of_worker_node(ray: dict[str, Any], app: dict[str, Any], **more: Any) -> Cause:
    """The cause of the end of worker-1, of which Ray says `ray` and its platform and launcher `app`."""
    apps = (application(0), application(1, **{"state": "running", **app}))
    seen = snapshot(apps, (node(0), node(1, **ray)), **more)
    found = of_application(evidence(seen), apps[1])
    assert found is not None
    return found


def evidence(seen: Snapshot, **tails: tuple[str, ...]) -> Evidence:
    return Evidence(join(seen), {name.replace("__", "/"): lines for name, lines in tails.items()})


def dead(reason: str, message: str) -> dict[str, Any]:
    return {"state": "DEAD", "reason": reason, "message": message, "ended_at": NOW - 5}


SIGTERM = dead("AUTOSCALER_DRAIN_PREEMPTED", "Node received SIGTERM; draining before shutdown.")
NODES = {
    "SIGTERM": (SIGTERM, {"state": "stopped"}, "planned", ""),
    "SIGTERM as the launcher tells it": (SIGTERM, said("on request", "ended"), "planned", ""),
    "SIGINT": (dead("EXPECTED_TERMINATION", "received SIGTERM"), {}, "planned", ""),
    "drained": (dead("AUTOSCALER_DRAIN_PREEMPTED", "to make room"), said("drained on request", "ended"), "planned", ""),
    "drained when idle": (dead("AUTOSCALER_DRAIN_IDLE", "idle for 5 min"), {}, "planned", ""),
    "SIGKILL of ray start": (LOST, {"state": "failed", **said("Ray was ended by signal 9")}, "killed", "signal 9"),
    "SIGHUP": (LOST, {"state": "failed", **said("Ray was ended by signal 1")}, "killed", "signal 1"),
    "SIGKILL of the raylet": (LOST, said("the raylet ended (killed by signal 9)"), "killed", "the raylet ended"),
    "SIGKILL of the launcher": (LOST, {"state": "failed", "message": "was killed by signal 9"}, "killed", "signal 9"),
    "SIGKILL of an agent": (
        dead("UNEXPECTED_TERMINATION", "dashboard_agent failed and raylet fate-shares with it."),
        {},
        "agent_lost",
        "one of Ray's agents",
    ),
    "the pod was killed for memory": (LOST, {"state": "failed", "message": USED_TOO_MUCH}, "out_of_memory", "memory"),
    "killed for memory, and by signal 9": (
        LOST,
        {"state": "failed", "message": USED_TOO_MUCH, **said("the raylet ended (killed by signal 9)")},
        "out_of_memory",
        "memory",
    ),
    "disk full": (LOST, said("the disk is full"), "disk_full", "disk"),
    "link cut until the raylet gave up": (LOST, said(GONE), "cut_off", "still ran"),
    "link back after the head called it dead": (
        LOST,
        said("the head called this node dead, so its raylet ended"),
        "cut_off",
        "still ran",
    ),
    "only the head's word": (LOST, {}, "unknown", "nothing says whether"),
    "a version that differs": (
        {"state": "DEAD"},
        {"state": "failed", **said("versions differ: the head runs Ray 2.60.0, this node Ray 2.59.0")},
        "start_failed",
        "versions differ",
    ),
    "Ray says ended on purpose, its launcher killed": (
        dead("EXPECTED_TERMINATION", "received SIGTERM"),
        said("the raylet ended (killed by signal 9)"),
        "unknown",
        "contradict",
    ),
    "no words at all": ({"state": "DEAD"}, {}, "unknown", "nothing says why"),
}


@pytest.mark.parametrize(("ray", "app", "kind", "words"), list(NODES.values()), ids=list(NODES))
def test_a_node_died_of(ray: dict[str, Any], app: dict[str, Any], kind: str, words: str) -> None:
    found = of_worker_node(ray, app)
    assert found.kind == kind, found
    assert words in found.sentence
    assert found.certain == (kind != "unknown")
    assert found.is_death == (kind != "planned")
    assert found.sentence.startswith("node worker-1 ")


def test_the_stop_of_raytui_is_a_planned_end() -> None:
    found = of_worker_node(LOST, {"state": "stopping"}, operation=Operation("stop", ("ray-cluster-worker-1",)))
    assert (found.kind, found.is_death) == ("planned", False)


def test_a_report_of_an_earlier_life_says_nothing_of_this_death() -> None:
    old = said("the raylet ended (killed by signal 9)", at=NOW - 4_000)
    assert of_worker_node(LOST, old).kind == "unknown"


def test_a_node_that_lives_has_no_cause_of_death() -> None:
    seen = snapshot()
    assert of_node(evidence(seen), seen.nodes.value[0]) is None
    assert of_application(evidence(seen), seen.applications.value[1]) is None


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("GCS ended (killed by signal 9)", "signal 9 (GCS ended)"),
        ("the dashboard ended, and a head ends with it (killed by signal 9)", "the dashboard ended, and a head"),
    ],
)
def test_workers_end_with_their_head_and_the_chain_says_so(message: str, words: str) -> None:
    apps = (
        application(0, "failed", ended_at=NOW - 70, **said(message)),
        application(1, "failed", ended_at=NOW - 8, **said(GONE)),
    )
    seen = snapshot(apps, (node(0, **LOST), node(1, **LOST)))
    found = of_application(evidence(seen), apps[1])
    assert found is not None
    assert [cause.kind for cause in found.chain] == ["head_lost", "killed"]
    assert found.whole.startswith("node worker-1 ended because it lost its head because node head was killed by ")
    assert words in found.whole


def test_the_log_of_a_node_that_nobody_else_speaks_of() -> None:
    apps = (application(0), application(1))
    seen = snapshot(apps, (node(0), node(1, **LOST)))
    found = of_application(evidence(seen, worker_1=()), apps[1])
    assert found is not None
    assert found.kind == "unknown"
    tails = {"worker-1/raylet.out": ("heartbeat", "[..] (raylet) file.cc:1: write: No space left on device")}
    found = of_application(Evidence(join(seen), tails), apps[1])
    assert found is not None
    assert (found.kind, found.witnesses[-1].source) == ("disk_full", "worker-1/raylet.out")


def test_full_memory_before_a_kill_is_told_and_proves_nothing() -> None:
    full = {**LOST, "memory_used": 97, "memory_total": 100}
    found = of_worker_node(full, said("the raylet ended (killed by signal 9)"))
    assert found.kind == "killed"
    assert "its memory was 97 % full before" in found.sentence
    assert of_worker_node(full, {}).kind == "unknown"


def oom() -> Evidence:
    """What a cluster says after Ray killed a process for memory (recorded)."""
    plain = snapshot((application(0),), ())
    return evidence(
        msgspec.structs.replace(
            plain,
            actors=msgspec.structs.replace(plain.nodes, value=parse_actors(recorded("oom_actors.json"))),
            jobs=msgspec.structs.replace(plain.nodes, value=parse_jobs(recorded("oom_jobs.json"))),
            events=msgspec.structs.replace(plain.nodes, value=parse_events(recorded("oom_killed_event.json"))),
            ray_workers=msgspec.structs.replace(plain.nodes, value=parse_workers(recorded("oom_workers.json"))),
        )
    )


def test_what_ray_killed_for_memory_is_called_so_in_every_list() -> None:
    seen = oom()
    (actor,), (job,) = seen.snapshot.actors.value, seen.snapshot.jobs.value
    causes = [of_actor(seen, actor), of_job(seen, job)]
    causes += [of_worker(seen, worker) for worker in seen.snapshot.ray_workers.value if not worker.is_alive]
    assert [cause.kind for cause in causes] == ["out_of_memory"] * 3
    for cause in causes:
        assert "killed for memory (1.39GB used of 23.54GB)" in cause.whole
    assert [witness.source for witness in causes[2].witnesses] == ["Ray", "Ray's events"]
    assert [of_worker(seen, worker) for worker in seen.snapshot.ray_workers.value if worker.is_alive] == [None] * 3


def recorded_cluster() -> Evidence:
    """A cluster of three nodes of which one was cut off, with what ran on it (recorded)."""
    plain = snapshot((), ())

    def reading(rows: Any) -> Any:
        return msgspec.structs.replace(plain.nodes, value=rows)

    return evidence(
        msgspec.structs.replace(
            plain,
            platform="attached",
            nodes=reading(parse_nodes(recorded("v0_nodes.json"))),
            actors=reading(parse_actors(recorded("v0_actors_detail.json"))),
            jobs=reading(parse_jobs(recorded("failed_jobs.json"))),
            tasks=reading(parse_tasks(recorded("v0_tasks.json"))),
            serve=reading(parse_serve(recorded("failed_serve.json"))),
        )
    )


def test_actors_of_the_recorded_cluster() -> None:
    seen = recorded_cluster()
    reported = {}
    for actor in seen.snapshot.actors.value:
        cause = of_actor(seen, actor)
        assert (cause is None) == (actor.state != "DEAD")
        if cause is not None:
            reported.setdefault((actor.class_name, actor.death), cause)
    assert reported["Counter", "RAY_KILL"].kind == "planned"
    assert reported["JobSupervisor", "WORKER_DIED"].kind == "planned"
    boom = reported["Boom", "CONSTRUCTOR_FAILED"]
    assert (boom.kind, boom.sentence[-36:]) == ("exception", "Error: actor constructor failed on purpose"[-36:])
    replica = reported["ServeReplica:sick:Sick", "NODE_DIED"]
    assert [cause.kind for cause in replica.chain] == ["node_lost", "unknown"]
    assert "died because node 10.77.0.3 was lost: Ray no longer heard of it" in replica.whole


JOBS = {
    "lab-renv": ("start_failed", "could not start: Failed to start supervisor actor lab-renv: '/does/not/exist"),
    "lab-bad": ("exit_code", "failed with exit code 3; its last line: about to fail"),
    "lab-work": ("exception", "failed: ModuleNotFoundError: No module named 'ray'"),
    "lab-missing": ("not_found", "no_such_command: not found"),
    "lab-exc": ("exception", "failed: RuntimeError: boom on purpose"),
}


@pytest.mark.parametrize("identity", list(JOBS))
def test_jobs_of_the_recorded_cluster(identity: str) -> None:
    seen = recorded_cluster()
    job = next(job for job in seen.snapshot.jobs.value if job.id == identity)
    found = of_job(seen, job)
    assert found is not None
    assert found.kind == JOBS[identity][0], found
    assert JOBS[identity][1] in found.sentence


def test_tasks_of_the_recorded_cluster() -> None:
    seen = recorded_cluster()
    found = {task.name: of_task(seen, task) for task in seen.snapshot.tasks.value}
    assert found["fails"].sentence == "task fails failed: ValueError: task failed on purpose"
    assert found["Boom.__init__"].kind == "exception"
    assert found["forever"] is found["quick"] is found["Pending.__init__"] is None


def test_serve_of_the_recorded_cluster() -> None:
    seen = recorded_cluster()
    found = {row.name: of_deployment(seen, row) for row in seen.snapshot.serve.value}
    assert found["Good"] is found["Huge"] is None
    assert (found["Broken"].kind, found["Sick"].kind) == ("exception", "exception")
    assert found["Broken"].sentence.endswith("is DEPLOY_FAILED: ValueError: broken on purpose: weights file missing")
    assert found["Sick"].sentence.endswith("is UNHEALTHY: RuntimeError: sick on purpose: cannot reach model store")


def test_a_job_failed_because_its_actor_died_because_its_node_was_killed_for_memory() -> None:
    actor_id, node_id = "a1" * 16, "n1" * 8
    message = f"The actor died because its node has died. Node Id: {node_id}"
    trace = (
        "Job entrypoint command failed with exit code 1, last available logs (truncated to 20,000 chars):\n"
        "Traceback (most recent call last):\n"
        '  File "train.py", line 9, in <module>\n'
        "ray.exceptions.ActorDiedError: The actor died unexpectedly before finishing this task.\n"
        f"\tclass_name: Trainer\n\tactor_id: {actor_id}\n\tpid: 7\n{message}\n"
    )
    actors = parse_actors(
        json.dumps({"data": {"result": {"result": [{
            "actor_id": actor_id, "class_name": "Trainer", "state": "DEAD", "pid": 7,
            "death_cause": {"actor_died_error_context": {"reason": "NODE_DIED", "error_message": message}},
        }]}}}).encode()
    )  # fmt: skip
    actors = tuple(msgspec.structs.replace(actor, died_on=node_id) for actor in actors)
    failed = Job("train", "FAILED", message=trace, error_type="JOB_ENTRYPOINT_COMMAND_ERROR", driver_exit_code=1)
    apps = (application(0), application(1, "failed", message=USED_TOO_MUCH))
    seen = evidence(snapshot(apps, (node(0), node(1, **LOST)), jobs=(failed,), actors=actors))
    found = of_job(seen, failed)
    assert found is not None
    assert found.whole == (
        "job train failed because actor Trainer (a1a1a1a1) died because node worker-1 was killed for memory"
    )
    assert (found.kind, found.certain, found.root.at) == ("node_lost", True, NOW - 5)


@pytest.mark.parametrize(
    ("message", "code", "kind"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", 1, "exception"),
        ("ray.exceptions.OutOfMemoryError: Task was killed due to the node running low on memory.", 1, "out_of_memory"),
        ("ray.exceptions.RuntimeEnvSetupError: Failed to set up runtime environment.", 1, "environment"),
        ("ray.exceptions.WorkerCrashedError: The worker died unexpectedly", 1, "process_lost"),
        ("MemoryError", 1, "exception"),
        ("ValueError: one worker was killed due to the node running low on memory, says the log", 1, "exception"),
        ("ValueError: caught and passed over, long ago", 3, "exit_code"),
        ("ValueError: caught", -9, "killed"),
        ("ValueError: caught", 137, "killed"),
    ],
)
def test_a_job_is_judged_by_the_exception_that_ended_it_and_by_no_other(message: str, code: int, kind: str) -> None:
    earlier = "(raylet) 1 worker(s) were killed due to the node running low on memory.\nthe run goes on\n"
    text = (
        f'Job entrypoint command failed\n{earlier}Traceback (most recent call last):\n  File "a", line 1\n{message}\n'
    )
    failed = Job("j", "FAILED", message=text, error_type="JOB_ENTRYPOINT_COMMAND_ERROR", driver_exit_code=code)
    found = of_job(evidence(snapshot(jobs=(failed,))), failed)
    assert found is not None
    assert found.kind == kind


def test_a_runtime_environment_with_a_wrong_package_names_it() -> None:
    message = (
        "runtime_env setup failed: Failed to set up runtime environment.\nCould not create the actor because ...\n"
        "ray._private.runtime_env.utils.SubprocessCalledProcessError: Run cmd[5] failed with the following details.\n"
        "Last 50 lines of stdout:\n    ERROR: Could not find a version that satisfies the requirement no-such (none)\n"
        "    ERROR: No matching distribution found for no-such-package-xyz\n\n"
    )
    failed = Job("j", "FAILED", message=message, error_type="RUNTIME_ENV_SETUP_FAILURE")
    found = of_job(evidence(snapshot(jobs=(failed,))), failed)
    assert found is not None
    assert (found.kind, found.certain) == ("environment", True)
    assert found.sentence.endswith("ERROR: No matching distribution found for no-such-package-xyz")


def test_a_stopped_job_did_not_die() -> None:
    stopped = Job("j", "STOPPED", message="Job was intentionally stopped.")
    found = of_job(evidence(snapshot(jobs=(stopped,))), stopped)
    assert found is not None
    assert not found.is_death
    assert of_job(evidence(snapshot()), Job("j", "SUCCEEDED")) is None


BOILERPLATE = (
    "Worker unexpectedly exits with a connection error code 2. End of file. Some common causes include: (1) the process "
    "was killed by the OOM killer due to high memory usage, (2) ray stop --force was called, or (3) the worker crashed "
    "unexpectedly due to SIGSEGV or another unexpected error."
)
"""What Ray 2.60 says of every process that ended without a word (recorded from a SIGKILL)."""
ACTOR = "1ec591efd10aafbadc3bf2f703000000"
DIED = (
    "The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR Worker exit detail: "
    f"{BOILERPLATE}"
)


def traceback_of(*lines: str) -> str:
    frames = 'Traceback (most recent call last):\n  File "hog.py", line 8, in <module>\n    ray.get(h.fill.remote())'
    return "\n".join(("Job entrypoint command failed with exit code 1", frames, *lines, ""))


def killed_process() -> Evidence:
    """A process that was killed by hand, the actor in it, and the job that waited for the actor."""
    died = (
        f"ray.exceptions.ActorDiedError: The actor died unexpectedly before finishing this task.\n\tactor_id: {ACTOR}"
    )
    return evidence(
        snapshot(
            actors=(
                Actor(
                    ACTOR, "Hog", "DEAD", node_id="n0" * 8, pid=7, death="WORKER_DIED", message=DIED, job_id="03000000"
                ),
            ),
            ray_workers=(
                RayWorker(
                    "w" * 56, is_alive=False, node_id="n0" * 8, pid=7, exit_type="SYSTEM_ERROR", exit_detail=BOILERPLATE
                ),
            ),
            jobs=(Job("hog", "FAILED", message=traceback_of(died, DIED), driver_exit_code=1, job_id="03000000"),),
        )
    )


def test_what_ray_says_of_every_lost_process_is_no_sign_of_memory() -> None:
    seen = killed_process()
    (worker,), (actor,), (job,) = seen.snapshot.ray_workers.value, seen.snapshot.actors.value, seen.snapshot.jobs.value
    for cause in (of_worker(seen, worker), of_actor(seen, actor), of_job(seen, job)):
        assert cause is not None
        assert (cause.kind, cause.certain) == ("process_lost", False)
    assert of_job(seen, job).whole == (
        "job hog failed because actor Hog (1ec591ef) died because process 7 on head ended without a word: "
        "it was killed or it crashed"
    )


def test_an_actor_that_ended_with_the_driver_is_not_why_the_driver_failed_but_its_node_may_be() -> None:
    line = f"ray.exceptions.ActorUnavailableError: The actor {ACTOR} is unavailable: RPC error: Socket closed"
    noise = f"    [2026-11-24 22:15:23,246 I 24734 24756] (raylet) x.cc:37: {BOILERPLATE}"
    failed = Job("pinned", "FAILED", message=traceback_of(line, noise), driver_exit_code=1, ended_at=NOW - 12)
    owner = Actor(ACTOR, "Holder", "DEAD", node_id="n1" * 8, death="OWNER_DIED", message="its owner has died")
    apps = (
        application(0),
        application(1, "failed", ended_at=NOW - 14, **said("the raylet ended (killed by signal 9)")),
    )
    seen = evidence(snapshot(apps, (node(0), node(1, **LOST)), actors=(owner,), jobs=(failed,)))
    found = of_job(seen, failed)
    assert found is not None
    assert found.whole.startswith(
        "job pinned failed because actor Holder (1ec591ef) was lost because node worker-1 was killed by signal 9"
    )
    assert found.root.at == NOW - 14
    alone = evidence(snapshot(actors=(msgspec.structs.replace(owner, node_id="n0" * 8),), jobs=(failed,)))
    assert of_job(alone, failed).kind == "actor_lost"


def test_lines_of_rays_own_processes_are_not_the_drivers_last_words() -> None:
    noise = "    [2026-11-24 22:15:23,246 I 24734 24756] (raylet) object_store.cc:37: Object store current usage"
    failed = Job("j", "FAILED", message=f"Job entrypoint command failed\nhalf done\n{noise}\n", driver_exit_code=4)
    assert of_job(evidence(snapshot(jobs=(failed,))), failed).sentence == (
        "job j failed with exit code 4; its last line: half done"
    )


def test_of_a_watched_cluster_only_rays_words_count_and_nobody_is_told_to_restart_a_node() -> None:
    seen = recorded_cluster()
    dead = next(node for node in seen.snapshot.nodes.value if node.state == "DEAD")
    found = of_node(seen, dead)
    assert found is not None
    assert (found.kind, [witness.source for witness in found.witnesses], found.advice) == ("unknown", ["Ray"], "")


def test_without_the_actors_the_exception_itself_tells_what_became_of_the_actor() -> None:
    head = f"ray.exceptions.ActorDiedError: The actor died unexpectedly before finishing this task.\n\tclass_name: Hog\n\tactor_id: {ACTOR}\n\tpid: 7"
    node_died = f"The actor died because its node has died. Node Id: {('ab' * 28)}"
    apps = (application(0), application(1, **said("the raylet ended (killed by signal 9)")))
    nodes = (node(0), node(1, **LOST, node_id="ab" * 28))
    reported = {}
    for words in (
        DIED,
        node_died,
        "1 worker(s) were killed due to the node running low on memory. Memory was 2GB used / 3GB",
    ):
        failed = Job("j", "FAILED", message=traceback_of(head, words), driver_exit_code=1, ended_at=NOW)
        found = of_job(evidence(snapshot(apps, nodes, jobs=(failed,))), failed)
        reported[words] = (found.kind, found.certain, found.whole)
    assert reported[DIED] == (
        "process_lost",
        False,
        "job j failed because actor Hog (1ec591ef) died: its process ended without a word, killed or crashed",
    )
    assert reported[node_died][2].startswith(
        "job j failed because actor Hog (1ec591ef) died because node worker-1 was killed by signal 9"
    )
    (memory,) = [found for found in reported.values() if found[0] == "out_of_memory"]
    assert memory[1:] == (True, "job j failed because actor Hog (1ec591ef) was killed for memory (2GB used of 3GB)")


def test_an_actor_that_ended_with_a_job_that_was_done_did_not_die() -> None:
    actor = Actor(ACTOR, "Holder", "DEAD", death="OWNER_DIED", job_id="03000000", message="its owner has died")
    for status, kind in (("SUCCEEDED", "planned"), ("STOPPED", "planned"), ("FAILED", "owner_ended")):
        seen = evidence(snapshot(actors=(actor,), jobs=(Job("j", status, job_id="03000000"),)))
        assert of_actor(seen, actor).kind == kind


def test_of_a_job_that_died_of_memory_the_last_ten_lines_are_enough() -> None:
    message = (
        "Job entrypoint command failed with exit code 1, last available logs (truncated to 20,000 chars):\n"
        "Top 10 memory users: PID\tMEM(GB)\tCOMMAND\n1526\t0.05\tpython oom.py\n"
        "Refer to the documentation on how to address the out of memory issue: https://docs.ray.io/en/latest/x.html. "
        "Consider provisioning more memory on this node.\n"
    )
    failed = Job("j", "FAILED", message=message, driver_exit_code=1, job_id="02000000")
    found = of_job(evidence(snapshot(jobs=(failed,))), failed)
    assert found is not None
    assert (found.kind, found.whole) == ("out_of_memory", "job j failed: Ray killed a process of it for memory")
    eater = Actor(ACTOR, "Eater", "DEAD", job_id="02000000", death="OUT_OF_MEMORY", message="was 3GB used / 4GB limit")
    found = of_job(evidence(snapshot(jobs=(failed,), actors=(eater,))), failed)
    assert found is not None
    assert found.whole == "job j failed because actor Eater (1ec591ef) was killed for memory (3GB used of 4GB)"
