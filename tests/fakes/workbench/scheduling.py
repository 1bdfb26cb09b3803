"""Who gets what is free: workloads are admitted in the order in which they came, as far as they fit; the others wait without an error.

What a workload was admitted with it holds until its processes are gone, through STARTING and STOPPING. An orphan engine
holds it for ever.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from .site import USER, Holding, Size

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .model import Application, Orphan, Run
    from .state import Workbench

    Workload = Application | Run | Orphan

TICK = 0.05


class Scheduler:
    """Admits workloads and knows who holds what."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._holding: dict[int, Holding] = {}
        self._waiting: list[tuple[Application | Run, Holding, asyncio.Future[None]]] = []
        self._watch: asyncio.Task[Any] | None = None

    async def admit(self, workload: Application | Run) -> None:
        """Return once the workload may be scheduled."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (workload, self._asked(workload), turn)
        self._waiting.append(entry)
        self._admit_fitting()
        if not turn.done() and (self._watch is None or self._watch.done()):
            self._watch = self._bench.spawn(self._look())
        try:
            await turn
        except asyncio.CancelledError:
            self.release(workload)
            raise
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)

    def release(self, workload: Workload) -> None:
        """Take back what a workload holds."""
        self._holding.pop(id(workload), None)

    def hand_over(self, workload: Application, orphan: Orphan) -> None:
        """An orphan engine goes on holding what its application held."""
        if id(workload) in self._holding:
            self._holding[id(orphan)] = self._holding.pop(id(workload))

    def holdings(self) -> list[Holding]:
        """Everything that is held now, by anybody."""
        return [*self._bench.site.held, *self._holding.values()]

    def waits_for(self, workload: Workload) -> str:
        """Why a workload waits; empty when it does not."""
        for asking, asked, turn in self._waiting:
            if asking is workload and not turn.done():
                return self._blocked(asked, self.holdings())
        return ""

    async def _look(self) -> None:
        while self._waiting:
            await asyncio.sleep(TICK)
            self._admit_fitting()

    def _admit_fitting(self) -> None:
        held = self.holdings() if self._limited else []
        for workload, asked, turn in self._waiting:
            if not turn.done() and not self._blocked(asked, held):
                self._holding[id(workload)] = asked
                held.append(asked)
                turn.set_result(None)

    @property
    def _limited(self) -> bool:
        faults = self._bench.faults
        return bool(faults.quota or faults.quota_cpu or self._bench.site.enforced)

    def _asked(self, workload: Application | Run) -> Holding:
        use = workload.usage
        assert use is not None, "a start is noted for /usage before it is scheduled"
        label, group = place_of(self._bench, use.fields)
        return Holding(use.name, use.kind, USER, use.project.name, use.project.team, size_of(use.fields), label, group)

    def _blocked(self, asked: Holding, held: Sequence[Holding]) -> str:
        """What keeps a workload from being scheduled; empty when nothing does."""
        faults, site = self._bench.faults, self._bench.site
        if faults.quota:
            return "quota: nothing is admitted"
        if faults.quota_cpu:
            limit = Size(faults.quota_cpu, float("inf"), float("inf"))
            lacking = limit.lacking(asked.size, _sum(held, user=asked.user))
            if lacking:
                return f"quota of user {asked.user}: {lacking}"
        for owner, limit_of, used in (
            (asked.owner, site.limit_of(asked.owner), [row for row in held if row.owner == asked.owner]),
            (
                f"project/{asked.project}",
                site.quotas.get(f"project/{asked.project}"),
                [row for row in held if row.project == asked.project],
            ),
        ):
            lacking = limit_of.lacking(asked.size, _sum(used)) if limit_of is not None else ""
            if lacking:
                return f"quota of {owner.replace('/', ' ', 1)}: {lacking}"
        return self._no_gpu(asked, held) or self._no_node(asked, held)

    def _no_gpu(self, asked: Holding, held: Sequence[Holding]) -> str:
        site = self._bench.site
        if not asked.size.gpu or "accelerator" not in site.enforced:
            return ""
        found = next((entry for entry in site.accelerators if entry.label == asked.label), None)
        if found is None:
            return "accelerator: no node has GPUs"
        same = [row for row in held if row.label == found.label]
        lacking = Size(gpu=found.count).lacking(Size(gpu=asked.size.gpu), _sum(same))
        if lacking:
            return f"accelerator {found.label}: {lacking}"
        lacking = Size(gpu=found.quota).lacking(Size(gpu=asked.size.gpu), _sum(same, user=asked.user))
        return f"accelerator quota of user {asked.user} for {found.label}: {lacking}" if lacking else ""

    def _no_node(self, asked: Holding, held: Sequence[Holding]) -> str:
        site = self._bench.site
        group = next((group for group in site.groups if group.name == asked.group), None)
        if group is None or "resource_group" not in site.enforced:
            return ""
        lacking = group.capacity.lacking(asked.size, _sum(row for row in held if row.group == group.name))
        return f"resource group {group.name}: {lacking}" if lacking else ""


def size_of(fields: dict[str, Any]) -> Size:
    """What the fields of a workload ask for."""
    return Size(float(fields.get("cpu", 1)), float(fields.get("memory", 2)), float(fields.get("nvidia_gpu", 0)))


def place_of(bench: Workbench, fields: dict[str, Any]) -> tuple[str, str]:
    """The accelerator label and the resource group of a workload: what it names, else the first that could hold it."""
    site = bench.site
    label = ""
    if float(fields.get("nvidia_gpu", 0)):
        first = site.accelerators[0].label if site.accelerators else ""
        label = site.label_by_id(fields.get("accelerator_label_id")) or first
    named = site.group_by_id(fields.get("resource_group_id"))
    if named:
        return label, named
    of_label = next((entry.group for entry in site.accelerators if entry.label == label), "")
    return label, of_label or next((group.name for group in site.groups if bool(group.gpu) == bool(label)), "")


def _sum(rows: Iterable[Holding], user: str = "") -> Size:
    total = Size()
    for row in rows:
        if not user or row.user == user:
            total += row.size
    return total
