"""Ray's jobs."""

from __future__ import annotations

from raytui.core.causes.excerpts import first_line, last_words
from raytui.core.observed.snapshot import Job
from raytui.core.remedy import Remedy
from raytui.view import amounts
from raytui.view.picture import Picture
from raytui.view.tables.documents import plain, seconds
from raytui.view.tables.kind import Column, TableKind, by_state

_TAIL = 4_000
"""Characters at the end of a message of up to 20,000 in which a driver's last words are looked for, of each row."""


def _took(job: Job, picture: Picture) -> float | None:
    """Seconds that the job has run, or ran; none where Ray tells no start, or no end of a job that has ended."""
    if not job.started_at:
        return None
    end = job.ended_at or (picture.snapshot.observed_at if job.status == "RUNNING" else 0.0)
    return max(0.0, end - job.started_at) if end else None


def _why(job: Job, _: Picture) -> str | None:
    """The last words of its driver, else the first line of what Ray says of it."""
    if job.status != "FAILED":
        return None
    ran = job.driver_exit_code is not None
    return (last_words(job.message[-_TAIL:]) if ran else "") or first_line(job.message) or None


def _node(job: Job, picture: Picture) -> str | None:
    return picture.joined.node_name(job.driver_node_id) if job.driver_node_id else None


JOBS: TableKind[Job] = TableKind(
    name="jobs",
    title="Jobs",
    noun="jobs",
    summary="List Ray's jobs.",
    about="Every job, the newest first; raytui logs job/ID shows what its driver printed.",
    examples=("--filter status=failed", "--filter 'took>1h' --sort -took", "--columns id,status,entrypoint"),
    needs=frozenset({"jobs", "nodes"}),
    reading=lambda picture: picture.snapshot.jobs,
    rows=lambda picture: picture.snapshot.jobs.value or (),
    key=lambda job: job.id,
    columns=(
        Column("id", lambda job, _: job.id, width=20, wide=32),
        Column("status", lambda job, _: job.status, role=by_state, width=9),
        Column("took", _took, amounts.span, fields=("took_s",), width=6, right=True, rank=1, is_span=True),
        Column("entrypoint", lambda job, _: job.entrypoint, amounts.shortened(60), width=12, wide=60, rank=3),
        Column("node", _node, fields=("node", "driver_node_id"), width=9, rank=4, on_request=True),
        Column("why", _why, amounts.shortened(80), width=22, wide=80, rank=2),
    ),
    document=lambda job, picture: {
        **plain(job, "started_at", "ended_at"),
        "took_s": seconds(_took(job, picture)),
        "node": _node(job, picture),
        "why": _why(job, picture),
    },
    empty=("no job was submitted to this cluster; ", Remedy("job", "submit -- python FILE", "submits one")),
    singular="job",
    leads_to=("actors", "tasks"),
    has_logs=True,
)
