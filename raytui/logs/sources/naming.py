"""The names of logs: which there are of a snapshot, and which of them a person means."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from fnmatch import translate
from functools import lru_cache

from raytui.core.errors import NotFound
from raytui.core.observed.joined import join
from raytui.core.observed.snapshot import Application, Job, Node, Snapshot
from raytui.core.remedy import Remedy
from raytui.core.session import LogSource

FIRST_FILE = "raylet.out"
"""What a node's name alone stands for where no launcher of ours prints anything."""
_FIRST = (
    "raylet.out",
    "raylet.err",
    "gcs_server.out",
    "gcs_server.err",
    "dashboard.log",
    "dashboard_agent.log",
    "monitor.log",
)
Owner = tuple[str, Application | None, Node | None]
"""Whose files there may be: the first part of their names, the application, the node of Ray."""


def launchers(snapshot: Snapshot) -> list[LogSource]:
    """What the launchers print; none where Ray's nodes are all there is."""
    applications = () if snapshot.by_ray else snapshot.applications.value or ()
    return [LogSource(app.short, "launcher", app, app.cluster) for app in applications]


def owners(snapshot: Snapshot) -> list[Owner]:
    """Whose log files there may be: applications with their nodes, then unmanaged nodes, by name or id."""
    applications = snapshot.applications.value or ()
    joined = join(snapshot)
    owned: list[Owner] = [(app.short, app, joined.node_of(app)) for app in applications]
    strays = [node for node in snapshot.nodes.value or () if node.state == "ALIVE" and joined.namesake(node) is None]
    return [*owned, *((f"node-{node.node_id[:8]}", None, node) for node in strays)]


def lives(node: Node | None) -> bool:
    """Whether Ray can be asked for files of the node."""
    return node is not None and node.state == "ALIVE"


def of_job(snapshot: Snapshot, job: Job) -> Iterable[LogSource]:
    """Only a submitted job whose driver has started has a driver's log."""
    if job.type == "SUBMISSION" and job.driver_node_id:
        node = job.driver_node_id
        yield LogSource(f"job/{job.id}", "job", None, snapshot.cluster, node, f"job-driver-{job.id}.log", job_id=job.id)


def of_jobs(snapshot: Snapshot) -> list[LogSource]:
    """The logs of all drivers."""
    return [source for job in snapshot.jobs.value or () for source in of_job(snapshot, job)]


def rank(name: str) -> tuple[int, bool, str]:
    """What tells most first; the files of single worker processes, hundreds of them, last."""
    place = _FIRST.index(name) if name in _FIRST else len(_FIRST)
    return place, name.startswith(("worker-", "python-core-")), name


def pick(sources: Sequence[LogSource], name: str, snapshot: Snapshot) -> LogSource:
    """The log of exactly that name; raises `NotFound` with the nearest names."""
    found = next((source for source in sources if source.name == name), None)
    if found is not None:
        return found
    near = difflib.get_close_matches(name, [source.name for source in sources], n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise NotFound(
        f"{snapshot.cluster} has no log {name}", hint=(hint, Remedy("logs", "--list", "names what there is"))
    )


def is_pattern(name: str) -> bool:
    """Whether a name stands for any number of logs."""
    return any(letter in name for letter in "*?[")


def matches(pattern: str, name: str) -> bool:
    """Whether a pattern such as `worker-*/raylet.*` means the log; `*` stays within a part."""
    parts, words = pattern.split("/"), name.split("/")
    return len(parts) == len(words) and all(
        _part(part).match(word) is not None for part, word in zip(parts, words, strict=True)
    )


@lru_cache(256)
def _part(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))
