"""`start`, `stop`, `scale` and `restart`: plan, ask, carry out, say what is so now. One road for the four of them."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import aclosing
from typing import Any

import click
import msgspec

from raytui.cli.asking import is_agreed
from raytui.cli.blast import blast_document, observed_blast
from raytui.cli.invocation import Invocation, seconds
from raytui.cli.paint import is_terminal
from raytui.cli.plan_text import ends_work, headline, kept_sentence, planned_steps, short_names, waiting_steps
from raytui.cli.progress import Progress, on_interrupt, ticking
from raytui.cli.sizes import size_flags, spec_fields, spec_options, worker_numbers
from raytui.cli.verb import pass_invocation, verb
from raytui.core.blast.radius import Blast
from raytui.core.blast.sentences import blast_lines, blast_sentence
from raytui.core.conditions import assess
from raytui.core.errors import ConfigurationError, DeadlineExceeded, Interrupted, Problem, RefusedForSafety
from raytui.core.events import StepEvent
from raytui.core.permission import require_changeable
from raytui.core.plan import Plan, Verb
from raytui.core.remedy import as_commands
from raytui.core.report import SCHEMA_VERSION
from raytui.core.session import Session

LEAST_S = 0.01
"""Seconds left at least when planning took all the time: the manager then says what it could not begin."""
DEFAULT_TIMEOUT_S = 600.0
"""Starts on Cloudera AI take seconds to minutes."""

wait_option = click.option(
    "--wait/--no-wait",
    default=True,
    help="Return when it is observed to be so (default), or when the platform has accepted it.",
)
timeout_option = click.option(
    "--timeout",
    metavar="SECONDS",
    help="How long the whole call may take (default 600); then exit 7, with what exists named.",
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Print the plan and change nothing.")
yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask before ending something.")


@verb(
    "start",
    short_help="Create what is missing so that the cluster is as specified.",
    examples="raytui start\nraytui start --workers 2 --cpu 4 --memory 16\nraytui start --cpu 8 --recreate --dry-run\n"
    "raytui start --ray-port auto --dashboard-port auto --dry-run",
)
@spec_options
@click.option(
    "--recreate",
    is_flag=True,
    help="Drain, delete and create again what lives and cannot become what is asked for (size, image, exposure, "
    "ports). Ends their work.",
)
@click.option("--yes", "-y", is_flag=True, help="With --recreate: do not ask before ending something.")
@wait_option
@timeout_option
@dry_run_option
@pass_invocation
def start(
    invocation: Invocation,
    /,
    *,
    recreate: bool,
    yes: bool,
    wait: bool,
    timeout: str | None,
    dry_run: bool,
    **sizes: object,
) -> int:
    """Create the head and the workers that are missing, and wait until Ray lists their nodes as alive.

    Running it twice is safe.

    Of a cluster that exists it completes what was last asked for, whatever the profile says by now; flags count and are
    recorded with it. Where a flag or the profile asks for what a living application cannot become, the difference is
    named and nothing of it is applied without --recreate. Making the head again ends all running jobs.
    """
    flags = size_flags(sizes)
    return change(
        invocation,
        "start",
        flags,
        wait=wait,
        timeout=timeout,
        dry_run=dry_run,
        yes=yes or not recreate,
        recreate=recreate,
    )


@verb(
    "stop",
    short_help="Stop and delete every application of the cluster.",
    examples="raytui stop\nraytui stop --yes --timeout 300\nraytui stop --purge",
)
@click.option("--keep", is_flag=True, help="Leave the applications stopped instead of deleting them.")
@click.option(
    "--purge", is_flag=True, help="Then remove what is left, too: logs, launchers, the record, what deploy made."
)
@yes_option
@wait_option
@timeout_option
@dry_run_option
@pass_invocation
def stop(
    invocation: Invocation,
    /,
    *,
    keep: bool,
    purge: bool,
    yes: bool,
    wait: bool,
    timeout: str | None,
    dry_run: bool,
) -> int:
    """End the workers, then the head, and return when the platform lists none of them."""
    if purge and (keep or not wait):
        other = "--keep" if keep else "--no-wait"
        problem = Problem("--purge", f"removes what applications use, and {other} leaves them", "give one of them")
        raise ConfigurationError.from_problems([problem])
    more = {"keep": keep, "purge": purge}
    return change(invocation, "stop", {}, wait=wait, timeout=timeout, dry_run=dry_run, yes=yes, **more)


@verb(
    "scale",
    short_help="Change the number of workers.",
    examples="raytui scale 4\nraytui scale 0 --yes\nraytui scale cpu=6 gpu=2",
)
@click.argument("numbers", metavar="N|GROUP=N...", nargs=-1, required=True)
@yes_option
@wait_option
@timeout_option
@dry_run_option
@pass_invocation
def scale(
    invocation: Invocation, /, *, numbers: tuple[str, ...], yes: bool, wait: bool, timeout: str | None, dry_run: bool
) -> int:
    """Make workers like those that exist, or drain and end the ones with the highest numbers.

    N alone is the number of the group `worker`; GROUP=N sets one group and leaves the others.
    """
    groups = worker_numbers(numbers)
    return change(invocation, "scale", {}, wait=wait, timeout=timeout, dry_run=dry_run, yes=yes, groups=groups)


@verb(
    "restart",
    short_help="Restart the head, workers, or all.",
    examples="raytui restart worker-1\nraytui restart workers --yes\nraytui restart head\nraytui restart cpu",
)
@click.argument("target", metavar="[head|GROUP-N|GROUP|workers|all]", default="all")
@yes_option
@wait_option
@timeout_option
@dry_run_option
@pass_invocation
def restart(
    invocation: Invocation, /, *, target: str, yes: bool, wait: bool, timeout: str | None, dry_run: bool
) -> int:
    """Stop and start applications; workers join a restarted head by themselves.

    GROUP is the name of a group of workers, such as `worker`; `workers` are those of all groups.
    """
    return change(invocation, "restart", {}, wait=wait, timeout=timeout, dry_run=dry_run, yes=yes, target=target)


def change(
    invocation: Invocation,
    name: Verb,
    flags: dict[str, object],
    /,
    *,
    wait: bool,
    timeout: str | None,
    dry_run: bool,
    yes: bool,
    **what: Any,  # as `Manager.plan` takes them
) -> int:
    """Plan the verb, ask when it ends something, carry it out and print the contract's document."""
    limit = seconds("timeout", timeout, DEFAULT_TIMEOUT_S) or DEFAULT_TIMEOUT_S
    settings = invocation.settings(flags)
    if name == "start":
        what["flags"] = spec_fields(flags, settings.cluster.all_groups)
    require_changeable(name, settings.platform, read_only=settings.read_only)
    session = invocation.session(settings, check_name=name != "start")
    progress = Progress(invocation.diagnostics)
    blast = Blast()

    async def run() -> tuple[Plan, str]:
        nonlocal blast
        async with session:
            began = time.monotonic()
            plan = await _planned(session, name, what, limit)
            left = max(LEAST_S, limit - (time.monotonic() - began))
            for note in plan.notes:
                invocation.diagnostics.warning(as_commands(note))
            asks = plan.changed and (plan.purge or ends_work(plan)) and not yes
            if dry_run or asks:
                blast = await observed_blast(session, plan, left)
            if dry_run:
                progress.steps = {event.step: event for event in planned_steps(plan, blast)}
                return plan, await _phase(session)
            if asks:
                _confirm(invocation, plan, blast, plan.cluster if settings.production else "")
            left = max(LEAST_S, limit - (time.monotonic() - began))
            return plan, await _carry_out(invocation, session, plan, progress, wait=wait, limit=left)

    plan, phase = asyncio.run(run())
    _answer(invocation, plan, phase, list(progress.steps.values()), blast if dry_run else None)
    place = session.platform.store.place_of(plan.cluster)
    if plan.verb == "stop" and plan.changed and phase == "absent" and place and not (dry_run or plan.purge):
        invocation.diagnostics.lines([f"kept: {place}; raytui stop --purge removes it"])
    return 0


async def _planned(session: Session, name: Verb, what: dict[str, Any], limit: float) -> Plan:
    try:
        async with asyncio.timeout(limit) as whole:
            return await session.manager.plan(name, **what)
    except TimeoutError:
        if not whole.expired():
            raise
        raise DeadlineExceeded(
            f"the {limit:g} s ran out before {name} began: {session.platform.name} did not answer in time; "
            "nothing was changed",
            hint="run the command again, with a longer --timeout where the platform is slow",
        ) from None


async def _carry_out(
    invocation: Invocation, session: Session, plan: Plan, progress: Progress, *, wait: bool, limit: float
) -> str:
    """Run the plan and answer the phase after it.

    Ctrl-C lets the manager finish or undo what was begun, and then says what exists.
    """
    task = asyncio.current_task()
    assert task is not None
    is_over = False

    def stop() -> None:
        if is_over:
            task.cancel()
        else:
            session.manager.interrupt()

    with on_interrupt(stop):
        if plan.changed:
            invocation.diagnostics.lines([headline(plan)])
        try:
            async with ticking(progress), aclosing(session.manager.execute(plan, wait=wait, timeout=limit)) as events:
                async for event in events:
                    if event.step not in waiting_steps(plan):
                        invocation.diagnostics.began(f"the {plan.verb} of {plan.cluster} had begun")
                    progress.tell(event)
        finally:
            progress.close()
        if invocation.diagnostics.begun:
            invocation.diagnostics.began(f"the {plan.verb} of {plan.cluster} had been carried out")
        is_over = True
        try:
            return await _phase(session)
        except asyncio.CancelledError:
            raise Interrupted(
                f"{plan.verb} of {plan.cluster} had finished; its last look was interrupted",
                hint="raytui status shows what exists",
            ) from None


def _answer(invocation: Invocation, plan: Plan, phase: str, steps: list[StepEvent], blast: Blast | None) -> None:
    """Print what was done, or with a blast radius what would be."""
    waits, dry_run = waiting_steps(plan), blast is not None
    # What was done counts, not what was planned: another raytui may have been there first.
    changed = plan.changed if dry_run else any(step.step not in waits for step in steps)
    kept = "" if plan.recreate else kept_sentence(plan)
    if invocation.output.json:
        rows = [msgspec.structs.asdict(step) for step in steps]
        document = {
            "schema_version": SCHEMA_VERSION,
            "changed": changed,
            "phase": phase,
            "steps": rows,
            "cluster": plan.cluster,
        }
        if plan.verb == "start":
            document["differences"] = msgspec.to_builtins(plan.differences)
        if blast is not None and plan.ends:
            document["ends"] = blast_document(plan, blast)
        invocation.output.document(document)
        return
    if dry_run:
        lines = [f"{step.step}: {step.message}" if step.message else step.step for step in steps]
        invocation.output.lines(
            [
                f"{plan.verb} {plan.cluster} would:"
                if plan.changed
                else f"{plan.verb} {plan.cluster} would change nothing{kept}",
                *lines,
            ]
        )
    elif changed and plan.verb != "stop" and phase == "absent":
        invocation.output.lines([f"{plan.cluster} was asked for; the platform does not list it yet{kept}"])
    elif changed:
        invocation.output.lines([f"{plan.cluster} is {phase}{kept}"])
    elif plan.verb == "stop" and phase == "absent":
        # A list lags behind, so that it shows none is all that is known.
        invocation.output.lines([f"no application of {plan.cluster} is listed; nothing was changed"])
    else:
        invocation.output.lines([f"{plan.cluster} is {phase}; nothing was changed{kept}"])


async def _phase(session: Session) -> str:
    return assess(await session.monitor.observe(())).phase


def _confirm(invocation: Invocation, plan: Plan, blast: Blast, typed: str) -> None:
    """Show what would be ended and ask; raises `RefusedForSafety` when nobody can be asked or the answer is no.

    `typed` is what must be typed for a yes, in production.
    """
    kept = ["its logs and all else that is kept of it"] if plan.purge else []
    ended = ", ".join([*(f"{app.short} ({app.state})" for app in plan.ends), *kept])
    if not is_terminal(sys.stdin) or not invocation.diagnostics.is_terminal or invocation.form == "json":
        refusal = "; ".join(filter(None, [f"{plan.verb} would end {ended} of {plan.cluster}", blast_sentence(blast)]))
        raise RefusedForSafety(f"{refusal}; it cannot ask here", hint="add --yes")
    invocation.diagnostics.lines(
        [
            f"{plan.verb} of {plan.cluster} ends {ended}:",
            *(f"  {line}" for line in blast_lines(blast)),
            *(f"  {step.name}: {short_names(plan, step.targets)}" for step in plan.steps),
        ]
    )
    if not is_agreed(invocation.diagnostics, typed):
        raise RefusedForSafety("nothing was changed", hint="add --yes to go on without being asked")
