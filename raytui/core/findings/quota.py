"""Why an application that is starting gets no capacity: what it asks for, what is free, and who holds the rest.

Only what the platform reported counts. That is up to a minute old, so applications of the cluster that began or ended
since are added and taken away; which of several that wait is served first nobody knows, and the oldest is taken for the
first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from raytui.core.observed.holdings import Held, Holdings, Label
from raytui.core.observed.life import began
from raytui.core.observed.snapshot import Application

HOLDERS = 3
"""Holders that are named one by one."""
OURS = "this cluster"
YOURS = "your quota"
_EXACT = 1e-6
"""Sums of decimal fractions are not exact."""
_HOLDS = frozenset({"running", "stopping"})
"""States in which an application of the cluster holds what it asked for."""
_UNITS: tuple[tuple[str, str], ...] = (("cpu", "CPU"), ("memory", "GB of memory"), ("gpus", "GPU"))


class Shortage(NamedTuple):
    """One thing of which there is too little for an application."""

    unit: str
    """CPU, GB of memory, GPU, or the name of a kind of GPU."""
    place: str
    """Whose limit it is, inside a sentence: `your quota`; empty for all that the platform has."""
    limit: float
    used: float
    """By those who hold it, and by applications of the cluster that have waited for longer."""
    asked: float
    holders: str
    """Who holds it, such as `3 by project train, 1 by you`; empty when nobody is seen to."""

    @property
    def free(self) -> float:
        """What is left."""
        return max(0.0, self.limit - self.used)

    @property
    def is_hopeless(self) -> bool:
        """Whether it would be too little even if nobody else held anything."""
        return self.asked > self.limit

    def sentence(self, *, each: bool = False) -> str:
        """The arithmetic and who holds the rest; `each` of several asks for as much."""
        asked = f"{self.asked:g} {self.unit} asked{' by each' if each else ''}"
        many = f"{self.place} of {self.limit:g} {self.unit}" if self.place else f"{self.limit:g}"
        if self.is_hopeless:
            return f"{asked}, more than {many} ever allows"
        held = f": {self.holders}" if self.holders else ""
        return f"{asked}, {self.used:g} of {many} in use{held}"


class Outlook(NamedTuple):
    """What can be said of one application that waits."""

    application: Application
    shortages: tuple[Shortage, ...]
    """Empty when nothing that was reported is short."""


class _Pool:
    """Something of which there is only so much."""

    def __init__(self, unit: str, place: str, limit: float, used: float, asked: Callable[[Application], float]) -> None:
        self.unit = unit
        self.place = place
        self.limit = limit
        self.used = used
        self.asked = asked
        self.holders: Counter[str] = Counter()
        """What is seen to be held, by whom."""
        self.is_quota = False
        self.seen = 0.0
        """How much of the use was reported with its holders."""

    def take(self, who: str, amount: float) -> None:
        """Somebody holds so much more."""
        self.used += amount
        self.hold(who, amount)

    def hold(self, who: str, amount: float) -> None:
        """So much of the use is somebody's."""
        self.seen += amount
        self.holders[who] += amount  # type: ignore[assignment] # amounts are decimal

    def lacks(self, app: Application) -> bool:
        """Whether too little is left for an application."""
        asked = self.asked(app)
        return asked > 0 and asked > self.limit - self.used + _EXACT

    def shortage(self, app: Application) -> Shortage:
        """That too little is left."""
        return Shortage(self.unit, self.place, self.limit, self.used, self.asked(app), self._holders_sentence())

    def _holders_sentence(self) -> str:
        """The largest holders first, what nobody is seen to hold last."""
        largest = [(who, amount) for who, amount in self.holders.most_common(HOLDERS) if amount > _EXACT]
        named = [f"{amount:g} by {who}" for who, amount in largest]
        rest = self.used - sum(amount for _, amount in largest)
        if rest > _EXACT:
            unseen = self.seen + _EXACT < self.used
            named.append(f"{rest:g} by others" + (", whom this key does not see" if unseen else ""))
        return ", ".join(named)


def outlooks(applications: Sequence[Application], holdings: Holdings) -> list[Outlook]:
    """What can be said of each application that waits for capacity or may, the one that waits longest first."""
    pools = _pools(holdings, frozenset(app.name for app in applications))
    starting = sorted((app for app in applications if app.state == "starting"), key=lambda app: (began(app), app.place))
    # Of several runs of one name the newest comes first.
    states = {row.name: row.state for row in reversed(holdings.held) if row.project == holdings.project}
    admitted = _admitted(applications, holdings, pools, states)
    for app in applications:
        # A workload may have come to run between the list of applications and that of workloads.
        held = app.name in admitted or (
            states[app.name] in _HOLDS if app.name in states else app.name in holdings.running
        )
        # One that is stopping holds what it held; it may never have had anything.
        holds = app.state == "running" or (app.state == "stopping" and held)
        holds = holds or (app.state == "starting" and app.name in admitted)
        for pool in pools if holds != held else ():
            pool.take(OURS, (holds - held) * pool.asked(app))
    found = []
    for app in starting:
        if app.name in admitted:
            continue
        short = tuple(pool.shortage(app) for pool in pools if pool.lacks(app))
        found.append(Outlook(app, short))
        for pool in pools if not short else ():
            pool.take("applications that have waited for longer", pool.asked(app))
    return found


def _admitted(
    applications: Sequence[Application], holdings: Holdings, pools: Sequence[_Pool], states: Mapping[str, str]
) -> frozenset[str]:
    """Applications that were starting when this was read and had their capacity by then: only their image was missing.

    Whether a platform counts these as use is not promised. Where more is in use than what runs holds, the rest is held
    by workloads like these, the oldest first: those that the platform calls `starting`, not `scheduling`.
    """
    own = [pool for pool in pools if pool.is_quota and pool.seen]
    left = {pool: pool.used - pool.seen for pool in own}
    found = set()
    for app in sorted(applications, key=lambda app: (began(app), app.place)):
        if app.name not in holdings.starting or states.get(app.name) != "starting":
            continue
        asked = {pool: pool.asked(app) for pool in own if pool.asked(app) > 0}
        if asked and all(amount <= left[pool] + _EXACT for pool, amount in asked.items()):
            found.add(app.name)
            for pool, amount in asked.items():
                left[pool] -= amount
                pool.hold(OURS, amount)
    return frozenset(found)


def not_known(holdings: Holdings) -> str:
    """Why nothing can be said of quotas; empty when they were reported."""
    if holdings.quotas:
        return ""
    return "; ".join(holdings.unknown) or "the platform tells this key no quota"


def in_use(holdings: Holdings) -> str:
    """How much of the quotas is in use, in words; empty without any."""
    parts = []
    for quota in holdings.quotas:
        for field, unit in _UNITS[:2]:
            limit, used = getattr(quota.limit, field), getattr(quota.used, field)
            if limit and used is not None:
                parts.append(f"{used:g} of {limit:g} {unit}")
    return ", ".join(parts)


def _pools(holdings: Holdings, ours: frozenset[str]) -> list[_Pool]:
    pools = []
    for quota in holdings.quotas:
        mine = quota.kind == "user"
        rows = [row for row in holdings.held if (row.user if mine else row.group) == quota.owner]
        for field, unit in _UNITS:
            limit, used = getattr(quota.limit, field), getattr(quota.used, field)
            if not limit or used is None:
                continue
            place = YOURS if mine else f"the quota of group {quota.owner}"
            pool = _Pool(unit, place, limit, used, _asked(field))
            pool.is_quota = True
            for row in rows:
                if row.state in _HOLDS:
                    pool.hold(_holder(row, holdings, ours), getattr(row, field) or 0.0)
            pools.append(pool)
    for label in holdings.labels:
        pools += _of_label(label, holdings)
    return pools


def _of_label(label: Label, holdings: Holdings) -> Iterable[_Pool]:
    def asked(app: Application) -> float:
        # Where there is one kind only, it is the kind that is asked for.
        is_it = app.accelerator_label_id == label.id or (not app.accelerator_label_id and len(holdings.labels) == 1)
        return float(app.gpus) if is_it else 0.0

    if label.limit:
        mine = sum(count for user, count in label.used if user == holdings.user)
        pool = _Pool(label.name, YOURS, label.limit, mine, asked)
        pool.hold("you", mine)
        yield pool
    if not label.total:
        return
    rows = [row for row in holdings.held if row.label == label.name and row.gpus and row.state in _HOLDS]
    used = sum(count for _, count in label.used)
    seen = sum(row.gpus or 0.0 for row in rows)
    pool = _Pool(label.name, "", label.total, max(used, seen), asked)
    for row in rows:
        pool.hold(_by(row, holdings), row.gpus or 0.0)
    if not rows:
        for user, count in label.used:
            pool.hold("you" if user == holdings.user else user, count)
    yield pool


def _asked(field: str) -> Callable[[Application], float]:
    return lambda app: float(getattr(app, field))


def _by(row: Held, holdings: Holdings) -> str:
    """Whose a workload is, for people: you, else its project, else its user."""
    if row.user and row.user == holdings.user:
        return "you"
    return f"project {row.project}" if row.project else row.user or "others"


def _holder(row: Held, holdings: Holdings, ours: frozenset[str]) -> str:
    """Whose a workload is among those that share one quota."""
    if row.project == holdings.project and row.name in ours:
        return OURS
    if row.project == holdings.project:
        return f"other workloads of project {row.project}"
    return f"project {row.project}" if row.project else "others"
