"""A cluster as Ray 2.60 told of it in tests/data/ray: three nodes, one of which dies, and the work on them.

Identities, times, jobs, actors, tasks, Serve applications, events and log lines are recorded; the words of a killed
raylet come from another node and are moved to the death of this one. The applications, and how CPU and memory of the
nodes differ, are added, since the recorded nodes shared one machine outside of a workbench.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from raytui.core.observed.snapshot import Application, LauncherReport, Node, RayVersion, Reading, Snapshot, Usage
from raytui.core.spec import ClusterSpec, HeadSpec, WorkersSpec, head_name, worker_name
from raytui.dashboard.activity import parse_actors, parse_events, parse_jobs
from raytui.dashboard.payloads import parse_node_stats, parse_nodes, parse_version
from raytui.dashboard.serve import parse_serve
from raytui.dashboard.usage import parse_usage
from raytui.dashboard.workload import parse_placement_groups, parse_tasks
from tests.fakes.dashboard import recorded
from tests.tui.fakes import FakeSettings

CLUSTER = "ray-cluster"
SPEC = ClusterSpec(name=CLUSTER, head=HeadSpec(cpu=4, memory=24), workers=WorkersSpec(count=2, cpu=2, memory=24))
DIED = 1_795_452_777.0
"""When Ray removed the node at 10.77.0.3."""
BEFORE, AFTER, AGAIN = DIED - 30, DIED + 6, DIED + 40
"""A moment before it, one when it was seen, and one when another node has taken its place."""
_JOINED = AGAIN - 4
_NEW_ID = "76a89917f3e6871bd9c483e4280c5bb557737a1ee87ad17626140a27"
"""Id of a node that joined in the recorded log of a raylet."""
KILLED = "the raylet ended (killed by signal 9)"
"""What the launcher of a node says whose raylet was ended by SIGKILL."""
DATA = Path(__file__).parents[2] / "unit" / "launchers" / "recorded"
_STAMP = re.compile(r"2026-11-24 \d\d:\d\d:\d\d")
_LATER = datetime.fromisoformat("2026-11-23 16:52:57") - datetime.fromisoformat("2026-11-24 09:17:14")
_PLACES = {"10.77.0.1": 0, "10.77.0.2": 1, "10.77.0.3": 2}
_MEASURED = {0: (38.1, 5.2e9), 1: (21.4, 4.1e9), 2: (64.0, 9.7e9)}
"""CPU in percent and bytes of memory: all recorded nodes shared one machine and reported the same figures."""


def settings(profile: str = "prod", name: str = CLUSTER) -> FakeSettings:
    """Of a profile for a cluster on Cloudera AI."""
    return FakeSettings(profile_name=profile, platform="cai", cluster=msgspec.structs.replace(SPEC, name=name))


def applications(at: float, *, failed: bool = False, cluster: str = CLUSTER) -> tuple[Application, ...]:
    """The head and two workers; `failed` when the raylet of the second was killed."""
    return tuple(_application(node, at, failed=failed, cluster=cluster) for node in _named(cluster))


def _application(node: Node, at: float, *, failed: bool, cluster: str) -> Application:
    index = _PLACES[node.ip]
    ended = failed and index == 2
    joined = _JOINED if index == 2 and at >= AGAIN else node.started_at
    return Application(
        f"app-{index}",
        node.name,
        cluster,
        "worker" if index else "head",
        index,
        "failed" if ended else "running",
        raw_state="APPLICATION_FAILED" if ended else "APPLICATION_RUNNING",
        created_at=node.started_at - 20,
        started_at=joined - 5,
        ended_at=DIED if ended else 0.0,
        ray_port=6379,
        dashboard_port=8265,
        cpu=2.0 if index else 4.0,
        memory=24.0,
        spec_json=msgspec.json.encode(msgspec.structs.replace(SPEC, name=cluster)).decode(),
        message=KILLED if ended else "",
        launcher=LauncherReport(
            state="failed" if ended else "alive",
            message=KILLED if ended else "",
            node_id=_NEW_ID if joined == _JOINED else node.node_id,
            ray_version="2.60.0",
            ip=node.ip,
            at=DIED if ended else at - 2,
            of_this_run=True,
        ),
    )


def _named(cluster: str) -> list[Node]:
    nodes = sorted(parse_nodes(recorded("v0_nodes.json")), key=lambda node: _PLACES[node.ip])
    names = [head_name(cluster), worker_name(cluster, 1), worker_name(cluster, 2)]
    return [msgspec.structs.replace(node, name=name) for node, name in zip(nodes, names, strict=True)]


def nodes(at: float, *, dead: bool = False, cluster: str = CLUSTER, load: float = 0.0) -> tuple[Node, ...]:
    """The nodes with their figures; `load` is added to the recorded use of CPU."""
    figures = next(iter(parse_node_stats(recorded("nodes_summary.json")).values()))
    known = _named(cluster)
    gone = () if at < AGAIN else (known.pop(),)
    if gone:
        known.append(msgspec.structs.replace(gone[0], node_id=_NEW_ID, started_at=_JOINED))
    return (*(_node(node, figures, at, dead=dead, load=load) for node in known), *gone)


def _node(node: Node, figures: Node, at: float, *, dead: bool, load: float) -> Node:
    index = _PLACES[node.ip]
    if index == 2 and dead:
        return node
    percent, used = _MEASURED[index]
    return msgspec.structs.replace(
        node,
        state="ALIVE",
        reason="",
        message="",
        ended_at=0.0,
        cpu_percent=min(100.0, percent + load * (index + 1)),
        memory_used=int(used),
        memory_total=figures.memory_total,
        object_store_used=figures.object_store_used,
        object_store_total=figures.object_store_total,
        disk_used=figures.disk_used,
        disk_total=figures.disk_total,
        sampled_at=at - 1,
    )


def whole(
    at: float, *, dead: bool = False, failing: bool = True, load: float = 0.0, cluster: str = CLUSTER
) -> Snapshot:
    """All that the recorded answers tell; without `failing`, only the work of them that went well."""
    jobs = parse_jobs(recorded("jobs.json"))
    actors = parse_actors(recorded("v0_actors.json"))
    serve = parse_serve(recorded("serve_applications.json"))
    usage = parse_usage(recorded("cluster_status.json"))
    tasks = parse_tasks(recorded("v0_tasks.json"))
    groups = parse_placement_groups(recorded("v0_placement_groups.json"))
    if not failing:
        jobs = _only(jobs, "status", {"RUNNING", "SUCCEEDED"})
        actors, serve = _only(actors, "state", {"ALIVE"}), _only(serve, "status", {"HEALTHY"})
        tasks, groups = _only(tasks, "state", {"RUNNING", "FINISHED"}), _only(groups, "state", {"CREATED"})
        usage = Usage(usage.resources, per_node=usage.per_node, written_at=at - 3)

    def read(value: Any) -> Reading[Any]:
        return Reading(value, at=at, total=len(value) if isinstance(value, tuple) else None)

    events = tuple(event for event in parse_events(recorded("events.json")) if event.at <= at)
    return Snapshot(
        cluster,
        "prod",
        "cai",
        at,
        read(applications(at, failed=dead, cluster=cluster)),
        dashboard_url="http://10.77.0.1:8265",
        version=Reading(RayVersion("2.60.0", parse_version(recorded("version.json")).session_name), at=at),
        gcs=Reading(value=True, at=at),
        nodes=read(nodes(at, dead=dead, cluster=cluster, load=load)),
        usage=Reading(msgspec.structs.replace(usage, written_at=at - 3), at=at),
        jobs=read(tuple(job for job in jobs if job.started_at <= at)),
        actors=read(tuple(actors)),
        serve=read(tuple(serve)),
        events=read(events if failing else _only(events, "source", {"JOBS", "GCS"})[-2:]),
        tasks=read(tuple(tasks)),
        placement_groups=read(tuple(groups)),
        figures=Reading(value=True, at=at),
    )


def _only(rows: Collection[Any], field: str, values: Collection[str]) -> tuple[Any, ...]:
    return tuple(row for row in rows if getattr(row, field) in values)


def absent(cluster: str) -> Snapshot:
    """A cluster that does not run."""
    return Snapshot(cluster, cluster, "cai", AFTER, Reading((), at=AFTER))


def raylet_log() -> list[str]:
    """The recorded end of the log of the raylet at 10.77.0.2, from its first line with a time."""
    lines = recorded("logs_file.txt").decode().splitlines()
    return [line for line in lines if line.startswith("[2")]


def job_log() -> list[str]:
    """The recorded log of job lab-exc, as its message ends with it."""
    job = next(job for job in parse_jobs(recorded("jobs.json")) if job.id == "lab-exc")
    return job.message.partition("chars):\n")[2].splitlines()


def launcher_log(index: int, *, ended: bool = False, again: bool = False) -> list[str]:
    """What the launcher of a node writes; with `ended`, what `ray start` said when its raylet was killed.

    `again` is the begin of another run of it.
    """
    name = worker_name(CLUSTER, index) if index else head_name(CLUSTER)
    began = "16:53:28.020Z" if again else f"16:48:1{5 + index}.147Z"
    lines = [f"2026-11-23T{began} raytui: {name}: joining: GCS answers at 10.77.0.1:6379"]
    if ended:
        words = (DATA / "raylet_killed.txt").read_text().splitlines()
        lines += _STAMP.sub(_at_the_death, "\n".join(line.rstrip() for line in words if line)).splitlines()
        lines.append(f"2026-11-23T16:52:57.402Z raytui: {name}: failed: {KILLED}")
    return lines


def _at_the_death(found: re.Match[str]) -> str:
    """A recorded time, moved to the death of this node."""
    return (datetime.fromisoformat(found[0]) + _LATER).isoformat(" ")
