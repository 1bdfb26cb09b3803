"""Ray's tasks."""

from __future__ import annotations

from raytui.core.causes.excerpts import error_line
from raytui.core.observed.workload import Task
from raytui.view import amounts
from raytui.view.picture import Picture
from raytui.view.tables.documents import observed, plain, seconds
from raytui.view.tables.kind import Column, TableKind, by_state


def _node(task: Task, picture: Picture) -> str | None:
    return picture.joined.node_name(task.node_id) if task.node_id else None


def _in_state(task: Task, picture: Picture) -> float | None:
    """Seconds since it came into its state; none where Ray does not tell."""
    return max(0.0, picture.snapshot.observed_at - task.since) if task.since else None


def _took(task: Task, picture: Picture) -> float | None:
    """Seconds that it has run, or ran; none before it began."""
    if not task.started_at:
        return None
    end = task.ended_at or (picture.snapshot.observed_at if task.state == "RUNNING" else 0.0)
    return max(0.0, end - task.started_at) if end else None


def _why(task: Task, _: Picture) -> str | None:
    return error_line(task.message) or task.error_type or None


TASKS: TableKind[Task] = TableKind(
    name="tasks",
    title="Tasks",
    noun="tasks",
    summary="List Ray's tasks.",
    about="Tasks, method calls and constructors of actors, up to 10,000 of them: Ray tells no more, but how many there "
    "are. It forgets the oldest ones itself.",
    examples=(
        "--filter state=failed",
        "--filter 'state~pending' --sort -since",
        "--columns name,state,took,why --sort -took",
    ),
    needs=frozenset({"tasks", "nodes"}),
    reading=lambda picture: picture.snapshot.tasks,
    rows=lambda picture: picture.snapshot.tasks.value or (),
    key=lambda task: task.key,
    columns=(
        Column(
            "task", lambda task, _: task.task_id, amounts.shortened(16), fields=("task_id",), title="TASK ID", width=16
        ),
        Column("name", lambda task, _: task.name or None, width=14, wide=32),
        Column("state", lambda task, _: task.state, role=by_state, width=12, wide=24),
        Column("since", _in_state, amounts.span, fields=("since",), width=6, right=True, rank=1, is_span=True),
        Column("took", _took, amounts.span, fields=("took_s",), width=6, right=True, rank=4, is_span=True),
        Column("node", _node, fields=("node", "node_id"), width=9, rank=2),
        Column("job", lambda task, _: task.job_id or None, fields=("job_id",), width=8, rank=5),
        Column("pid", lambda task, _: task.pid or None, width=7, right=True, rank=6, on_request=True),
        Column("actor", lambda task, _: task.actor_id or None, fields=("actor_id",), width=16, on_request=True),
        Column("why", _why, amounts.shortened(80), fields=("why", "error_type"), width=16, wide=80, rank=3),
    ),
    document=lambda task, picture: {
        **observed(plain(task, "created_at", "started_at", "ended_at", "since"), "pid"),
        "took_s": seconds(_took(task, picture)),
        "node": _node(task, picture),
        "why": _why(task, picture),
    },
    empty="Ray knows of no task of this cluster",
    singular="task",
    has_logs=True,
)
