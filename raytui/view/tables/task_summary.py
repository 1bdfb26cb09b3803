"""Ray's tasks by the function that they run: what a list of 10,000 rows cannot show."""

from __future__ import annotations

from raytui.core.observed.workload import TaskCount
from raytui.view.picture import Picture
from raytui.view.tables.documents import plain
from raytui.view.tables.kind import Column, TableKind

_RUNNING = ("RUNNING", "RUNNING_IN_RAY_GET", "RUNNING_IN_RAY_WAIT")


def _pending(count: TaskCount) -> int:
    """Those that have not begun to run."""
    over = {"FINISHED", "FAILED", *_RUNNING}
    return sum(number for state, number in count.states.items() if state not in over)


def _all(count: TaskCount, _: Picture) -> int:
    return sum(count.states.values())


def _running(count: TaskCount) -> int:
    return sum(count.states.get(state, 0) for state in _RUNNING)


def _kind(count: TaskCount, _: Picture) -> str | None:
    return count.type.lower().replace("_task", "").replace("_", " ") or None


TASK_SUMMARY: TableKind[TaskCount] = TableKind(
    name="task-summary",
    title="Tasks by name",
    noun="kinds of tasks",
    summary="Count Ray's tasks by name and state.",
    about="How many tasks of each function wait, run, have finished and have failed, as far as Ray remembers them.",
    examples=("--sort -failed", "--filter 'pending>0'"),
    needs=frozenset({"task_counts"}),
    reading=lambda picture: picture.snapshot.task_counts,
    rows=lambda picture: picture.snapshot.task_counts.value or (),
    key=lambda count: f"{count.name}/{count.type}",
    columns=(
        Column("name", lambda count, _: count.name, width=20, wide=40),
        Column("type", _kind, width=10, wide=15, rank=2),
        Column("pending", lambda count, _: _pending(count), width=7, right=True),
        Column("running", lambda count, _: _running(count), width=7, right=True),
        Column("finished", lambda count, _: count.states.get("FINISHED", 0), width=8, right=True, rank=1),
        Column("failed", lambda count, _: count.states.get("FAILED", 0), width=6, right=True),
        Column("tasks", _all, width=7, right=True, rank=3),
    ),
    document=lambda count, picture: {
        **plain(count),
        "pending": _pending(count),
        "running": _running(count),
        "finished": count.states.get("FINISHED", 0),
        "failed": count.states.get("FAILED", 0),
        "tasks": _all(count, picture),
    },
    empty="Ray knows of no task of this cluster",
    singular="function",
    leads_to=("tasks",),
)
