"""Capacity as lines: a curve of the last ten minutes and a number beside each, and what is held and asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from raytui.tui.render.tables import BARS
from raytui.tui.render.text import Line, cells, clean, crop, fit
from raytui.view.capacity import asked, curve, held, sample_of
from raytui.view.picture import Picture
from raytui.view.tables.figures import FULL
from raytui.view.words import Role

_NAME, _PERCENT, _MOST_CURVE = 9, 6, 60
_MOST_DEVICES = 4
"""GPUs that have a line of their own."""


class Level(NamedTuple):
    """One resource."""

    name: str
    field: str
    """Its field of a sample."""
    percent: float | None
    amount: str
    """Used, total, and what is asked for."""
    is_short: bool
    """Whether something waits for it."""


def capacity_lines(picture: Picture, width: int) -> tuple[Line, ...]:
    """One line for each resource that the cluster has."""
    levels = list(levels_of(picture))
    amount = max((cells(level.amount) for level in levels), default=0)
    room = max(6, min(_MOST_CURVE, width - 1 - _NAME - _PERCENT - 2 - amount - 1))
    now = picture.snapshot.observed_at
    lines = [_line(level, bars(curve(picture.capacity.history, level.field, room, now))) for level in levels]
    return (*lines, *_devices(picture, width))


def _devices(picture: Picture, width: int) -> Iterator[Line]:
    """Each GPU by its node, in the order of the nodes; those beyond the first as a number, since they have a list."""
    living = ((m.application.short, m.node) for m in picture.joined.in_place if m.is_alive and m.node is not None)
    devices = [(f"{name}:{gpu.index}", gpu) for name, node in living for gpu in node.gpus]
    name_width = max((cells(name) for name, _ in devices[:_MOST_DEVICES]), default=0)
    for name, gpu in devices[:_MOST_DEVICES]:
        share = gpu.utilization
        full = share is not None and share >= FULL
        memory = _gb(gpu.memory_used, gpu.memory_total) if gpu.memory_total else "memory not known"
        amount = f"  {memory}  {clean(gpu.name)}".rstrip()
        yield crop(
            (
                (f"   GPU {fit(clean(name), name_width)} ", "muted"),
                (" " if share is None else bars([share]), "warn" if full else "accent"),
                ("     -" if share is None else f"{share:>4.0f} %", "warn" if full else "strong"),
                (amount, "muted"),
            ),
            width,
        )
    if len(devices) > _MOST_DEVICES:
        yield ((f"   and {len(devices) - _MOST_DEVICES:,} more GPUs in the list of nodes", "muted"),)


def levels_of(picture: Picture) -> Iterator[Level]:
    """CPU, memory, object store, GPU and disk, as far as somebody tells of them."""
    totals, usage, waiting = picture.capacity.totals, picture.snapshot.usage.value, picture.assessment.waiting
    now = sample_of(totals, 0.0)
    for name, field, resource in (("CPU", "cpu", "CPU"), ("GPU", "gpu", "GPU")):
        wanted, given = asked(waiting, resource), held(usage, resource)
        percent: float | None = getattr(now, field)
        if given is None and percent is None and not wanted:
            continue
        parts = [f"{given[0]:g} / {given[1]:g} held"] if given is not None else []
        parts += [f"{wanted:g} asked"] if wanted else []
        yield Level(name, field, percent, ", ".join(parts), bool(wanted))
    for name, field, used, total, resource in (
        ("Memory", "memory", totals.memory_used, totals.memory_total, "memory"),
        ("Objects", "store", totals.store_used, totals.store_total, "object_store_memory"),
        ("Disk", "disk", totals.disk_used, totals.disk_total, ""),
    ):
        percent = getattr(now, field)
        wanted = asked(waiting, resource) if resource else 0.0
        if percent is not None or wanted:
            more = f", {wanted / 1e9:.1f} GB asked" if wanted else ""
            amount = f"{_gb(used, total)}{more}" if percent is not None else more.lstrip(", ")
            yield Level(name, field, percent, amount, bool(wanted))


def bars(values: Sequence[float | None]) -> str:
    """Shares as bars of one cell each; a blank where nobody knows."""
    last = len(BARS) - 1
    return "".join(" " if value is None else BARS[min(last, max(0, round(value / 100 * last)))] for value in values)


def _line(level: Level, drawn: str) -> Line:
    full = level.percent is not None and level.percent >= FULL
    role: Role = "warn" if full else ""
    percent = "-" if level.percent is None else f"{level.percent:.0f} %"
    return (
        (f" {fit(level.name, _NAME)}", "muted"),
        (drawn, role or "accent"),
        (f"{percent:>{_PERCENT}}", role or "strong"),
        (f"  {level.amount}", "warn" if level.is_short else "muted"),
    )


def _gb(used: int, total: int) -> str:
    if total >= 1e13:
        return f"{used / 1e12:.1f} / {total / 1e12:.0f} TB"
    return f"{used / 1e9:.1f} / {total / 1e9:.0f} GB"
