"""`job submit` and `job stop`: Ray's Jobs API, with the driver's output and its exit code as if it ran here."""

from __future__ import annotations

import asyncio
import shlex
from contextlib import aclosing
from typing import TYPE_CHECKING

import click

from raytui.cli.invocation import Invocation, seconds
from raytui.cli.verb import VerbGroup, pass_invocation
from raytui.core.causes.jobs import of_job
from raytui.core.causes.values import Evidence
from raytui.core.errors import DeadlineExceeded
from raytui.core.job_request import job_request
from raytui.core.observed.joined import join
from raytui.core.permission import require_allowed
from raytui.core.remedy import Remedy
from raytui.core.report import SCHEMA_VERSION
from raytui.core.session import JobRequest, LogSource
from raytui.logs.sources.following import SourceEnded
from raytui.system.backoff import Backoff

if TYPE_CHECKING:
    from raytui.config.settings import Settings
    from raytui.core.observed.snapshot import Job
    from raytui.core.session import Session

_OVER = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})
_PAUSE_S = 3.0
"""Seconds after which a job whose log broke off, or that has not begun, is looked at again at most."""

job = VerbGroup(
    "job",
    help="Submit a job to the cluster, or stop one; raytui jobs lists them.",
    short_help="Submit a job to the cluster, or stop one.",
    # click would put its whole help into the error.
    no_args_is_help=False,
)


@job.command("submit", short_help="Submit a command as a job and follow it.")
@click.option("--working-dir", metavar="DIR", default="", help="A folder that is packed and sent along.")
@click.option(
    "--env", "variables", metavar="K=V", multiple=True, help="An environment variable of the job; repeatable."
)
@click.option("--id", "identity", metavar="ID", default="", help="The submission id; made up when left out.")
@click.option("--no-wait", is_flag=True, help="Print the id and return at once.")
@click.option("--timeout", metavar="SECONDS", help="Follow for so long at most; the job goes on.")
@click.argument("command", metavar="-- COMMAND...", nargs=-1, type=click.UNPROCESSED)
@pass_invocation
def submit(
    invocation: Invocation,
    /,
    *,
    working_dir: str,
    variables: tuple[str, ...],
    identity: str,
    no_wait: bool,
    timeout: str | None,
    command: tuple[str, ...],
) -> int:
    """COMMAND runs on a node of the cluster. Its output comes here, and its exit code is this command's.

    What .gitignore and .rayignore leave out of DIR is not sent. After Ctrl-C the job goes on.
    """
    request = _request(command, working_dir, variables, identity)
    limit = seconds("timeout", timeout, None)
    settings = invocation.settings()
    _require_jobs("job submit", settings)
    session = invocation.session(settings, long_lived=True)
    tell = invocation.diagnostics

    async def run() -> int:
        async with session:
            submitted = await session.jobs.submit(request, lambda said: tell.lines([said]))
            stops = f"raytui job stop {submitted}"
            tell.began(
                f"job {submitted} goes on", shown_by=f"{stops} ends it, raytui logs job/{submitted} -f follows it"
            )
            if no_wait:
                if invocation.output.json:
                    invocation.output.document({"schema_version": SCHEMA_VERSION, "changed": True, "id": submitted})
                else:
                    invocation.output.lines([submitted])
                return 0
            tell.lines([f"job {submitted} is submitted; {stops} ends it"])
            try:
                async with asyncio.timeout(limit):
                    ended = await _follow(invocation, session, settings.cluster.name, submitted)
            except TimeoutError:
                ends = Remedy("job", f"stop {submitted}", "ends it")
                raise DeadlineExceeded(
                    f"job {submitted} has not ended within {limit:g} s and goes on",
                    hint=(ends, Remedy("logs", f"job/{submitted} -f", "follows it")),
                ) from None
            return await _tell_end(invocation, session, ended)

    return asyncio.run(run())


# What stands behind the command is the command's own, options too.
submit.allow_interspersed_args = False


@job.command("stop", short_help="Stop a job and wait until it has ended.")
@click.argument("identity", metavar="ID")
@pass_invocation
def stop(invocation: Invocation, /, *, identity: str) -> int:
    """Stop the job of a submission id. One that has ended already is left as it is: exit 0."""
    settings = invocation.settings()
    _require_jobs("job stop", settings)
    bare = identity.removeprefix("job/")
    session = invocation.session(settings)

    async def run() -> tuple[Job, Job]:
        async with session:
            return await session.jobs.job(bare), await session.jobs.stop(bare)

    before, after = asyncio.run(run())
    changed = before.status not in _OVER
    if invocation.output.json:
        invocation.output.document(
            {"schema_version": SCHEMA_VERSION, "changed": changed, "id": after.id, "status": after.status}
        )
    elif changed:
        invocation.diagnostics.lines([f"job {after.id} has ended: {after.status}"])
    else:
        invocation.diagnostics.lines([f"job {after.id} had ended before: {after.status}"])
    return 0


def _request(command: tuple[str, ...], working_dir: str, variables: tuple[str, ...], identity: str) -> JobRequest:
    """What was asked for; raises `ConfigurationError` with all that is wrong with it."""
    # One word is a line for the shell as it stands, as ray job submit takes it.
    entrypoint = command[0] if len(command) == 1 else shlex.join(command)
    return job_request(entrypoint if any(word.strip() for word in command) else "", working_dir, variables, identity)


def _require_jobs(verb: str, settings: Settings) -> None:
    """Refuse jobs where somebody asked for it; a cluster that is only watched takes them: they change no node."""
    require_allowed(verb, read_only=settings.read_only_asked)


async def _follow(invocation: Invocation, session: Session, cluster: str, identity: str) -> Job:
    """Print what the driver writes until the job has ended, and answer it."""
    pause = Backoff(0.3, _PAUSE_S)
    status, seen = "", 0
    while True:
        now = await session.jobs.job(identity)
        if now.driver_node_id:
            name, node = f"job-driver-{identity}.log", now.driver_node_id
            source = LogSource(f"job/{identity}", "job", None, cluster, node, name, job_id=identity)
            if now.status in _OVER:
                _print(invocation, (await session.logs.read(source, -1))[seen:])
                return now
            seen += await _stream(invocation, session, source, seen)
        elif now.status in _OVER:
            return now
        if now.status != status and not now.driver_node_id:
            status = now.status
            invocation.diagnostics.lines(
                [f"job {identity} is {status}: {now.message.splitlines()[0] if now.message else ''}"]
            )
        await asyncio.sleep(pause.next())


async def _stream(invocation: Invocation, session: Session, source: LogSource, seen: int) -> int:
    """Print what comes beyond the first `seen` lines until the log ends or breaks off; how many lines that were."""
    count = 0
    try:
        async with aclosing(session.logs.follow(source, -1)) as batches:
            async for batch in batches:
                fresh = batch[max(0, seen - count) :]
                count += len(batch)
                _print(invocation, fresh)
    except SourceEnded as end:
        if not end.over:
            invocation.diagnostics.warning(f"{end.message}; it is followed again")
    return max(0, count - seen)


def _print(invocation: Invocation, lines: list[str]) -> None:
    if invocation.output.json:
        for line in lines:
            invocation.output.record({"schema_version": SCHEMA_VERSION, "type": "line", "line": line})
    else:
        invocation.output.lines(lines)
    invocation.output.flush()


async def _tell_end(invocation: Invocation, session: Session, ended: Job) -> int:
    """Say how the job ended, with its cause when it failed; its exit code."""
    cause = None
    if ended.status == "FAILED":
        snapshot = await session.monitor.observe({"actors", "ray_workers", "events", "jobs"})
        cause = of_job(Evidence(join(snapshot)), ended)
    code = 0 if ended.status == "SUCCEEDED" else _code(ended)
    if invocation.output.json:
        invocation.output.record(
            {
                "schema_version": SCHEMA_VERSION,
                "type": "end",
                "id": ended.id,
                "status": ended.status,
                "exit_code": ended.driver_exit_code,
                "cause": cause.whole if cause is not None else None,
            }
        )
    sentence = cause.whole if cause is not None else f"job {ended.id} has ended: {ended.status}"
    invocation.diagnostics.lines([sentence])
    if cause is not None:
        invocation.diagnostics.lines([f"raytui explain job/{ended.id} tells the whole story"])
    return code


def _code(ended: Job) -> int:
    """The exit code of the driver as a shell would give it; 1 where there is none."""
    code = ended.driver_exit_code
    if code is None or code == 0:
        return 1
    return 128 - code if code < 0 else min(code, 255)
