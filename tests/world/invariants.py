"""What must hold whatever goes wrong. Every check compares what raytui said with the truth of the world."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from raytui.core.errors import DeadlineExceeded, NotFound, OutcomeUnknown, RaytuiError
from raytui.core.observed.snapshot import Snapshot
from tests.world.records import FAILED, RUNNING, STARTING, STOPPED, STOPPING, App, RayNode
from tests.world.site import Site

if TYPE_CHECKING:
    from tests.world.runs import Run

SERVED_BOUND = 70.0
"""Seconds for which a dead node may be called alive where Ray's dashboard is asked: Ray itself lists a node whose host
vanished for 65 s."""
UNSERVED_BOUND = 100.0
"""The same where only launchers' reports tell: a report is written every 10 s, is seen up to 60 s late and counts for
90 s; the launcher notices that GCS does not answer within 5 s, and a look reads each report every 5 s."""
ENDED_BOUND = 5.0
"""The same for an application that the platform itself lists as ended, or whose own launcher says so: that witness is
there at once."""
SLACK = 30.0
"""Seconds that a call may take beyond its --timeout: the last request and its answer."""
LOOKED_FOR = 110.0
"""The same where requests fail: a create that a gateway gave up on is looked for for 60 s after its 45 s, so that
nothing is left unknown."""
UNDO = 300.0
"""Seconds that undoing may take beyond that: a delete has been seen to take 180 s."""
QUOTA_BOUND = 75.0
"""Seconds after which it must be said that an application waits for quota, or no longer does: who holds what is asked
once a minute."""
OBSERVE = 60.0
"""The most seconds of one look: 30 for the list, 10 to locate the dashboard, three questions of 5 s in turn."""
UNKNOWN = re.compile(r"could not be asked|what exists is not known|cannot be known", re.IGNORECASE)
"""Sentences that say of everything, not of one thing alone, that it may exist."""
NAMED = re.compile(r"head|(?:worker|cpu)-\d|\.raytui/")
NOTHING = re.compile(r"no application of \S+ is listed now|ran out before \w+ began|nothing else was begun")


@dataclass(frozen=True)
class Finding:
    """One thing that must not be."""

    invariant: str
    text: str


class Judge:
    """Collects the findings of one life."""

    def __init__(self, site: Site, *, served: bool) -> None:
        self.site = site
        self.served = served
        self.found: list[Finding] = []
        self.asked: set[int] = set()
        """Numbers of workers that may be what was last asked for; several after an operation that failed."""
        self.extra: set[int] = set()
        """The same of the second group."""

    @property
    def bound(self) -> float:
        return SERVED_BOUND if self.served else UNSERVED_BOUND

    def wrong(self, invariant: str, text: str) -> None:
        if not any(finding.invariant == invariant and finding.text == text for finding in self.found):
            self.site.tell(f"  !! {invariant}: {text}")
            self.found.append(Finding(invariant, text))

    # ------------------------------------------------------------------ operations

    def after(self, run: Run) -> None:
        """What must hold when a run has ended."""
        self._exceptions(run)
        self._deadline(run)
        if run.outcome == "killed":
            return
        if run.outcome == "done":
            self._done(run)
        elif run.verb in {"start", "scale", "restart"}:
            self._left(run)
        self._claims(run)
        if self.site.faults.quiet and run.outcome == "failed" and not run.interrupted and not run.concurrent:
            self._quiet(run)
        if run.verb == "stop" and run.outcome == "failed":
            self._stopped_all_it_could(run)
        if not run.changed:
            for what, app in run.changes:
                if run.outcome == "done":
                    self.wrong("changed", f"{run.title} said that nothing was changed, and {app.name} was {what}")

    def _quiet(self, run: Run) -> None:
        """Where nothing goes wrong, nothing fails but what cannot be, and what was given too little time."""
        if isinstance(run.error, NotFound) or (isinstance(run.error, DeadlineExceeded) and run.timeout < 30.0):
            return
        head = next((state for app, state in run.states.items() if app.short == "head"), None)
        if run.verb == "restart" and "wait for it in vain" in run.said and head not in {STARTING, RUNNING}:
            return
        self.wrong("quiet", f"{run.title} failed in a world without faults: {run.said}")

    def _exceptions(self, run: Run) -> None:
        error = run.error
        if error is not None and not isinstance(error, RaytuiError) and not run.oddity.raised:
            self.wrong("exception", f"{run.title} ended with {type(error).__name__}: {error}")

    def _deadline(self, run: Run) -> None:
        over = isinstance(run.error, DeadlineExceeded) and not isinstance(run.error, OutcomeUnknown)
        # A step has a time of its own, after which what was made is undone as after any other failure.
        over = over and not any(event.step == "undone" for event in run.events)
        undone = run.outcome != "done" and not over and run.verb != "stop"
        limit = (
            run.timeout
            + (LOOKED_FOR if self.site.faults.errors or self.site.faults.outages else SLACK)
            + (UNDO if undone or run.interrupted or run.replaced else 0.0)
        )
        if run.seconds > limit:
            self.wrong(
                "deadline",
                f"{run.title} with --timeout {run.timeout:g} took {run.seconds:.0f} s and ended with: {run.said[:160]}",
            )

    def _left(self, run: Run) -> None:
        """After a failure: what this run made is gone, or named."""
        if run.verb == "restart":
            lost = [app for app in run.before if app.id not in self.site.apps and ("deleted", app) in run.changes]
            # What it made again and somebody removed then is not its to name.
            there = {other.short for other in self.site.ours()} | self._by_hand(run)
            lost = [app for app in lost if app.short not in there]
            unsaid = [
                app.name
                for app in lost
                if not _names(run.said, app) and not UNKNOWN.search(run.said) and not run.concurrent
            ]
            if unsaid:
                self.wrong("unnamed", f"{run.title} failed and {', '.join(unsaid)} is gone without a word: {run.said}")
        # What a restart made again was there before, and is not taken away.
        before = {app.name for app in run.before} if run.verb == "restart" else set()
        made = [app for app in self.site.apps.values() if app.made_by is run.process and app.name not in before]
        unnamed = [app.name for app in made if not _names(run.said, app) and not UNKNOWN.search(run.said)]
        if unnamed:
            self.wrong("unnamed", f"{run.title} failed and left {', '.join(unnamed)} without a word: {run.said}")
        said = run.said
        named = any(words.search(said) for words in (UNKNOWN, NOTHING, NAMED))
        is_empty = "listed: none" in said and not self.site.ours()
        if isinstance(run.error, DeadlineExceeded) and not named and not is_empty:
            self.wrong("exit code", f"{run.title} said DeadlineExceeded and names nothing: {said}")

    def _claims(self, run: Run) -> None:
        """A sentence about what exists is true."""
        if run.concurrent:
            return
        said, there = run.said, [app for app in self.site.ours() if run.could_know(app)]
        if re.search(r"no application of \S+ is listed now", said) and there:
            self.wrong("claim", f"{run.title} said that no application exists, and there are {_list(there)}: {said}")
        if re.search(r"listed: none(?!; made)", said) and there:
            self.wrong("claim", f"{run.title} said that nothing exists, and there are {_list(there)}: {said}")
        made = [app for app in self.site.apps.values() if app.made_by is run.process]
        if "what this run made was removed" in said and made:
            self.wrong("claim", f"{run.title} said that what it made was removed, and there are {_list(made)}: {said}")
        if re.search(r"nothing (was|had been) (being )?changed|nothing was begun", said) and run.changes:
            self.wrong(
                "claim",
                f"{run.title} said that nothing was changed, and it {run.changes[0][0]} {run.changes[0][1].name}: {said}",
            )

    def _done(self, run: Run) -> None:
        if run.concurrent or self.site.creating:
            return
        there = {app.short: app for app in self.site.ours()}
        by_hand = self._by_hand(run)
        if run.verb == "stop":
            self._stop_done(run, there)
            return
        wanted = run.wanted
        if run.verb == "restart":
            # What an earlier scale was still deleting is nobody's wish.
            meant = {
                app for app in run.before if run.targets(app) and not (app.deleting and run.states[app] == STOPPING)
            }
            wanted = [app.short for app in run.before if app in meant or run.states[app] in {STARTING, RUNNING}]
        wanted = [name for name in wanted if name not in by_hand]
        missing = [name for name in wanted if name not in there]
        if missing:
            self.wrong("done", f"{run.title} said done, and {', '.join(missing)} do not exist")
        if run.verb == "scale":
            surplus = [
                name
                for name, app in there.items()
                if name.startswith(f"{run.group}-")
                and name not in wanted
                and app.shown_from < run.began
                and not (app.deleting and not run.wait)
            ]
            if surplus:
                self.wrong("done", f"{run.title} said done, and {', '.join(surplus)} exist")
        if run.wait:
            # What no list showed to a run without a number of its own, it could not wait for.
            for name in wanted:
                if name in there and (run.asked is not None or there[name].shown_from < run.began):
                    self._lives(run, there[name])

    def _by_hand(self, run: Run) -> set[str]:
        """Short names of what was changed by somebody who is no raytui since the run began."""
        return {app.short for at, by, _, app in self.site.changes if by is None and at >= run.began}

    def _lives(self, run: Run, app: App) -> None:
        now, bound = self.site.now(), self.bound
        if not any(
            node.name == app.name
            and node.engine is app.engine
            and node.alive(now - bound, now)
            and self._in_session(node, now - bound)
            for node in self.site.nodes.values()
        ):
            self.wrong(
                "done",
                f"{run.title} said done, and no node of {app.name}'s present run was alive in the last {bound:g} s ({_of(app)})",
            )

    def _stop_done(self, run: Run, there: dict[str, App]) -> None:
        if not run.keep:
            left = [app for app in there.values() if not (app.deleting and not run.wait) and run.could_know(app)]
            if not run.wait:
                # It does not wait for what may still come, and says so.
                said = " ".join(run.plan.notes if run.plan else ())
                left = [app for app in left if not _names(said, app)]
            if left:
                self.wrong("done", f"{run.title} said done, and there are {_list(left)}")
            return
        for app in there.values():
            if app.deleting or app.shown_from > run.began:
                continue
            comes_back = app.status == FAILED and app.wanted and self.site.faults.auto_restart and app.restarts < 3
            if app.status not in {STOPPED, FAILED} and run.wait and app in run.before:
                self.wrong("done", f"{run.title} said done, and {app.name} is {app.status}")
            if comes_back and app in run.before:
                self.wrong(
                    "done", f"{run.title} said done, and {app.name} is FAILED and will be restarted by the platform"
                )

    def _stopped_all_it_could(self, run: Run) -> None:
        left = self.site.ours()
        for app in left:
            if (
                app not in run.before
                or not run.events
                or run.concurrent
                or run.interrupted
                or run.oddity.raised
                or app.shown_from > run.began
            ):
                continue
            kept = run.keep and (app.status in {STOPPED, FAILED} or app.deleting)
            if not kept and not _names(run.said, app) and not UNKNOWN.search(run.said):
                self.wrong("stop", f"{run.title} failed and does not name {app.name} ({app.status}): {run.said}")
            if run.fair and not app.sticky and not app.deleting and not kept:
                self.wrong(
                    "stop", f"{run.title} gave up, and nobody asked {app.name} ({app.status}) to end: {run.said}"
                )

    # ------------------------------------------------------------------ status

    def look(
        self, snapshot: Snapshot, document: dict[str, Any], begin: float, end: float, before: dict[App, str]
    ) -> None:
        """What must hold of a status that was made between two moments; `before` are the states at the first."""
        if end - begin > OBSERVE:
            self.wrong("deadline", f"a look took {end - begin:.0f} s")
        truth = self.site.ours()
        rows = [document["head"], *document["workers"]]
        apps = {app.id: app for app in (*self.site.apps.values(), *self.site.past)}
        reports = {app.id: app for app in snapshot.applications.value or ()}
        for row in rows:
            if row is not None and row["node_state"] == "ALIVE":
                listed = reports[row["application_id"]]
                report = listed.launcher
                reported = (
                    report is not None and report.state in {"failed", "ended"} and report.node_id == row["node_id"]
                )
                ended = listed.state in {"failed", "stopped"} or reported
                self._alive(
                    apps[row["application_id"]],
                    row["node_id"],
                    begin,
                    end,
                    ENDED_BOUND if ended else self.bound,
                    document,
                )
        verdict, phase = document["verdict"], document["phase"]
        # What raytui itself is ending or making just now is no fault; only without that, `ok` says that all is there.
        if (verdict == "ok" and snapshot.operation is None) or phase == "running":
            self._all_well(begin, end, f"{phase}/{verdict}")
        lag = self.site.faults.list_lag
        if phase == "absent":
            known = [app for app in truth if app.created < begin - lag and STOPPED not in {app.status, before.get(app)}]
            if known:
                self.wrong("absent", f"a status says absent, and there are {_list(known)}")
        self._counts(snapshot, document, begin, end)
        self._waits(document, begin, end)
        # One that was only just deleted is listed as stopping for a moment yet.
        if self.site.faults.quiet and verdict != "ok" and phase != "stopping" and truth and self._well(begin, before):
            self.wrong(
                "quiet",
                f"a status says {phase}/{verdict} in a world without faults, where all nodes have been alive for long",
            )

    def _waits(self, document: dict[str, Any], begin: float, end: float) -> None:
        """Who waits for quota is said to, and nobody when there is room."""
        site = self.site
        reported = [found for found in document["conditions"] if found["reason"] == "QuotaExceeded"]
        # Of what was only just made the arithmetic says it before the platform has tried.
        asked = sum(app.cpu for app in site.ours() if app.wanted and not app.deleting)
        if reported and site.refused_at < begin - QUOTA_BOUND and asked <= site.faults.quota:
            self.wrong("quota", f"a status says {reported[0]['message']!r}, and nobody was kept waiting for long")
        said = " ".join(f"{found['subject']} {found['message']}" for found in reported)
        # Where room has just become free, the platform begins within a second what waited for it.
        if site.faults.errors or site.faults.outages or site.room_at > begin - 1.0:
            return
        for app in site.ours():
            kept = app.waits_since is not None and app.waits_since < begin - QUOTA_BOUND and app.status == STARTING
            is_kept = kept and not site.has_room(app.cpu)
            if is_kept and app.shown_from < begin and not app.deleting and not _names(said, app):
                ago = end - (app.waits_since or 0.0)
                self.wrong("quota", f"{app.name} has waited for quota for {ago:.0f} s, and a status says nothing of it")

    def _well(self, begin: float, before: dict[App, str]) -> bool:
        """Whether all that was asked for has been alive for half a minute."""
        truth = self.site.ours()
        if before.keys() != set(truth) or any({app.status, before[app]} != {RUNNING} for app in truth):
            return False
        there = {app.short: app.engine.node if app.engine else None for app in truth}
        wanted = self._asked_for(max)
        return there.keys() >= wanted and all(
            node is not None and node.dead is None and node.born < begin - 30.0 for node in there.values()
        )

    def _asked_for(self, of: Callable[[set[int]], int]) -> set[str]:
        """Short names of what was last asked for: the most or the least of it that may have been."""
        numbers = (("worker", self.asked), ("cpu", self.extra))
        return {"head", *(f"{group}-{n}" for group, asked in numbers for n in range(1, of(asked or {0}) + 1))}

    def _alive(
        self, app: App, node_id: str | None, begin: float, end: float, bound: float, document: dict[str, Any]
    ) -> None:
        node = self.site.nodes.get(node_id or "")
        where = f"in a status {document['phase']}/{document['verdict']}"
        if node is None:
            self.wrong("alive", f"{app.name} is called ALIVE with the node {node_id!r} that never was, {where}")
            return
        if node.engine.app is not app and app.gone is not None:
            return  # the list still shows what is gone, and its successor lives under the same name
        if node.engine.app is not app:
            self.wrong(
                "earlier life",
                f"{app.name} ({app.id}) is called ALIVE by a node of {node.engine.app.name} ({node.engine.app.id}), {where}",
            )
            return
        following = [engine for engine in app.engines if engine.number > node.engine.number]
        if following and following[0].born < begin - 1.0:
            ago = begin - following[0].born
            self.wrong(
                "earlier life",
                f"{app.name} is called ALIVE by a node of its earlier run, {ago:.0f} s after the next began, {where}",
            )
            return
        if not node.alive(begin - bound, end) or not self._in_session(node, begin - bound):
            dead = min(at for at in (node.dead, node.session.ended) if at is not None)
            self.wrong(
                "alive",
                f"{app.name} is called ALIVE {begin - dead:.0f} s after its node died (bound {bound:g} s), {where}; {_of(app)}",
            )

    @staticmethod
    def _in_session(node: RayNode, begin: float) -> bool:
        return node.session.ended is None or node.session.ended >= begin

    def _all_well(self, begin: float, end: float, said: str) -> None:
        if not self.asked:
            return
        lately = begin - self.site.faults.list_lag - 1.0
        there = {app.short: app for app in self.site.past if app.ours and app.gone is not None and app.gone > lately}
        there.update({app.short: app for app in self.site.ours()})
        for name in sorted(self._asked_for(min)):
            app = there.get(name)
            if app is None:
                self.wrong(
                    "verdict",
                    f"a status says {said}, and {name} does not exist (asked for: {sorted(self.asked)} workers, {sorted(self.extra)} of cpu)",
                )
                continue
            nodes = [node for node in self.site.nodes.values() if node.engine.app is app]
            if app.shown_from > begin:
                continue
            if not any(
                node.alive(begin - self.bound, end) and self._in_session(node, begin - self.bound) for node in nodes
            ):
                self.wrong(
                    "verdict",
                    f"a status says {said}, and {name} has no node that lived in the last {self.bound:g} s ({_of(app)})",
                )

    def _counts(self, snapshot: Snapshot, document: dict[str, Any], begin: float, end: float) -> None:
        nodes, jobs, cpu = document["nodes"], document["jobs"], (document["resources"] or {}).get("cpu")
        alive = (nodes or {}).get("alive")
        absent = snapshot.applications.value == ()
        asked = snapshot.nodes.value is not None
        if snapshot.usage.value is None and not absent and (cpu or {}).get("total") is not None:
            self.wrong("counts", f"cpu.total is {cpu['total']!r} where Ray was not asked; null would be true")
        if snapshot.jobs.value is None and not absent and (jobs or {}).get("running") is not None:
            self.wrong("counts", f"jobs.running is {jobs['running']!r} where Ray was not asked; null would be true")
        if alive is None:
            return
        # Where only reports tell, a node is known once its report is seen and read.
        known = 1.0 if asked else UNSERVED_BOUND
        bound = self.bound
        most = sum(
            node.alive(begin - bound, end) and self._in_session(node, begin - bound)
            for node in self.site.nodes.values()
        )
        least = sum(
            node.born < begin - known
            and (node.dead is None or node.dead > end)
            and self._in_session(node, end)
            and node.engine.app.status == RUNNING
            for node in self.site.nodes.values()
        )
        # Nodes of which nobody knows are said to be so beside the number.
        if not least - (document["unobserved_nodes"] or 0) <= alive <= most:
            self.wrong("counts", f"nodes.alive is {alive}, and between {least} and {most} were")
        claimed = sum(
            row is not None and row["node_state"] == "ALIVE" for row in [document["head"], *document["workers"]]
        )
        if alive > claimed and alive > least and snapshot.applications.value is not None:
            rows = [
                (row["name"], row["state"], row["node_state"])
                for row in [document["head"], *document["workers"]]
                if row
            ]
            self.wrong(
                "counts",
                f"nodes.alive is {alive}, and only {claimed} applications have a node that is called alive: {rows}",
            )

    # ------------------------------------------------------------------ the end

    def end(self, foreign: list[App], stops: list[str]) -> None:
        """After the last stop of a healed world."""
        left = self.site.ours()
        if left:
            self.wrong(
                "leak",
                f"after {len(stops)} stops in a world without faults there are {_list(left)}; the last stop said: {stops[-1]}",
            )
        for app in foreign:
            if app.id not in self.site.apps or app.touched:
                self.wrong("foreign", f"{app.name}, which is not ours, was touched: {app.touched}")
        for invariant, text in self.site.wrong:
            self.wrong(invariant, text)
        for app in self.site.apps.values():
            if app not in foreign and not app.ours:
                self.wrong("leak", f"{app.name} ({app.id}) is left")


def _names(said: str, app: App) -> bool:
    return (
        re.search(rf"(?<![\w-]){re.escape(app.short)}(?!\w)", said) is not None
        or re.search(rf"{re.escape(app.name)}(?!\w)", said) is not None
    )


def _list(apps: list[App]) -> str:
    return ", ".join(
        f"{app.name} ({app.status.removeprefix('APPLICATION_').lower()}{', being deleted' if app.deleting else ''})"
        for app in apps
    )


def _of(app: App) -> str:
    engine = app.engine
    node = engine.node if engine else None
    state = "no node" if node is None else "node alive" if node.dead is None else f"node died at {node.dead:.1f}"
    return f"{app.status.removeprefix('APPLICATION_').lower()}, {len(app.engines)} starts, {state}"
