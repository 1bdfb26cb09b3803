"""What waits, for what and why, in one sentence, and what to do about it."""

from __future__ import annotations

from raytui.core.observed.needs import Part
from raytui.core.remedy import Hint, Remedy, parts
from raytui.core.spec import WORKER
from raytui.core.waiting.outcome import HAS_ROOM
from raytui.core.waiting.values import Demand, Holder, More, Waiting
from raytui.core.waiting.words import amount, need, quantity

MOST_NAMED = 3


def subject(demand: Demand) -> str:
    """What waits, the same from one look to the next."""
    if demand.name:
        return f"{demand.what} {demand.name}"
    return f"{demand.what} needing {_asked(demand)}" if demand.parts else demand.what


def message(waiting: Waiting) -> str:
    """The whole sentence."""
    return f"{_who(waiting.demand)} {_predicate(waiting)}"


def beside_subject(waiting: Waiting) -> str:
    """The same where `subject` stands before it."""
    count = waiting.demand.count
    return _predicate(waiting) if count == 1 else f"{count} {_predicate(waiting)}"


def _predicate(waiting: Waiting) -> str:
    demand = waiting.demand
    if waiting.kind == "environment":
        return _environment(waiting)
    asked = f" for {_asked(demand)}" if demand.parts else ""
    return f"{'waits' if demand.count == 1 else 'wait'}{asked}: {_why(waiting)}"


def hint(waiting: Waiting) -> Hint:
    """What to do; empty where nothing can be done, or nobody knows what."""
    if waiting.kind == "scale":
        return _with_purpose(waiting, "adds what it needs", "add what it needs")
    one = "it" if waiting.demand.count == 1 else "one"
    if waiting.kind == "fits" and waiting.scale:
        return _with_purpose(waiting, f"lets {one} run at once", f"let {one} run at once")
    if waiting.kind == "fits" and not waiting.holders and not waiting.awaits:
        return (Remedy("jobs"), " and ", Remedy("actors", "", "list what may hold the nodes"))
    if waiting.kind == "quota":
        return ("it needs a larger quota, or room in this one; ", Remedy("usage", "", "shows who holds it"))
    if waiting.kind == "never":
        return _instead(waiting)
    if waiting.because == HAS_ROOM:
        return "its worker process or its runtime environment may be starting"
    return ""


def _with_purpose(waiting: Waiting, one: str, many: str) -> Hint:
    remedies = [more.remedy for more in waiting.scale]
    last = remedies[-1]
    written: list[str | Remedy] = []
    for remedy in remedies[:-1]:
        written += [remedy, " and "]
    written.append(Remedy(last.verb, last.target, one if len(remedies) == 1 else many))
    return parts(tuple(written)) if len(written) > 1 else written[0]


def _instead(waiting: Waiting) -> Hint:
    parts_of = waiting.demand.parts
    if not waiting.groups:
        return "it has to ask for less, or this cluster needs other nodes"
    if any(part.selectors or any(name.startswith("node:") for name in part.needs) for part in parts_of):
        return "no number of workers of these groups helps: it has to ask for another node, or for less"
    return "no number of workers of these sizes helps: it has to ask for less, or workers have to be larger"


def _who(demand: Demand) -> str:
    name = f" {demand.name}" if demand.name else ""
    if demand.count == 1:
        return f"{demand.what}{name}" if name else f"1 {demand.what}"
    many = "tasks or actors" if demand.what == "task or actor" else f"{demand.what}s"
    return f"{demand.count} {many}{name}"


def _asked(demand: Demand) -> str:
    total = sum(part.count for part in demand.parts)
    where = {"STRICT_SPREAD": f" on {total} different nodes", "STRICT_PACK": " on one node"}.get(demand.strategy, "")
    if demand.what != "placement group":
        return " and ".join(need(part) + _selected(part) for part in demand.parts)
    bundles = " and ".join(
        f"{part.count} {'bundle' if part.count == 1 else 'bundles'} of {need(part)}{_selected(part)}"
        for part in demand.parts
    )
    strategy = f" ({demand.strategy})" if demand.strategy else ""
    return f"{bundles}{where if total > 1 else ''}{strategy}"


def _selected(part: Part) -> str:
    labels = " or ".join(", ".join(f"{key}={value}" for key, value in one.items()) for one in part.selectors if one)
    return f" on a node with {labels}" if labels else ""


def _why(waiting: Waiting) -> str:
    alone = waiting.demand.count == 1
    it, runs = ("it", "it runs") if alone else ("one", "one runs")
    if waiting.kind == "never":
        return f"no node{'' if waiting.groups else ' here'} can ever run {it}: {waiting.because}"
    if waiting.kind == "scale":
        return f"the nodes here are not enough even when empty; {_scaling(waiting)}"
    if waiting.kind == "quota":
        would_do = f"{_workers(waiting.later)} would do, but the quota has room for {waiting.because}"
        return f"the nodes here are not enough even when empty; {would_do}"
    if waiting.kind == "unknown":
        return f"why is not known: {waiting.because}"
    if waiting.awaits:
        return f"{runs} when {_listed(waiting.awaits)} {'has' if len(waiting.awaits) == 1 else 'have'} started"
    if waiting.is_freed:
        return f"{runs} when {_holders(waiting)}"
    return f"{runs} when {_room(waiting)}"


def _scaling(waiting: Waiting) -> str:
    would_do = f"{_workers(waiting.scale)} would do"
    if waiting.is_beside:
        return f"{would_do} once what runs here has ended"
    if not waiting.later:
        return f"{would_do} now"
    groups = {more.group for more in (*waiting.scale, *waiting.later)}
    later = str(waiting.later[0].number) if len(groups) == 1 else _workers(waiting.later)
    return f"{would_do} now, or {later} once what runs here has ended"


def _workers(more: tuple[More, ...]) -> str:
    return " and ".join(_more(one.number, one.group) for one in more)


def _more(number: int, group: str) -> str:
    of_group = "" if group == WORKER else f" of group {group}"
    return f"{number} more {'worker' if number == 1 else 'workers'}{of_group}"


def _environment(waiting: Waiting) -> str:
    setup, alone = waiting.demand.environment, waiting.demand.count == 1
    waits = "waits for its runtime environment" if alone else "wait for their runtime environment"
    step = f" ({setup.step})" if setup is not None and setup.step else ""
    last = f"; the last line of its log: {setup.last_line}" if setup is not None and setup.last_line else ""
    return f"{waits} to be set up{step}{last}"


def _room(waiting: Waiting) -> str:
    """How much room has to come free, as far as nodes tell."""
    free, many = waiting.largest_free, sum(part.count for part in waiting.demand.parts) > 1
    has = "nodes have room for all of it" if many else "a node has room"
    if waiting.because or free is None:
        return f"{has}; " + (waiting.because or "how much is free now is not reported")
    most = ", ".join(_part_of(name, value, free.of.get(name, 0.0)) for name, value in free.amounts.items())
    room = f"{has}: the most that is free on one is {most}, on {free.node}" if most else has
    if not waiting.holders:
        return room
    return f"{room}; {_listed(tuple(_holder(holder, waiting) for holder in waiting.holders))}"


def _part_of(name: str, value: float, total: float) -> str:
    return f"{amount(name, value)} of {quantity(name, total)}"


def _holders(waiting: Waiting) -> str:
    names = tuple(_holder(holder, waiting) for holder in waiting.holders)
    return f"{_listed(names)} {'ends' if len(names) == 1 else 'end'}"


def _holder(holder: Holder, waiting: Waiting) -> str:
    asked = {name for part in waiting.demand.parts for name in part.needs}
    held = ", ".join(amount(name, value) for name, value in holder.resources.items() if name in asked)
    job = f" of job {holder.job_id}" if holder.job_id else ""
    where = f" of {holder.node}" if holder.node else ""
    return f"{holder.what} {holder.name}{job}" + (f" (holds {held}{where})" if held else "")


def _listed(names: tuple[str, ...]) -> str:
    shown = names if len(names) <= MOST_NAMED else (*names[:MOST_NAMED], f"{len(names) - MOST_NAMED} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
