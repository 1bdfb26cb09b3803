"""Who holds what on the platform: the workloads that have not ended, of everybody whom the key may see."""

from __future__ import annotations

import re
from collections.abc import Sequence

from raytui.core.observed.holdings import Held
from raytui.core.observed.snapshot import Reading
from raytui.core.report import Document
from raytui.view import amounts
from raytui.view.filters import Value
from raytui.view.picture import Picture
from raytui.view.tables.documents import plain, seconds
from raytui.view.tables.kind import Column, TableKind, by_state, muted


def _rows(picture: Picture) -> Sequence[Held]:
    """Whoever holds most GPUs, then most CPUs, first."""
    holdings = picture.snapshot.holdings.value
    held = holdings.held if holdings is not None else ()
    return sorted(held, key=lambda row: (-(row.gpus or 0.0), -(row.cpu or 0.0), row.user, _natural(row.name)))


def _natural(name: str) -> list[tuple[int, str]]:
    """`worker-2` before `worker-10`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d{1,9})", name)]


def _reading(picture: Picture) -> Reading[Sequence[object]]:
    holdings = picture.snapshot.holdings
    if holdings.value is None:
        return Reading(failure=holdings.failure, at=holdings.at)
    if holdings.value.failure is not None:
        return Reading(failure=holdings.value.failure, at=holdings.at)
    return Reading(holdings.value.held, at=holdings.at, total=holdings.value.total)


def _workload(row: Held, picture: Picture) -> str:
    """A workload by its name; one of this cluster by its name inside it, as in every other list."""
    holdings = picture.snapshot.holdings.value
    return picture.short(row.name) if holdings is not None and row.project == holdings.project else row.name


def _age(row: Held, picture: Picture) -> float | None:
    return max(0.0, picture.snapshot.observed_at - row.since) if row.since else None


def _count(value: Value) -> str:
    """A number of GPUs; those who have none need no 0."""
    return f"{value:g}" if isinstance(value, int | float) and value else ""


def _document(row: Held, picture: Picture) -> Document:
    document = plain(row, "since")
    return {
        **{name: None if value == "" else value for name, value in document.items()},
        "for_s": seconds(_age(row, picture)),
    }


USAGE: TableKind[Held] = TableKind(
    name="usage",
    title="Usage",
    noun="workloads",
    summary="List who holds what on the platform.",
    about="The workloads of the platform that have not ended, with what each holds: CPUs, memory in GB, GPUs and their "
    "kind, and since when. Whose they are depends on what the key may see; one that is scheduling waits for capacity.",
    examples=("--filter 'gpus>0'", "--sort -gb --limit 10", "--filter project=train -o json"),
    needs=frozenset({"holdings"}),
    reading=_reading,
    rows=_rows,
    key=lambda row: row.id or f"{row.project}/{row.name}/{row.since}",
    columns=(
        Column("user", lambda row, _: row.user or None, width=8, wide=16),
        Column("project", lambda row, _: row.project or None, width=9, wide=24, rank=1),
        Column("workload", lambda row, _: row.name or None, written=_workload, fields=("name",), width=15, wide=40),
        Column("state", lambda row, _: row.state or None, role=by_state, width=10, rank=2),
        Column("cpus", lambda row, _: row.cpu, fields=("cpu",), width=4, right=True),
        Column("gb", lambda row, _: row.memory, amounts.gigabytes, fields=("memory",), width=4, right=True),
        Column("gpus", lambda row, _: row.gpus, _count, width=4, right=True),
        Column("label", lambda row, _: row.label or None, width=6, wide=16, rank=1),
        Column("for", _age, amounts.span, fields=("since", "for_s"), width=6, right=True, rank=3, is_span=True),
        Column("kind", lambda row, _: row.kind or None, role=muted, width=11, on_request=True, rank=4),
        Column("group", lambda row, _: row.group or None, role=muted, width=8, on_request=True, rank=4),
        Column("id", lambda row, _: row.id or None, role=muted, width=16, on_request=True, rank=5),
    ),
    document=_document,
    of_platform=True,
    empty="nothing runs that this key may see, or the platform keeps no account of it",
)
