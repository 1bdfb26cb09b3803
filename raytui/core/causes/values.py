"""What is found out about an end: who said what, the conclusion, and what to do.

A conclusion is drawn only from what somebody said of this very end. Witnesses that contradict each other, and those
that say nothing definite, make it `unknown`: no cause is better than a wrong one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from raytui.core.observed.joined import Joined
from raytui.core.observed.snapshot import Snapshot
from raytui.core.remedy import Hint

CauseKind = Literal[
    "planned",
    "out_of_memory",
    "disk_full",
    "killed",
    "head_lost",
    "node_lost",
    "cut_off",
    "agent_lost",
    "process_lost",
    "actor_lost",
    "owner_ended",
    "exception",
    "exit_code",
    "not_found",
    "environment",
    "unschedulable",
    "start_failed",
    "unknown",
]
"""`planned` is an end that somebody wanted and no death; `exit_code` a program that ended with one and said nothing
more; `environment` a runtime environment that could not be set up; `process_lost` a worker process that ended without
a word."""
SubjectKind = Literal["node", "application", "worker", "actor", "task", "job", "deployment"]


class Witness(msgspec.Struct, frozen=True):
    """What one source said of an end."""

    source: str
    """Who said it: `platform`, `launcher`, `Ray`, `Ray's events`, or the name of a log."""
    said: str
    at: float = 0.0
    """When it happened or was said, in seconds since 1970; 0 when unknown."""


class Cause(msgspec.Struct, frozen=True):
    """Why one thing ended."""

    subject_kind: SubjectKind
    subject: str
    """Its id, whole."""
    kind: CauseKind
    sentence: str
    """What happened to it, as a clause with its subject: `job train failed with exit code 3`."""
    witnesses: tuple[Witness, ...] = ()
    because_of: Cause | None = None
    """What it ended with: the actor, process or node that took it along."""
    remedy: Hint = ""
    certain: bool = True
    """Whether every witness agrees and one of them names the cause."""
    at: float = 0.0
    """When it ended, in seconds since 1970; 0 when unknown."""

    @property
    def root(self) -> Cause:
        """Where the chain begins."""
        return self if self.because_of is None else self.because_of.root

    @property
    def chain(self) -> tuple[Cause, ...]:
        """This cause and those behind it, the first cause last."""
        return (self,) if self.because_of is None else (self, *self.because_of.chain)

    @property
    def is_death(self) -> bool:
        """Whether it is an end that nobody wanted."""
        return self.kind != "planned"

    @property
    def whole(self) -> str:
        """The whole chain as one sentence."""
        return " because ".join(cause.sentence for cause in self.chain)

    @property
    def advice(self) -> Hint:
        """What to do about it: of the first cause that says something, beginning with the deepest."""
        return next((cause.remedy for cause in reversed(self.chain) if cause.remedy), "")


class Evidence(msgspec.Struct, frozen=True):
    """What there is to draw conclusions from."""

    joined: Joined
    tails: Mapping[str, tuple[str, ...]] = {}
    """Last lines of logs by the name under which `raytui logs` shows them: `worker-1`, `worker-1/raylet.out`,
    `job/ID`."""

    @property
    def snapshot(self) -> Snapshot:
        """What was observed."""
        return self.joined.snapshot
