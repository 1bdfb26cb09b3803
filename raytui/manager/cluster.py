"""The life of one cluster: plan a verb against what is observed, carry the plan out, and undo what a failed run made.

`start`, `stop`, `scale` and `restart` are one mechanism. Under the cluster's lock the plan is made again from a fresh
look, so what is carried out is never older than a moment, and never ends more than the person was shown.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import aclosing
from pathlib import Path

import msgspec

from raytui.core.conditions import assess
from raytui.core.desired.asked import (
    changed_fields,
    counts,
    dropped_notes,
    fields_of,
    overlay,
    profile_note,
)
from raytui.core.desired.required import with_launchers
from raytui.core.desired.validate import count_problems
from raytui.core.errors import ConfigurationError, NotFound, OperationFailed, RefusedForSafety
from raytui.core.events import StepEvent
from raytui.core.observed.snapshot import Application
from raytui.core.permission import require_changeable
from raytui.core.plan import Plan, Verb, plan_restart, plan_scale, plan_start, plan_stop, recorded_spec, scale_spec
from raytui.core.protocols.platform import Platform
from raytui.core.remedy import CREATE, Remedy
from raytui.core.report import status_document
from raytui.core.spec import WORKER, ClusterSpec, HeadSpec, WorkersSpec
from raytui.manager.defaults import DEPLOYED, counting, deployed, filled, on_basis, on_ports
from raytui.manager.executor import Execution
from raytui.manager.journal import Journal
from raytui.manager.memory import Memory
from raytui.manager.monitor import Monitor
from raytui.manager.operations import hold
from raytui.manager.refusals import refuse_impossible, refuse_unknown, refuse_unsound


class ClusterManager:
    """Changes one cluster on one platform. One operation at a time; a second one is refused."""

    def __init__(
        self,
        platform: Platform,
        monitor: Monitor,
        spec: ClusterSpec,
        *,
        launchers: Callable[[], Mapping[str, bytes]],
        state_dir: Path,
        read_only: bool = False,
        given: Collection[str] | None = None,
    ) -> None:
        """`given` are the fields of `spec` that somebody set, by their paths.

        By default those that are not as a plain `ClusterSpec`.
        """
        self._platform = platform
        self._monitor = monitor
        self._spec = spec
        self._given = frozenset(given if given is not None else changed_fields(spec, ClusterSpec()))
        self._launchers = launchers
        self._state_dir = state_dir
        self._read_only = read_only
        self._journal = Journal(state_dir)
        self._execution: Execution | None = None

    @property
    def busy(self) -> bool:
        """Whether an operation of this manager is under way."""
        return self._execution is not None

    async def plan(
        self,
        verb: Verb,
        *,
        spec: ClusterSpec | None = None,
        workers: int | None = None,
        groups: Mapping[str, int] | None = None,
        target: str = "all",
        keep: bool = False,
        purge: bool = False,
        flags: Collection[str] | None = None,
        recreate: bool = False,
        fill: bool = True,
    ) -> Plan:
        """What the verb would do now.

        `scale` sets the number of workers of each group in `groups`, and with `workers` that of the group `worker`.

        `start` completes what is recorded with the cluster as last asked for. `flags` are the fields of `spec` that
        count whatever is recorded, by default those in which it differs from the manager's own. `recreate` makes again
        what differs from what is asked for. `purge` lets a stop remove what it otherwise leaves.
        Without `fill` nothing is put in that is missing.

        Raises `ConfigurationError` with every problem, `NotFound` when there is nothing to scale or restart,
        `RefusedForSafety` on a read-only profile, and whatever the platform raises when it cannot be asked.
        """
        require_changeable(verb, self._platform.name, read_only=self._read_only)
        wanted = (spec or self._spec).resolved(self._platform.name)
        counting = frozenset(changed_fields(spec or self._spec, self._spec) if flags is None else flags)
        numbers = {**({} if workers is None else {WORKER: workers}), **(groups or {})}
        if verb == "scale":
            wrong = count_problems(numbers)
            if wrong:
                raise ConfigurationError.from_problems(wrong)
        if verb == "start":
            await self._refuse_unsound(wanted, counting, fill=fill)
        applications = await self._platform.list(wanted.name)
        plan = await self._compare(
            verb, wanted, applications, numbers=numbers, target=target, keep=keep, purge=purge, flags=counting,
            recreate=recreate, fill=fill,
        )  # fmt: skip
        _refuse_problems(plan)
        await refuse_unknown(self._platform, plan)
        if plan.creates:
            plan = msgspec.structs.replace(plan, notes=(*plan.notes, *await refuse_impossible(self._platform, plan)))
        return plan

    async def execute(
        self, plan: Plan, *, wait: bool = True, timeout: float = 600.0
    ) -> AsyncGenerator[StepEvent, None]:
        """Carry a plan out and report each step as it changes.

        `timeout` bounds the whole call, the wait for the cluster's lock included; only a create that is under way then,
        and a restart that had to delete its application, are finished first. When it runs out `DeadlineExceeded` names
        what exists, and nothing is undone. Without `wait` the call ends when the platform has accepted everything.

        On any other failure, foreseen or not, and after `interrupt`, what this run made is undone and reported as
        `undone` steps (within `made.UNDO_S`) before the error is raised as it was, or `Interrupted`. What could not be
        ended keeps nothing else: it is named by the error at the end. Cancelling the consumer has the same effect as
        `interrupt`, without the reports.
        """
        if self._execution is not None:
            raise OperationFailed(
                f"{self._execution.plan.verb} is still running; {plan.verb} was not begun",
                hint="wait for it",
                reason="Busy",
            )
        execution = Execution(
            plan,
            self._platform,
            self._monitor,
            self._launchers,
            self._journal,
            hold=lambda verb, patience: hold(self._state_dir, self._platform.name, plan.cluster, verb, patience),
            memory=Memory(self._state_dir, self._platform, plan.cluster),
            again=self._again,
        )
        self._execution = execution
        try:
            async with aclosing(execution.run(wait=wait, timeout=timeout)) as events:
                async for event in events:
                    yield event
        finally:
            self._execution = None

    def interrupt(self) -> None:
        """Stop the running operation, or its wait for the lock.

        What was begun is finished or undone, then `execute` raises `Interrupted`. Safe to call twice.
        """
        if self._execution is not None:
            self._execution.interrupt()

    async def _compare(
        self,
        verb: Verb,
        wanted: ClusterSpec,
        applications: tuple[Application, ...],
        *,
        numbers: Mapping[str, int],
        target: str,
        keep: bool,
        purge: bool,
        flags: frozenset[str],
        recreate: bool,
        fill: bool,
        shown: ClusterSpec | None = None,
    ) -> Plan:
        if verb in {"scale", "restart"} and not applications:
            raise NotFound(f"cluster {wanted.name} does not exist on {self._platform.name}", hint=CREATE)
        if verb == "stop":
            memory = Memory(self._state_dir, self._platform, wanted.name)
            known = (*applications, *memory.unlisted(applications))
            return plan_stop(wanted, known, keep=keep, purge=purge, doubtful=memory.doubtful(known))
        # Where everything has vanished since the plan was shown, what was shown is still what is wanted.
        basis = await self._recorded(wanted, applications) or shown
        if verb == "restart":
            return plan_restart(basis or wanted, applications, target)
        if verb == "scale":
            scaled, strange = scale_spec(basis or wanted, wanted, applications, numbers)
            if strange:
                raise ConfigurationError.from_problems(strange, f"scale of {wanted.name}")
            plan = plan_scale(scaled, applications, numbers)
            return msgspec.structs.replace(plan, record=plan.spec)
        return await self._compare_start(wanted, applications, basis, flags, recreate=recreate, fill=fill)

    async def _compare_start(
        self,
        wanted: ClusterSpec,
        applications: tuple[Application, ...],
        basis: ClusterSpec | None,
        flags: frozenset[str],
        *,
        recreate: bool,
        fill: bool,
    ) -> Plan:
        left = await deployed(self._platform, wanted, self._given) if fill and basis is None else None
        basis = basis or left
        spec = wanted if basis is None else on_basis(basis, wanted, flags)
        spec, taken = await filled(self._platform, spec, launchers=fill)
        if not any(app.role == "head" for app in applications):
            spec = await self._platform.specs.resolve_ports(spec)
        spec = on_ports(spec, applications)
        said = self._given | flags
        asked = overlay(spec, wanted, counting(said, wanted, spec) - counts(said))
        asked = msgspec.structs.replace(
            asked,
            ray_port=spec.ray_port if asked.ray_port == "auto" else asked.ray_port,
            dashboard_port=spec.dashboard_port if asked.dashboard_port == "auto" else asked.dashboard_port,
        )
        plan = plan_start(spec, applications, asked=asked, recreate=recreate)
        reported = {difference.field for difference in plan.differences}
        note = (
            f"{wanted.name} {DEPLOYED}"
            if left is not None and left != wanted
            else profile_note(plan.spec, wanted, flags=flags | reported, given=self._given)
        )
        record = plan.spec if plan.changed else None
        if record is None and basis is not None:
            # Only numbers changed, to what there is.
            counted = overlay(basis, spec, counts(flags))
            record = counted if counted != basis else None
        notes = (*filter(None, [note]), *taken, *dropped_notes(spec, wanted), *plan.notes)
        return msgspec.structs.replace(plan, profile=wanted, flags=flags, record=record, notes=notes)

    async def _recorded(self, wanted: ClusterSpec, applications: tuple[Application, ...]) -> ClusterSpec | None:
        """What was last asked for of a cluster that exists.

        Of one made before that was recorded, what its applications were made from.
        """
        if not applications:
            return None
        found = await self._platform.store.recorded_spec(wanted.name) or recorded_spec(applications)
        return None if found is None else msgspec.structs.replace(found, name=wanted.name).resolved(self._platform.name)

    async def _again(self, plan: Plan) -> Plan:
        """The same verb against what exists now; refused when it would end something that the person was not shown."""
        applications = await self._platform.list(plan.cluster)
        Memory(self._state_dir, self._platform, plan.cluster).listed(applications)
        if plan.verb in {"scale", "restart"} and not applications:
            raise NotFound(f"cluster {plan.cluster} no longer exists", hint=CREATE)
        wanted, flags = plan.spec, frozenset(fields_of(plan.spec))
        if plan.profile is not None:
            # A free port that was picked and shown stays picked.
            ports = {field for field in ("ray_port", "dashboard_port") if getattr(plan.profile, field) == "auto"}
            wanted, flags = overlay(plan.profile, plan.spec, ports), plan.flags
        fresh = await self._compare(
            plan.verb,
            wanted,
            applications,
            numbers=plan.counts,
            target=plan.target,
            keep=plan.keep,
            purge=plan.purge,
            flags=flags,
            recreate=plan.recreate,
            fill=False,
            shown=plan.spec if plan.verb == "start" else None,
        )
        _refuse_problems(fresh)
        shown = {app.id for app in plan.ends}
        surprise = [app.name for app in fresh.ends if app.id not in shown and app.state not in {"failed", "stopped"}]
        if surprise and plan.verb != "stop":
            raise RefusedForSafety(
                f"{plan.cluster} changed since the plan was shown: {plan.verb} would now also end "
                f"{', '.join(surprise)}",
                hint=("look at ", Remedy("status"), " and run the command again"),
            )
        return fresh

    async def _refuse_unsound(self, wanted: ClusterSpec, flags: frozenset[str], *, fill: bool) -> None:
        async def basis() -> ClusterSpec | None:
            found = await self._recorded(wanted, await self._platform.list(wanted.name))
            if found is None and fill:
                found = await deployed(self._platform, wanted, self._given)
            return found

        spec = with_launchers(wanted, self._platform.name) if fill else wanted
        await refuse_unsound(self._platform, spec, flags, basis)

    async def start_cluster(  # noqa: PLR0917  # the contract gives this very signature
        self,
        num_workers: int = 1,
        cpu: float = 16,
        memory: float = 64,
        num_gpus: int = 0,
        head_cpu: float | None = None,
        head_memory: float | None = None,
        ray_port: int = 6379,
        dashboard_port: int = 8265,
        runtime_identifier: str | None = None,
        head_runtime_identifier: str | None = None,
        worker_runtime_identifier: str | None = None,
        head_script_path: str | None = None,
        worker_script_path: str | None = None,
        wait_ready: bool = True,
        timeout: float = 300,
    ) -> dict[str, object]:
        """Start the cluster and answer its status document; the head is sized like a worker unless told.

        Raises an error that is a `RuntimeError` and lists every problem in `problems`.
        """
        head = HeadSpec(
            cpu=cpu if head_cpu is None else head_cpu,
            memory=memory if head_memory is None else head_memory,
            runtime_identifier=head_runtime_identifier or runtime_identifier or self._spec.head.runtime_identifier,
            script=head_script_path or self._spec.head.script,
        )
        workers = WorkersSpec(
            count=num_workers,
            cpu=cpu,
            memory=memory,
            gpus=num_gpus,
            runtime_identifier=worker_runtime_identifier or runtime_identifier or self._spec.workers.runtime_identifier,
            script=worker_script_path or self._spec.workers.script,
        )
        spec = msgspec.structs.replace(
            self._spec, ray_port=ray_port, dashboard_port=dashboard_port, head=head, workers=workers
        )
        plan = await self.plan("start", spec=spec, flags=fields_of(spec), fill=False)
        await self._carry_out(plan, wait=wait_ready, timeout=timeout)
        return await self.get_status()

    async def stop_cluster(self, timeout: float = 300) -> dict[str, object]:
        """Stop and delete every application of the cluster and answer its status document."""
        await self._carry_out(await self.plan("stop"), wait=True, timeout=timeout)
        return await self.get_status()

    async def get_status(self) -> dict[str, object]:
        """The status document of contract section 3."""
        snapshot = await self._monitor.observe()
        return status_document(snapshot, assess(snapshot), snapshot.observed_at)

    async def _carry_out(self, plan: Plan, *, wait: bool, timeout: float) -> None:
        async for _ in self.execute(plan, wait=wait, timeout=timeout):
            pass


def _refuse_problems(plan: Plan) -> None:
    if plan.problems:
        problem = plan.problems[0]
        kind = NotFound if problem.field == "target" else OperationFailed
        raise kind(problem.message, hint=problem.hint)
