"""Recorded answers of Ray 2.60 become core values, its traps included; anything else becomes Garbage and nothing worse."""

from __future__ import annotations

import contextlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytui.core.observed.needs import Part, Pending
from raytui.core.units import rfc3339
from raytui.dashboard.activity import parse_actors, parse_events, parse_jobs, parse_log_files
from raytui.dashboard.decode import Garbage
from raytui.dashboard.payloads import parse_health, parse_node_stats, parse_nodes, parse_version, split_state_message
from raytui.dashboard.serve import parse_serve
from raytui.dashboard.usage import camel, parse_usage
from tests.fakes.dashboard import recorded

DEAD = "5558400f81a4e33690eb26686dc773da28bd6765781f78c43fefc6f5"
WORKER = "81f0f21c5646f184b46ce1fa8578dacf032ea2bcd2a5c7e03b5bb104"
HEAD = "3b424b7bc2a629bffd0f301fbd6ff0e2907699cf2be6029d1f75adc0"


def test_version() -> None:
    version = parse_version(recorded("version.json"))
    assert (version.ray_version, version.session_name) == ("2.60.0", "session_2026-11-23_16-47-46_191374_16132")


def test_nodes_keep_the_identity_of_the_dead() -> None:
    nodes = {node.node_id: node for node in parse_nodes(recorded("v0_nodes.json"))}
    dead = nodes[DEAD]
    assert (dead.state, dead.name, dead.ip) == ("DEAD", "10.77.0.3", "10.77.0.3")
    assert dead.reason == "UNEXPECTED_TERMINATION"
    assert dead.message == "health check failed due to missing too many heartbeats"
    assert (dead.started_at, dead.ended_at) == (1795452500.961, 1795452777.215)
    assert nodes[HEAD].is_head
    assert nodes[HEAD].ended_at == 0.0
    assert nodes[WORKER].labels["rack"] == "r1"
    assert nodes[WORKER].resources["object_store_memory"] == 1e8


def test_nodes_begin_with_the_head() -> None:
    assert [node.is_head for node in parse_nodes(recorded("v0_nodes.json"))] == [True, False, False]


@pytest.mark.parametrize(
    ("reported", "reason", "message"),
    [
        (
            "Terminated due to preemption: Node received SIGTERM; draining before shutdown.",
            "AUTOSCALER_DRAIN_PREEMPTED",
            "Node received SIGTERM; draining before shutdown.",
        ),
        ("Expected termination: received SIGTERM", "EXPECTED_TERMINATION", "received SIGTERM"),
        (
            "Terminated due to idle (no Ray activity)",
            "AUTOSCALER_DRAIN_IDLE",
            "Terminated due to idle (no Ray activity)",
        ),
        ("something new: with a colon", "", "something new: with a colon"),
        ("", "", ""),
    ],
)
def test_reason_of_a_death(reported: str, reason: str, message: str) -> None:
    assert split_state_message(reported) == (reason, message)


def test_stats_of_living_nodes() -> None:
    stats = parse_node_stats(recorded("nodes_summary.json"))
    head = stats[HEAD]
    assert head.cpu_percent == 98.7
    assert (head.memory_total, head.memory_used) == (25276514304, 2865827840)
    assert (head.object_store_used, head.object_store_total) == (6103863, 200000000)
    assert head.disk_total == 270553174016
    assert head.sampled_at == 1795452792.556017
    gpus = stats[WORKER].gpus
    assert [(gpu.name, gpu.utilization, gpu.memory_used, gpu.memory_total) for gpu in gpus] == [
        ("NVIDIA A10G", 37.0, 2048 * 2**20, 23028 * 2**20),
        ("NVIDIA A10G", None, 0, 23028 * 2**20),
    ]


def test_stats_of_the_dead_are_frozen_and_dropped() -> None:
    dead = parse_node_stats(recorded("nodes_summary.json"))[DEAD]
    assert (dead.state, dead.reason) == ("DEAD", "UNEXPECTED_TERMINATION")
    assert (dead.cpu_percent, dead.memory_used, dead.object_store_used, dead.disk_used, dead.sampled_at) == (
        None,
        None,
        None,
        None,
        0.0,
    )


def test_stats_after_the_purge_and_in_a_pod() -> None:
    purged = {"raylet": {"nodeId": "a", "deathInfo": {"reason": "EXPECTED_TERMINATION"}, "stateMessage": "x"}}
    pod = {
        "raylet": {"nodeId": "b", "state": "ALIVE", "startTimeMs": "17"},
        "now": 5.0,
        "disk": {"/": {"total": 1, "used": 0}},
        "mem": [1],
    }
    stats = parse_node_stats(msgspec.json.encode({"data": {"summary": [purged, pod, {"raylet": None}, {}]}}))
    assert set(stats) == {"a", "b"}
    assert stats["a"].state == "UNKNOWN"
    assert (stats["b"].disk_total, stats["b"].memory_total, stats["b"].sampled_at) == (None, None, 5.0)


@pytest.mark.parametrize(
    ("used", "available", "reported"), [(0, 0, (None, None)), (None, None, (None, None)), (0, 80, (0, 80))]
)
def test_object_store_before_the_raylet_has_reported(used, available, reported) -> None:
    raylet = {"nodeId": "a", "state": "ALIVE", "objectStoreUsedMemory": used, "objectStoreAvailableMemory": available}
    stats = parse_node_stats(msgspec.json.encode({"data": {"summary": [{"raylet": raylet, "now": 5.0}]}}))
    assert (stats["a"].object_store_used, stats["a"].object_store_total) == reported


def test_usage_has_true_names_and_no_group_resources() -> None:
    usage = parse_usage(recorded("cluster_status.json"))
    assert set(usage.resources) == {"CPU", "memory", "object_store_memory"}
    assert usage.resources["CPU"].total == 6.0
    assert usage.resources["CPU"].used == pytest.approx(1.2)
    assert usage.resources["object_store_memory"].used == 6103863.0
    assert usage.pending == (
        "1 task or actor needing CPU 500",
        "1 task or actor needing CPU 100",
        "1 placement group (PACK) needing CPU 64",
    )


def test_demand_says_what_each_of_its_parts_needs_of_one_node() -> None:
    bundles = [[{"CPU": 2, "my_res": 1}, 3]]
    groups = [[{"bundles": bundles, "strategy": strategy}, 1] for strategy in ("SPREAD", "STRICT_PACK")]
    report = {"resourceDemand": [[{"CPU": 8, "GPU": 1}, 2]], "pgDemand": groups}
    usage = parse_usage(msgspec.json.encode({"data": {"clusterStatus": {"loadMetricsReport": report}}}))
    bundle = Part({"CPU": 2, "my_res": 1}, count=3)
    assert usage.demands == (
        Pending((Part({"CPU": 8, "GPU": 1}),), count=2),
        Pending((bundle,), "SPREAD"),
        Pending((bundle,), "STRICT_PACK"),
    )
    assert len(usage.demands) == len(usage.pending)


def test_usage_tells_what_each_node_has_and_uses() -> None:
    usage = parse_usage(recorded("cluster_status.json"))
    head = usage.per_node["3b424b7bc2a629bffd0f301fbd6ff0e2907699cf2be6029d1f75adc0"]
    assert (len(usage.per_node), head["CPU"].total, head["object_store_memory"].used) == (2, 4.0, 5992994.0)
    assert head["CPU"].used == pytest.approx(0.8)
    assert (usage.written_at, usage.may_grow) == (1795452792.7736876, False)


@pytest.mark.parametrize(
    ("autoscaler", "grows"),
    [
        (None, False),
        ({}, False),
        ({"nodeTypeMapping": {"ab": "node_ab"}}, False),
        ({"nodeTypeMapping": {"10.0.0.1": "gpu-worker"}}, True),
        ({"nodeTypeMapping": [1]}, False),
    ],
)
def test_an_autoscaler_with_node_types_of_its_own_may_bring_others(autoscaler: object, grows: bool) -> None:
    status = {"loadMetricsReport": {"usage": {"CPU": [0, 1]}}, "autoscalerReport": autoscaler, "time": "soon"}
    usage = parse_usage(msgspec.json.encode({"data": {"clusterStatus": status}}))
    assert (usage.may_grow, usage.per_node, usage.written_at) == (grows, {}, 0.0)


def test_usage_gives_a_custom_resource_its_name_back() -> None:
    assert camel("my_res") == "myRes"
    assert camel("node:__internal_head__") == "node:InternalHead"
    report = {"usage": {"myRes": [1, 4], "GPU": [0, 2]}, "nodeTypes": [[{"my_res": 4, "GPU": 2}, 1]]}
    usage = parse_usage(msgspec.json.encode({"data": {"clusterStatus": {"loadMetricsReport": report}}}))
    assert set(usage.resources) == {"my_res", "GPU"}


@pytest.mark.parametrize("status", [None, {}, {"loadMetricsReport": None}])
def test_usage_before_the_monitor_has_written(status: object) -> None:
    usage = parse_usage(msgspec.json.encode({"data": {"autoscalingStatus": None, "clusterStatus": status}}))
    assert usage.resources == {}
    assert usage.pending == ()


def test_jobs_newest_first() -> None:
    jobs = parse_jobs(recorded("jobs.json"))
    assert jobs[0].id == "lab-work2"
    assert jobs[0].status == "RUNNING"
    assert jobs[0].ended_at == 0.0
    bad = next(job for job in jobs if job.id == "lab-bad")
    assert (bad.status, bad.error_type, bad.driver_exit_code) == ("FAILED", "JOB_ENTRYPOINT_COMMAND_ERROR", 3)
    assert bad.started_at == 1795452529.794
    assert bad.metadata == {"owner": "lab"}
    assert [job.started_at for job in jobs] == sorted((job.started_at for job in jobs), reverse=True)


def test_jobs_without_start_or_submission() -> None:
    rows = [
        {"job_id": "01000000", "type": "DRIVER", "status": "RUNNING", "start_time": 5000},
        {"submission_id": "new", "status": "PENDING"},
    ]
    jobs = parse_jobs(msgspec.json.encode(rows))
    assert [job.id for job in jobs] == ["new", "01000000"]


def test_actors_and_their_number() -> None:
    actors = parse_actors(recorded("v0_actors.json"))
    assert actors.total == 53
    assert {actor.state for actor in actors} >= {"ALIVE", "DEAD"}
    pending = next((actor for actor in actors if actor.state == "PENDING_CREATION"), None)
    assert pending is None or pending.node_id == ""


def test_serve_messages_lose_their_colours() -> None:
    rows = parse_serve(recorded("serve_applications.json"))
    sick = next(row for row in rows if row.application == "sick")
    assert (sick.name, sick.status, sick.application_status) == ("Sick", "UNHEALTHY", "UNHEALTHY")
    assert sick.message.startswith("The deployment failed to start 27 times in a row.")
    assert "\x1b" not in sick.message
    good = next(row for row in rows if row.application == "good")
    assert (good.replicas, good.route, good.status) == (2, "/good", "HEALTHY")


def test_serve_absent_and_failed_before_any_deployment() -> None:
    assert parse_serve(b'{"controller_info": {}, "proxies": {}, "applications": {}, "target_capacity": null}') == ()
    failed = {
        "applications": {"x": {"status": "DEPLOY_FAILED", "message": "\x1b[31mno module\x1b[0m", "deployments": {}}}
    }
    (row,) = parse_serve(msgspec.json.encode(failed))
    assert (row.application, row.status, row.message) == ("x", "DEPLOY_FAILED", "no module")


def test_events_read_both_kinds_of_time_and_drop_repeats() -> None:
    events = parse_events(recorded("events.json"))
    assert [event.at for event in events] == sorted(event.at for event in events)
    removed = next(event for event in events if event.label == "RAY_NODE_REMOVED")
    assert (removed.at, removed.node_id, removed.source) == (1795452777.0, DEAD, "GCS")
    asked = [event for event in events if "'CPU': 500.0" in event.message]
    assert len(asked) == 1
    assert asked[0].at == 1795452556.0


def test_full_disk_is_told_once_but_every_kill_for_memory() -> None:
    events = parse_events(recorded("oom_events.json"))
    assert sum(event.label == "Out of Disk" for event in events) == 1
    kill = {"label": "Out of Memory", "sourceType": "RAYLET", "severity": "ERROR"}
    rows = [{**kill, "timestamp": 10 + n, "message": f"1 worker(s) were killed, {n} GB used"} for n in range(3)]
    disk = {"label": "Out of Disk", "sourceType": "RAYLET", "severity": "ERROR"}
    rows += [{**disk, "timestamp": str(t), "message": f"over 95% full, {t} GB"} for t in (10, 20, 3000)]
    found = parse_events(msgspec.json.encode({"data": {"events": {"global": rows}}}))
    assert sum(event.label == "Out of Memory" for event in found) == 3
    assert [event.at for event in found if event.label == "Out of Disk"] == [10.0, 3000.0]


def test_log_files_and_folders() -> None:
    names = parse_log_files(recorded("logs_list.json"))
    assert {"raylet.out", "gcs_server.out", "job-driver-lab-ok.log"} <= set(names) | {"job-driver-lab-ok.log"}
    assert "jobs/" in names
    assert list(names) == sorted(names)


def test_health_is_one_word() -> None:
    assert parse_health(b"success") is True
    with pytest.raises(Garbage, match="instead of 'success'"):
        parse_health(b"welcome")


def changed(name, *path, to):
    """A recorded answer in which one field is another."""
    tree = json.loads(recorded(name))
    node = tree
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = to
    return json.dumps(tree).encode()


ROWS = ("data", "result", "result")


@pytest.mark.parametrize(
    ("parse", "name", "path", "odd"),
    [
        (parse_jobs, "jobs.json", (0, "start_time"), "soon"),
        (parse_jobs, "jobs.json", (0,), "no row at all"),
        (parse_actors, "v0_actors.json", (*ROWS, 0, "pid"), "many"),
        (parse_actors, "v0_actors.json", (*ROWS, 0, "actor_id"), None),
        (parse_events, "events.json", ("data", "events", "global", 0, "message"), ["not", "text"]),
        (parse_serve, "serve_applications.json", ("applications", "sick", "deployments", "Sick", "replicas"), "two"),
        (parse_serve, "serve_applications.json", ("applications", "sick"), 7),
    ],
)
def test_one_odd_field_costs_one_row_and_is_counted(parse, name, path, odd) -> None:
    whole, found = parse(recorded(name)), parse(changed(name, *path, to=odd))
    assert (found.unreadable, whole.unreadable) == (1, 0)
    assert len(found) >= len(whole) - 1
    assert found.total == whole.total
    assert found.first_unreadable


def test_a_node_with_an_odd_field_is_kept_by_its_identity() -> None:
    found = parse_nodes(changed("v0_nodes.json", *ROWS, 0, "labels", to="none"))
    odd = json.loads(recorded("v0_nodes.json"))["data"]["result"]["result"][0]
    kept = next(node for node in found if node.node_id == odd["node_id"])
    assert (len(found), found.total, found.unreadable) == (3, 3, 1)
    assert (kept.name, kept.state, kept.labels) == (odd["node_name"], odd["state"], {})
    assert "labels" in found.first_unreadable


def test_a_size_that_is_null_is_unknown_and_everything_else_is_read() -> None:
    rows = json.loads(recorded("nodes_summary.json"))["data"]["summary"]
    for row in rows:
        row["disk"] = {"/": {"total": None, "used": None}}
    found = parse_node_stats(json.dumps({"data": {"summary": rows}}).encode())
    assert (found.unreadable, found[HEAD].disk_total, found[HEAD].cpu_percent) == (0, None, 98.7)


def test_figures_that_cannot_be_read_are_counted_beside_those_that_can() -> None:
    rows = json.loads(recorded("nodes_summary.json"))["data"]["summary"]
    next(row for row in rows if row["raylet"]["nodeId"] == WORKER)["cpu"] = "busy"
    found = parse_node_stats(json.dumps({"data": {"summary": rows}}).encode())
    assert (set(found), found.unreadable) == ({HEAD, DEAD}, 1)


def test_what_python_writes_and_json_forbids_is_read() -> None:
    rows = json.loads(recorded("nodes_summary.json"))["data"]["summary"]
    next(row for row in rows if row["raylet"]["nodeId"] == HEAD)["cpu"] = float("nan")
    found = parse_node_stats(json.dumps({"data": {"summary": rows}}).encode())
    assert (len(found), found.unreadable, found[HEAD].cpu_percent, found[WORKER].cpu_percent is None) == (
        3,
        0,
        None,
        False,
    )


@pytest.mark.parametrize("odd", ["\ud800", "a\udfffb", "\udc00\ud800"])
def test_half_a_character_becomes_a_mark_and_loses_no_row(odd) -> None:
    rows = [{"submission_id": "a", "entrypoint": odd, "metadata": {odd: odd}}, {"submission_id": "b"}]
    jobs = parse_jobs(json.dumps(rows).encode())
    assert ([job.id for job in jobs], jobs.unreadable) == (["b", "a"], 0)
    assert "\ufffd" in jobs[1].entrypoint
    assert msgspec.json.encode(jobs)


@pytest.mark.parametrize(
    ("part", "odd"),
    [("usage", {"CPU": ["all", 4]}), ("resourceDemand", [[{"CPU": "many"}, 1]]), ("pgDemand", [7]), ("nodeTypes", "x")],
)
def test_one_odd_entry_of_the_usage_leaves_the_others(part, odd) -> None:
    report = {"usage": {"GPU": [1, 4]}, "resourceDemand": [[{"CPU": 2}, 1]], "pgDemand": [], "nodeTypes": []}
    report[part] = (
        {**report[part], **odd} if isinstance(odd, dict) else [*report[part], *odd] if isinstance(odd, list) else odd
    )
    usage = parse_usage(json.dumps({"data": {"clusterStatus": {"loadMetricsReport": report}}}).encode())
    assert (usage.unreadable, usage.resources["GPU"].total) == (1, 4.0)
    assert usage.pending == ("1 task or actor needing CPU 2",)


def test_names_of_logs_that_are_no_text_are_left_out() -> None:
    assert parse_log_files(b'{"data": {"result": {"raylet": ["raylet.out", 7, null]}}}') == ("raylet.out",)


@pytest.mark.parametrize("parse", [parse_jobs, parse_actors, parse_nodes, parse_events, parse_node_stats])
def test_an_answer_of_which_no_row_can_be_read_is_garbage(parse) -> None:
    rows = [{"node_id": 1, "actor_id": [], "status": 3, "message": 4, "cpu": "x"}]
    tree = (
        rows
        if parse is parse_jobs
        else {"data": {"result": {"result": rows}, "events": {"global": rows}, "summary": rows}}
    )
    with pytest.raises(Garbage, match=r"."):
        parse(json.dumps(tree).encode())


def test_a_list_says_how_many_there_are_beyond_those_it_was_sent() -> None:
    row = {"actor_id": "a", "state": "ALIVE"}
    body = {
        "data": {
            "result": {"total": 53_572, "num_after_truncation": 10_000, "num_filtered": 10_000, "result": [row] * 3}
        }
    }
    assert parse_actors(json.dumps(body).encode()).total == 53_572


PARSERS = [
    parse_version,
    parse_nodes,
    parse_node_stats,
    parse_usage,
    parse_jobs,
    parse_actors,
    parse_serve,
    parse_events,
    parse_log_files,
]
BODIES = [
    "version",
    "v0_nodes",
    "nodes_summary",
    "cluster_status",
    "jobs",
    "v0_actors",
    "serve_applications",
    "events",
    "logs_list",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize(
    "body", [b"", b"null", b"[1]", b"{}", b"\xff\xfe", b'{"data": null}', b"[" * 100_000, b'{"result": {"a": [']
)
def test_rubbish_is_garbage(parse, body) -> None:
    with pytest.raises(Garbage, match=r"."):
        parse(body)


@given(st.data())
def test_any_bytes_are_a_value_or_garbage(data) -> None:
    parse = data.draw(st.sampled_from(PARSERS))
    body = data.draw(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
    with contextlib.suppress(Garbage):
        parse(body)


@given(st.data())
def test_a_damaged_answer_is_a_value_or_garbage(data) -> None:
    index = data.draw(st.integers(0, len(BODIES) - 1))
    tree = msgspec.json.decode(recorded(f"{BODIES[index]}.json"))
    node, path = tree, []
    for _ in range(data.draw(st.integers(1, 6))):
        if not isinstance(node, (dict, list)) or not node:
            break
        path.append((node, data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))))
        node = path[-1][0][path[-1][1]]
    parent, key = path[-1]
    parent[key] = data.draw(
        st.none()
        | st.booleans()
        | st.integers(-(2**70), 2**63)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=5)
        | st.just([])
        | st.just({})
    )
    try:
        found = PARSERS[index](msgspec.json.encode(tree))
    except Garbage:
        return
    for event in found if isinstance(found, tuple) else ():
        for moment in ("at", "started_at", "ended_at"):
            if hasattr(event, moment):
                rfc3339(getattr(event, moment))
