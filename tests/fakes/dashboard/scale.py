"""A dashboard of thousands of nodes and actors: Ray's endpoints, limits and sizes, every byte made before it is asked for.

Deterministic by its seed, and `live` moves its times to the present. The rows are Ray's own recorded ones under other names, so that they weigh what Ray's weigh
(10 KB for the figures of a node, 484 bytes for its identity); `change` is the part of the nodes and actors that are
different after each answer with figures.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from typing import Any

from tests.fakes.dashboard import FakeDashboard, recorded

DEFAULT_LIMIT, LARGEST_LIMIT = 100, 10_000
STARTED_MS = 1_795_452_488_855
RECORDED_LAST = 1_795_453_000
"""Seconds at which the last of the recorded failures had happened."""
OOM_LATER_S = 917
"""The want of memory was recorded this much after the rest, and is played as if it had happened with it."""
RECORDED_AT = b"1795452792.556017"
"""When the recorded figures were measured, as it stands in each row of them."""
STATES = ("ALIVE", "ALIVE", "ALIVE", "ALIVE", "RESTARTING", "PENDING_CREATION", "DEAD")
CLASSES = ("RolloutWorker", "ReplayBuffer", "ServeReplica:chat:Model", "Trainer", "_MapWorker")


class BigDashboard(FakeDashboard):
    """The dashboard of a cluster of any size; `advance` is the next moment of its life."""

    def __init__(
        self,
        nodes: int = 1,
        actors: int = 0,
        jobs: int = 0,
        *,
        cluster: str = "ray-cluster",
        change: float = 0.0,
        seed: int = 0,
        row_bytes: int = 10_000,
        tasks: int = 0,
        groups: int = 0,
        workers: int = 0,
        live: bool = False,
        dead: int = 0,
        failing: bool = False,
        calm: bool = False,
    ) -> None:
        """`dead` is how many of the last workers were killed, and `failing` plays the recorded failures on these nodes.

        Those are jobs that failed, one of them for want of memory, a task that can never run, Serve deployments that
        fail, actors that restart and a placement group that waits.
        """
        super().__init__()
        self._dead = range(nodes - dead, nodes)
        self._live = live
        self._began_ms = round(1000 * (time.time() - 3600 - 60 * jobs)) if live else STARTED_MS
        self._random = random.Random(seed)
        self._change = change
        self._row_bytes = row_bytes
        self.node_ids = [f"{self._random.getrandbits(224):056x}" for _ in range(nodes)]
        self.names = [f"{cluster}-head" if n == 0 else f"{cluster}-worker-{n}" for n in range(nodes)]
        self._rows = {
            "/api/v0/nodes": [self._node(n) for n in range(nodes)],
            "/nodes": [self._figures(n) for n in range(nodes)],
            "/api/v0/actors": [self._actor(n) for n in range(actors)],
            "/api/jobs/": [self._job(n) for n in range(jobs)],
        }
        self._made: dict[tuple[str, int], bytes] = {}
        usage = self._usage(nodes, calm=calm)
        self.bodies["/api/cluster_status"] = self._here_and_now(usage) if failing else usage
        more = {
            "/api/v0/tasks": (tasks, self._task),
            "/api/v0/placement_groups": (groups, self._group),
            "/api/v0/workers": (workers, self._worker),
        }
        # Those that nobody asked for are the recorded ones.
        self._rows |= {path: [make(n) for n in range(count)] for path, (count, make) in more.items() if count}
        if not jobs:
            del self._rows["/api/jobs/"]
        if failing:
            self._play_failures()
        for path, limit in (
            ("/api/v0/nodes", LARGEST_LIMIT),
            ("/nodes", 0),
            ("/api/v0/actors", 1000),
            ("/api/v0/actors", LARGEST_LIMIT),
        ):
            self._whole(path, limit)

    def _play_failures(self) -> None:
        """Lay the recorded failures on the nodes of this cluster, and a few minutes back when it lives."""
        events = json.loads(recorded("events.json"))
        for job, reported in json.loads(_want_of_memory("oom_events.json"))["data"]["events"].items():
            events["data"]["events"].setdefault(f"oom-{job}", []).extend(reported)
        bodies = {
            "/events": json.dumps(events).encode(),
            "/api/jobs/": json.dumps(
                json.loads(_want_of_memory("oom_jobs.json")) + json.loads(recorded("jobs.json"))
            ).encode(),
        }
        bodies["/api/v0/workers"] = _want_of_memory("oom_workers.json")
        for path, name in (
            ("/api/v0/tasks", "v0_tasks.json"),
            ("/api/v0/placement_groups", "v0_placement_groups.json"),
            ("/api/serve/applications/", "failed_serve.json"),
        ):
            bodies[path] = recorded(name)
        if not self._rows["/api/v0/actors"]:
            bodies["/api/v0/actors"] = recorded("v0_actors.json")
        for path, body in bodies.items():
            self.bodies[path] = self._here_and_now(body)

    def _here_and_now(self, body: bytes) -> bytes:
        """A recorded answer about these nodes, moved to a few minutes ago."""
        places: dict[bytes, bytes] = {}

        def node(found: re.Match[bytes]) -> bytes:
            return places.setdefault(found[0], self.node_ids[-1 - len(places) % len(self.node_ids)].encode())

        body = re.sub(rb"\b[0-9a-f]{56}\b", node, body)
        later = time.time() - RECORDED_LAST - 120 if self._live else 0.0
        return _moved(body, later)

    def advance(self) -> None:
        """The next moment: `change` of the nodes have other figures, `change` of the actors another state."""
        for path, make in (("/nodes", self._figures), ("/api/v0/actors", self._actor)):
            rows = self._rows[path]
            for n in self._random.sample(range(len(rows)), round(self._change * len(rows))):
                rows[n] = make(n)
            for known in [known for known in self._made if known[0] == path]:
                del self._made[known]
                self._whole(*known)

    def _status(self, path: str, query: dict[str, list[str]]) -> tuple[int, bytes] | None:
        if path.startswith("/api/v0/") and "limit" in query:
            reported = query["limit"][0]
            if not reported.isdecimal():
                return 400, _refusal(f"invalid literal for int() with base 10: {reported!r}")
            if int(reported) > LARGEST_LIMIT:
                return 400, _refusal(
                    f"Given limit {reported} exceeds the supported limit {LARGEST_LIMIT}. Use a lower limit."
                )
        return super()._status(path, query)

    def _body(self, path: str, query: dict[str, list[str]]) -> bytes | None:
        if path not in self._rows or path in self.bodies:
            return super()._body(path, query)
        limited = path.startswith("/api/v0/")
        body = self._whole(path, int(query.get("limit", [str(DEFAULT_LIMIT)])[0]) if limited else 0)
        if path == "/nodes" and self._change:
            asyncio.get_running_loop().call_later(0.01, self.advance)
        # Ray measures every node anew: figures with an old time would look like those of a node that hangs.
        return body.replace(RECORDED_AT, b"%f" % time.time()) if path == "/nodes" and self._live else body

    def _whole(self, path: str, limit: int) -> bytes:
        """One answer, made once for each moment."""
        known = self._made.get((path, limit))
        if known is None:
            rows = self._rows[path]
            known = self._made[path, limit] = _envelope(path, rows[:limit] if limit else rows, len(rows))
        return known

    def _node(self, n: int) -> bytes:
        row = json.loads(recorded("v0_nodes.json"))["data"]["result"]["result"][0]
        ip = f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"
        row |= {"node_id": self.node_ids[n], "node_name": self.names[n], "node_ip": ip, "is_head_node": n == 0}
        if n in self._dead:
            row |= {
                "state": "DEAD",
                "state_message": "Unexpected termination: health check failed due to missing too many heartbeats",
                "end_time_ms": self._began_ms + 3_480_000,
            }
        row |= {"start_time_ms": self._began_ms + n, "labels": {"ray.io/node-id": self.node_ids[n]}}
        row["resources_total"] = {
            f"node:{ip}": 1.0,
            "CPU": 4.0,
            "memory": 23057694208.0,
            "object_store_memory": 200000000.0,
        }
        return json.dumps(row).encode()

    def _figures(self, n: int) -> bytes:
        row = json.loads(recorded("nodes_summary.json"))["data"]["summary"][0]
        if n:
            row.pop("gcs")
        cpu, used = self._random.randrange(1000) / 10, self._random.randrange(1, 24) * 10**9
        row |= {
            "cpu": cpu,
            "mem": [25276514304, 25276514304 - used, round(used / 252765143, 1), used],
            "hostname": self.names[n],
        }
        row["raylet"] |= {
            "nodeId": self.node_ids[n],
            "nodeName": self.names[n],
            "isHeadNode": n == 0,
            "startTimeMs": str(self._began_ms + n),
        }
        if n in self._dead:
            # Ray blanks what it knew of it.
            row["raylet"] |= {"state": "DEAD", "nodeName": "", "isHeadNode": False, "labels": {}, "resourcesTotal": {}}
        made = json.dumps(row).encode()
        # Ray sends as much for nothing: the words of a command line as empty strings.
        empty = (self._row_bytes - len(made)) // 4
        return json.dumps(row | {"cmdline": [""] * empty}).encode() if empty > 0 else made

    def _actor(self, n: int) -> bytes:
        state = self._random.choice(STATES)
        node = self._random.choice(self.node_ids)
        row = {
            "actor_id": f"{(n + 1) * 0x9E3779B97F4A7C15 % 2**64:016x}{n:08x}01000000",
            "class_name": CLASSES[n % len(CLASSES)],
            "state": state,
            "job_id": "01000000",
            "name": f"actor-{n}" if n % 5 == 0 else "",
            "node_id": None if state == "PENDING_CREATION" else node,
            "pid": 0 if state == "PENDING_CREATION" else 10_000 + n,
            "ray_namespace": "default",
        }
        return json.dumps(row).encode()

    def _job(self, n: int) -> bytes:
        row: dict[str, Any] = json.loads(recorded("jobs.json"))[0]
        status = ("SUCCEEDED", "SUCCEEDED", "FAILED", "RUNNING", "STOPPED")[n % 5]
        end = None if status == "RUNNING" else self._began_ms + 60_000 * n + 30_000
        row |= {
            "submission_id": f"raysubmit_{n:06d}",
            "status": status,
            "start_time": self._began_ms + 60_000 * n,
            "end_time": end,
        }
        return json.dumps(row).encode()

    def _task(self, n: int) -> bytes:
        """Of every hundred tasks 60 are over, 20 run, 10 wait for a node and 10 have failed."""
        rows = json.loads(recorded("v0_tasks.json"))["data"]["result"]["result"]
        named = {row["state"]: row for row in reversed(rows)}
        state = (
            "FINISHED",
            "FINISHED",
            "FINISHED",
            "RUNNING",
            "FINISHED",
            "FINISHED",
            "RUNNING",
            "FAILED",
            "FINISHED",
            "PENDING_NODE_ASSIGNMENT",
        )[n % 10]
        row = named[state]
        row |= {
            "task_id": f"{n * 2654435761 % 2**64:016x}{n:024x}01000000",
            "name": f"step_{n % 7}",
            "job_id": "01000000",
        }
        if row["node_id"]:
            row["node_id"] = self.node_ids[n % len(self.node_ids)]
        return json.dumps(row).encode()

    def _group(self, n: int) -> bytes:
        row = json.loads(recorded("v0_placement_groups.json"))["data"]["result"]["result"][n % 2]
        row |= {"placement_group_id": f"{n * 2654435761 % 2**64:016x}{n:012x}01000000", "name": f"group-{n}"}
        for bundle in row["bundles"]:
            bundle["node_id"] = bundle["node_id"] and self._random.choice(self.node_ids)
        return json.dumps(row).encode()

    def _worker(self, n: int) -> bytes:
        rows = json.loads(recorded("oom_workers.json"))["data"]["result"]["result"]
        row = rows[1] if n % 20 == 19 else rows[2]
        row |= {
            "worker_id": f"{n * 2654435761 % 2**64:016x}{n:040x}",
            "pid": 20_000 + n,
            "node_id": self._random.choice(self.node_ids),
        }
        return json.dumps(row).encode()

    def _usage(self, nodes: int, *, calm: bool) -> bytes:
        tree = json.loads(recorded("cluster_status.json"))
        report = tree["data"]["clusterStatus"]["loadMetricsReport"]
        if calm:
            report |= {"resourceDemand": [], "pgDemand": [], "requestDemand": []}
        report["usage"] = {
            "CPU": [1.5 * nodes, 4.0 * nodes],
            "memory": [0.0, 23057694208.0 * nodes],
            "objectStoreMemory": [0.0, 2e8 * nodes],
        }
        return json.dumps(tree).encode()


def _moved(body: bytes, later: float) -> bytes:
    """With every recorded time, in seconds or thousandths of them, that much later."""
    body = re.sub(rb"\b179\d{10}\b", lambda found: b"%d" % (int(found[0]) + 1000 * later), body)
    return re.sub(rb"\b179\d{7}\b", lambda found: b"%d" % (int(found[0]) + later), body)


def _want_of_memory(name: str) -> bytes:
    """A recording of work that was ended for want of memory."""
    return _moved(recorded(name), -OOM_LATER_S)


def _envelope(path: str, rows: list[bytes], total: int) -> bytes:
    joined = b", ".join(rows)
    if path == "/api/jobs/":
        return b"[" + joined + b"]"
    if path == "/nodes":
        return b'{"result": true, "msg": "Node summary fetched.", "data": {"summary": [' + joined + b"]}}"
    sent = min(total, LARGEST_LIMIT)
    counts = f'"total": {total}, "num_after_truncation": {sent}, "num_filtered": {sent}'.encode()
    return b'{"result": true, "msg": "", "data": {"result": {' + counts + b', "result": [' + joined + b"]}}}"


def _refusal(message: str) -> bytes:
    return json.dumps({"result": False, "msg": message, "data": {"result": None}}).encode()
