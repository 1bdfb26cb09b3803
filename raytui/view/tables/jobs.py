"""Ray's jobs."""

from __future__ import annotations

from raytui.core.snapshot import Job
from raytui.view import amounts
from raytui.view.picture import Picture
from raytui.view.tables.documents import plain
from raytui.view.tables.kind import Column, TableKind
from raytui.view.words import state_role


def _took(job: Job, picture: Picture) -> float | None:
    """Seconds that the job has run, or ran; none where Ray tells no start, or an end that it does not tell has passed."""
    if not job.started_at:
        return None
    end = job.ended_at or (picture.snapshot.observed_at if job.status == "RUNNING" else 0.0)
    return max(0.0, end - job.started_at) if end else None


def _why(job: Job) -> str | None:
    return job.message.splitlines()[0] if job.message and job.status == "FAILED" else None


JOBS: TableKind[Job] = TableKind(
    name="jobs",
    title="Jobs",
    needs=frozenset({"jobs", "nodes"}),
    rows=lambda picture: picture.snapshot.jobs.value or (),
    key=lambda job: job.id,
    columns=(
        Column("id", lambda job, _: job.id, width=20, wide=32),
        Column("status", lambda job, _: job.status, role=state_role, width=9),
        Column("took", _took, amounts.span, width=6, right=True, rank=1, is_span=True),
        Column("entrypoint", lambda job, _: job.entrypoint, width=18, wide=60, rank=3),
        Column("node", lambda job, picture: picture.joined.node_name(job.driver_node_id) if job.driver_node_id else None, width=9, rank=4),
        Column("why", lambda job, _: _why(job), width=16, wide=80, rank=2),
    ),
    document=lambda job, _: plain(job, "started_at", "ended_at"),
    empty="no job was submitted to this cluster: raytui job submit -- python my_script.py submits one",
)
