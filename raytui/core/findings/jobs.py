"""What is wrong with what people run: jobs that failed lately, processes killed for memory, Serve."""

from __future__ import annotations

import re
from collections.abc import Iterator

from raytui.core.causes.jobs import of_job
from raytui.core.causes.processes import MEMORY_HINT
from raytui.core.causes.values import Evidence
from raytui.core.condition import Condition
from raytui.core.findings.serve import of_serve
from raytui.core.observed.joined import Joined
from raytui.core.remedy import Remedy, parts

FAILED_LATELY_S = 3600.0
"""How long after its end a failed job needs attention."""
MOST_FAILED = 5
"""Failed jobs that are named one by one."""
_COUNT = re.compile(r"^(\d+) worker\(s\) were killed")


def of_work(joined: Joined) -> Iterator[Condition]:
    """All that is wrong with what people run."""
    yield from of_jobs(joined)
    yield from of_memory(joined)
    yield from of_serve(joined)


def of_jobs(joined: Joined) -> Iterator[Condition]:
    """Jobs that failed within the last hour, each with its cause: the first ones by name, the others counted."""
    snapshot = joined.snapshot
    failed = [
        job
        for job in snapshot.jobs.value or ()
        if job.status == "FAILED" and snapshot.observed_at - job.ended_at < FAILED_LATELY_S
    ]
    failed.sort(key=lambda job: (-job.ended_at, job.id))
    evidence = Evidence(joined)
    for job in failed[:MOST_FAILED]:
        cause = of_job(evidence, job)
        assert cause is not None
        story = Remedy("explain", f"job/{job.id}", "tells the whole story")
        words = next((part.rstrip("; ") for part in parts(cause.advice) if isinstance(part, str)), "")
        message = f"the job {cause.whole.removeprefix(f'job {job.id} ')}"
        hint = (f"{words}; ", story) if words else story
        yield Condition("warning", f"job/{job.id}", "JobFailed", message, hint, since=job.ended_at)
    if len(failed) > MOST_FAILED:
        more = len(failed) - MOST_FAILED
        message = f"{more} more {'job' if more == 1 else 'jobs'} failed within the last hour"
        listed = Remedy("jobs", "--filter status=failed", "lists them")
        yield Condition("warning", snapshot.cluster, "JobsFailed", message, listed, since=failed[-1].ended_at)


def of_memory(joined: Joined) -> Iterator[Condition]:
    """Nodes on which Ray killed processes for memory within the last hour, by its own events."""
    snapshot = joined.snapshot
    killed: dict[str, tuple[int, float]] = {}
    for event in snapshot.events.value or ():
        if event.label == "Out of Memory" and snapshot.observed_at - event.at < FAILED_LATELY_S:
            counted = _COUNT.match(event.message)
            count, last = killed.get(event.node_id, (0, 0.0))
            killed[event.node_id] = (count + (int(counted[1]) if counted is not None else 1), max(last, event.at))
    for node_id, (count, last) in killed.items():
        node = joined.node(node_id)
        where = (node.name or joined.node_name(node_id)) if node is not None else node_id[:12] or snapshot.cluster
        what = "a worker process" if count == 1 else f"{count} worker processes"
        yield Condition(
            "warning",
            where,
            "KilledForMemory",
            f"Ray killed {what} here within the last hour because the node's memory ran short",
            (MEMORY_HINT, "; ", Remedy("workers", "--filter exit=node_out_of_memory", "lists what was killed")),
            since=last,
        )
