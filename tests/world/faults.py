"""What goes wrong in one life: drawn once from its seed, and switched off at its end."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Literal

Trouble = Literal["500", "504", "html", "429", "garbage", "lost", "timeout"]
BAD_ANSWERS: tuple[Trouble, ...] = ("500", "504", "html", "429", "garbage", "lost", "timeout")


THEMES = (
    ("crashes", "automatic restarts", "corpses"),
    ("crashes", "automatic restarts", "late reports"),
    ("crashes", "corpses", "dashboard errors"),
    ("stale reports", "clock ahead", "late reports"),
    ("list lag", "refused create"),
    ("list lag", "API errors", "outages"),
    ("outages", "refused create"),
    ("list lag", "foreign name"),
    ("full quota", "crashes", "automatic restarts"),
    ("stuck", "slow delete", "crashes"),
    ("odd exceptions", "list lag"),
    ("API errors", "crashes", "automatic restarts"),
)


@dataclass(frozen=True)
class Upset:
    """One failing call: what the caller hears, and whether and when the server did the work all the same."""

    heard: Trouble
    done: bool
    late: float = 0.0
    """Seconds after the answer at which the work is done; a gateway gives up while the create goes on."""


@dataclass
class Faults:
    """The switches of a life; everything off is a well-behaved world."""

    list_lag: float = 0.0
    """Most seconds until a create or a delete shows in lists and gets."""
    errors: float = 0.0
    """Share of the calls to the API that fail."""
    outages: float = 0.0
    """Seconds for which the API answers nobody, now and then. 0: never."""
    down: bool = False
    """Whether that is so now."""
    dashboard_errors: float = 0.0
    refused: str = ""
    """End of the name of an application whose create is refused (`worker-2`)."""
    stuck: str = ""
    """End of the name of the application that gets stuck."""
    stuck_in: Literal["", "starting", "stopping", "deleting"] = ""
    stuck_for: float = 0.0
    delete_frees: bool = True
    """Whether a DELETE ends what is stuck in stopping."""
    slow_delete: float = 0.0
    restart_refused: bool = False
    auto_restart: bool = False
    restart_after: float = 20.0
    crashes: float = 0.0
    """Seconds between two misfortunes, about: a node ends by itself, or somebody removes an application by hand. 0:
    none."""
    corpse: float = 0.5
    """Most seconds for which Ray lists a dead node as alive when nobody said good-bye."""
    report_delay: float = 0.0
    """Most seconds until a launcher's report is seen from outside."""
    skew: float = 0.0
    """Seconds by which the clock of some pods is ahead."""
    skewed: float = 0.0
    """Share of the pods with such a clock."""
    stale_report: bool = False
    """Whether files of an earlier life lie in the folder."""
    file_lag: float = 0.0
    moves: Literal["replace", "refused", "unknown"] = "replace"
    """What becomes of a file that is moved onto another; older workbenches may not move files at all."""
    odd: float = 0.0
    """Chance that a run meets an exception that nobody foresaw."""
    quota: int = 0
    """CPUs that the person may use at a time, of which each application asks for one; what exceeds that waits in
    STARTING without a word. 0: any number."""
    foreign_name: str = ""
    """End of the name of ours that somebody else's application has."""
    reported: list[str] = field(default_factory=list)

    def upset(self, chance: random.Random) -> Upset | None:
        """Whether this call fails, and how."""
        if not self.down and (not self.errors or chance.random() >= self.errors):
            return None
        heard = chance.choice(BAD_ANSWERS)
        if heard == "429":
            return Upset(heard, done=False)
        done = chance.random() < (0.2 if self.down else 0.5)
        late = chance.uniform(0.0, 10.0) if done and heard == "504" and chance.random() < 0.5 else 0.0
        return Upset(heard, done, late)

    def end(self) -> None:
        """The world is well again; what is stuck is freed by an administrator."""
        reported = self.reported
        self.__dict__.update(Faults().__dict__)
        self.reported = reported

    @property
    def quiet(self) -> bool:
        """Whether nothing at all goes wrong."""
        return not self.reported


def draw(chance: random.Random) -> Faults:
    """The faults of one life: often few, sometimes many together, sometimes none."""
    faults = Faults()
    share = chance.choice((0.0, 0.12, 0.12, 0.3, 0.3, 0.6))
    # What hurts only together seldom meets by chance alone.
    theme = chance.choice(THEMES) if chance.random() < 0.5 else ()

    def on(name: str) -> bool:
        hit = chance.random() < (0.8 if name in theme else share / 2 if theme else share)
        if hit:
            faults.reported.append(name)
        return hit

    if on("list lag"):
        faults.list_lag = chance.uniform(0.3, 5.0)
    if on("API errors"):
        faults.errors = chance.choice((0.02, 0.05, 0.15))
    if on("outages"):
        faults.outages = chance.choice((10.0, 40.0, 120.0))
    if on("dashboard errors"):
        faults.dashboard_errors = chance.choice((0.05, 0.2))
    if on("refused create"):
        faults.refused = chance.choice(("head", "worker-1", "worker-2", "worker-3"))
    if on("stuck"):
        faults.stuck = chance.choice(("head", "worker-1", "worker-2"))
        faults.stuck_in = chance.choice(("starting", "stopping", "deleting"))
        faults.stuck_for = chance.choice((8.0, 40.0, 1e9))
        faults.delete_frees = chance.random() < 0.6
    if on("slow delete"):
        faults.slow_delete = chance.choice((5.0, 30.0, 170.0))
    if on("restart refused"):
        faults.restart_refused = True
    if on("automatic restarts"):
        faults.auto_restart = True
        faults.restart_after = chance.uniform(3.0, 60.0)
    if on("crashes"):
        faults.crashes = chance.choice((8.0, 25.0, 80.0))
    if on("corpses"):
        faults.corpse = chance.uniform(16.0, 65.0)
    if on("late reports"):
        faults.report_delay = chance.uniform(5.0, 60.0)
    if on("clock ahead"):
        faults.skew = 7200.0
        faults.skewed = chance.choice((0.4, 1.0))
    if on("stale reports"):
        faults.stale_report = True
    if on("late files"):
        faults.file_lag = chance.uniform(1.0, 20.0)
    if on("moves refused"):
        faults.moves = chance.choice(("refused", "refused", "unknown"))
    if on("odd exceptions"):
        faults.odd = 0.5
    if on("full quota"):
        faults.quota = chance.choice((1, 2, 3, 4))
    if on("foreign name"):
        faults.foreign_name = chance.choice(("head", "worker-1", "worker-2"))
    return faults
