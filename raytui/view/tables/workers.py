"""Ray's own processes: those that run tasks and the drivers, living and ended."""

from __future__ import annotations

from raytui.core.causes.excerpts import first_line
from raytui.core.observed.workload import RayWorker
from raytui.view import amounts
from raytui.view.picture import Picture
from raytui.view.tables.documents import observed, plain
from raytui.view.tables.kind import Column, TableKind, by_state


def _node(worker: RayWorker, picture: Picture) -> str | None:
    return picture.joined.node_name(worker.node_id) if worker.node_id else None


def _state(worker: RayWorker, _: Picture) -> str:
    return "ALIVE" if worker.is_alive else "DEAD"


def _since(worker: RayWorker, picture: Picture) -> float | None:
    """Seconds since it started, or since it ended; none where Ray does not tell."""
    began = worker.started_at if worker.is_alive else worker.ended_at
    return max(0.0, picture.snapshot.observed_at - began) if began else None


def _why(worker: RayWorker, _: Picture) -> str | None:
    return first_line(worker.exit_detail) or None


WORKERS: TableKind[RayWorker] = TableKind(
    name="workers",
    title="Worker processes",
    noun="worker processes",
    summary="List Ray's worker processes.",
    about="The processes in which Ray runs tasks and actors, and drivers, with how they ended; apps lists the "
    "workers of the cluster.",
    examples=("--filter exit=node_out_of_memory", "--filter 'state=dead exit!~intended' --sort since"),
    needs=frozenset({"ray_workers", "nodes"}),
    reading=lambda picture: picture.snapshot.ray_workers,
    rows=lambda picture: picture.snapshot.ray_workers.value or (),
    key=lambda worker: worker.worker_id,
    columns=(
        Column(
            "worker",
            lambda worker, _: worker.worker_id,
            amounts.shortened(16),
            fields=("worker_id",),
            title="WORKER ID",
            width=16,
        ),
        Column("state", _state, role=by_state, width=6),
        Column("type", lambda worker, _: worker.type or None, width=8, rank=4),
        Column("node", _node, fields=("node", "node_id"), width=9, rank=2),
        Column("pid", lambda worker, _: worker.pid or None, width=7, right=True),
        Column(
            "since",
            _since,
            amounts.span,
            fields=("started_at", "ended_at"),
            width=6,
            right=True,
            rank=1,
            is_span=True,
        ),
        Column("exit", lambda worker, _: worker.exit_type or None, fields=("exit_type",), width=12, wide=20, rank=1),
        Column("why", _why, amounts.shortened(80), fields=("exit_detail",), width=16, wide=80, rank=3),
    ),
    document=lambda worker, picture: {
        **observed(plain(worker, "started_at", "ended_at"), "pid"),
        "state": _state(worker, picture),
        "node": _node(worker, picture),
    },
    empty="Ray lists no worker process",
    singular="worker process",
    leads_to=("actors", "tasks"),
    has_logs=True,
)
