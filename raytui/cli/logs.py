"""`logs`: launcher output and Ray's own files of any node, living or gone, the drivers of jobs, and folders of logs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click
import msgspec

from raytui.cli.archive import pack
from raytui.cli.invocation import Invocation, whole_number
from raytui.cli.loglines import Printer, number_of_logs, save
from raytui.cli.missing import Missing, tell_unread
from raytui.cli.verb import pass_invocation, verb
from raytui.core.conditions import assess
from raytui.core.errors import ConfigurationError, NotFound, OperationFailed, Problem, RaytuiError, Unreachable
from raytui.core.logline import LEVELS, Missed, Query
from raytui.core.observed.snapshot import Snapshot
from raytui.core.patterns import compile_pattern
from raytui.core.platforms import traits
from raytui.core.presence import require_cluster
from raytui.core.report import list_document
from raytui.logs.bundle import check_form
from raytui.logs.moments import parse_moment
from raytui.logs.sources.folder import Folder
from raytui.logs.sources.following import SourceEnded
from raytui.logs.sources.naming import is_pattern

if TYPE_CHECKING:
    from raytui.core.secret import Secret
    from raytui.core.session import Logs, LogSource

DEFAULT_LINES = 100
T = TypeVar("T")


@verb(
    "logs",
    short_help="Show, search or follow logs.",
    examples="raytui logs worker-1 -f\nraytui logs head/raylet.out -n 500 --grep ERROR -C 3\nraytui logs "
    "'worker-*/raylet.*' --since 10m --level WARNING\nraytui logs --all --grep 'out of memory' --files-with-matches\n"
    "raytui logs --path /var/log/ray --grep Traceback -C 5",
)
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@click.option("--list", "listing", is_flag=True, help="Name every log that can be read.")
@click.option("--all", "everything", is_flag=True, help="Every log of every node, the kept ones of dead nodes too.")
@click.option("--path", metavar="FOLDER", help="Logs below a folder of this machine instead of a cluster's.")
@click.option(
    "--follow",
    "-f",
    is_flag=True,
    help="Go on with what is added until the source ends; exit 1 when the log breaks off before.",
)
@click.option("--lines", "-n", metavar="N", help=f"How many of the last lines (default {DEFAULT_LINES}; all: -1).")
@click.option("--grep", metavar="RE", help="Only lines in which this regular expression (RE2's syntax) is found.")
@click.option("--ignore-case", "-i", is_flag=True, help="With --grep: upper and lower case are the same.")
@click.option("--invert", "-v", "invert", is_flag=True, help="With --grep: only lines in which it is not found.")
@click.option("--count", "-c", "counting", is_flag=True, help="Only how many lines of each log there are.")
@click.option("--files-with-matches", "names_only", is_flag=True, help="Only the names of logs with such a line.")
@click.option("--context", "-C", metavar="N", help="With --grep: N lines before and after.")
@click.option("--by-time", is_flag=True, help="With --grep: wait for every log and print matches in order of time.")
@click.option("--since", metavar="TIME", help="Only lines from then on: 10m, 2h, or a date and time.")
@click.option("--until", metavar="TIME", help="Only lines up to then.")
@click.option("--level", metavar="LEVEL", help=f"Only lines of this level or a more serious one: {', '.join(LEVELS)}.")
@click.option(
    "--save", "target", metavar="FILE|DIR", help="Write them to a file, or one file for each log to a folder."
)
@click.option("--bundle", "archive", metavar="FILE", help="Pack them, without secrets, as FILE.tar.gz or FILE.tar.zst.")
@pass_invocation
def logs(
    invocation: Invocation,
    /,
    *,
    sources: tuple[str, ...],
    listing: bool,
    everything: bool,
    path: str | None,
    follow: bool,
    lines: str | None,
    grep: str | None,
    ignore_case: bool,
    invert: bool,
    counting: bool,
    names_only: bool,
    context: str | None,
    by_time: bool,
    since: str | None,
    until: str | None,
    level: str | None,
    target: str | None,
    archive: str | None,
) -> int:
    """SOURCE is head (default), worker-N, worker-N/FILE for one of Ray's log files, job/ID, actor/ID or task/ID.

    worker-N@LIFE/FILE is one that was kept of an earlier life of the node.

    Patterns such as 'worker-*/raylet.*' name many. Several are merged by time, each line with its source.

    Matches of --grep in logs that are fetched through Ray are printed as they are found once 16 MB came.
    """
    counts = counting or names_only
    if not (listing or counts or target is not None or archive is not None):
        invocation.output.begin_stream()
    if lines is None and (counts or target is not None or archive is not None):
        lines = "-1"
    query = _query(
        lines=lines,
        grep=grep,
        context=context,
        since=since,
        until=until,
        level=level,
        ignore_case=ignore_case,
        invert=invert,
    )
    _require_sense(everything=everything, sources=sources, follow=follow, counting=counts, archive=archive)
    everything = everything or (archive is not None and not sources)
    names = sources or (() if path or everything else ("head",))
    view = View(names, listing, everything, follow, counting, names_only, target, archive, by_time)
    if path is not None:
        return asyncio.run(_show(invocation, view, query, Folder(Path(path)), None))
    settings = invocation.settings()
    # Logs say no zone: local nodes write by this machine's clock, workloads of a workbench by UTC.
    zone = None if traits(settings.platform).is_this_machine else UTC
    query = query.meant_in(zone)
    secrets = (settings.api_key,) if archive is not None and traits(settings.platform).is_workbench else ()
    session = invocation.session(settings, long_lived=follow)

    async def run() -> int:
        async with session:
            snapshot = await session.monitor.observe()
            # What launchers shipped outlives the cluster; without any, its absence is the answer.
            known = snapshot.applications
            if known.failure or known.value or not await session.logs.sources(snapshot):
                if not known.failure and not known.value:
                    await tell_unread(invocation, session.logs, snapshot)
                require_cluster(snapshot)
            return await _show(invocation, view, query, session.logs, snapshot, secrets=secrets)

    return asyncio.run(run())


class View(msgspec.Struct, frozen=True):
    """Which logs are asked for, and what of them."""

    names: tuple[str, ...]
    listing: bool
    everything: bool
    follow: bool
    counting: bool
    names_only: bool
    target: str | None
    archive: str | None = None
    by_time: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether one log is named that is shown as it is."""
        return len(self.names) == 1 and not self.everything and not is_pattern(self.names[0])


def _query(
    *,
    lines: str | None,
    grep: str | None,
    context: str | None,
    since: str | None,
    until: str | None,
    level: str | None,
    ignore_case: bool,
    invert: bool,
) -> Query:
    """What is wanted; raises `ConfigurationError` with every problem."""
    problems: list[Problem] = []

    def read(make: Callable[[], T], otherwise: T) -> T:
        try:
            return make()
        except ConfigurationError as error:
            problems.extend(error.problems)
            return otherwise

    count = read(lambda: whole_number("lines", lines, DEFAULT_LINES, low=-1), 0)
    pattern = read(lambda: compile_pattern(grep, "grep", ignore_case=ignore_case) if grep else None, None)
    around = read(lambda: whole_number("context", context, 0, high=10_000), 0)
    now = time.time()
    begin = read(lambda: parse_moment(since, now) if since else None, None)
    end = read(lambda: parse_moment(until, now, "until") if until else None, None)
    known = next((each for each in LEVELS if level and each.startswith(level.upper())), None)
    if level is not None and known is None:
        problems.append(Problem("level", f"{level[:40]!r} is no level", f"write one of {', '.join(LEVELS)}"))
    if invert and not grep:
        problems.append(Problem("invert", "-v needs --grep, whose matches it leaves out", "--verbose says more"))
    if problems:
        raise ConfigurationError.from_problems(problems)
    # A filter looks at everything, else it would find only what is among the last lines.
    selects = bool(grep or since or until or level)
    return Query(pattern, invert, around, begin, end, known, -1 if selects and lines is None else count)


def _require_sense(
    *, everything: bool, sources: Sequence[str], follow: bool, counting: bool, archive: str | None
) -> None:
    problems = []
    if archive is not None:
        check_form(archive)
        if follow or counting:
            problems.append(Problem("bundle", "an archive holds lines that are there", "leave out -f and -c"))
    if everything and sources:
        problems.append(Problem("all", "--all means every log, so no SOURCE can be named with it", "leave one out"))
    if follow and counting:
        problems.append(Problem("follow", "what is followed cannot be counted", "leave out -f or -c"))
    if problems:
        raise ConfigurationError.from_problems(problems)


async def _show(
    invocation: Invocation,
    view: View,
    query: Query,
    logs: Logs | Folder,
    snapshot: Snapshot | None,
    *,
    secrets: Sequence[Secret] = (),
) -> int:
    if view.listing:
        return await _list(invocation, view, logs, snapshot)
    missing = Missing(invocation)
    found, missed = await _matching(logs, snapshot, view)
    for each in missed:
        missing.add(each)
    if not found and missed:
        raise OperationFailed(f"no log could be read: {missed[0].source}: {missed[0].reason}")

    if view.archive is not None:
        await pack(invocation, logs, found, query, view.archive, snapshot=snapshot, missing=missing, secrets=secrets)
        return 0
    if view.counting or view.names_only:
        return await _count(invocation, view, query, logs, found=found, missed=missing)
    if view.follow:
        return await _follow(invocation, view, query, logs, found)
    early = not view.by_time and view.target is None
    async with aclosing(logs.lines(found, query, missing.add, early=early)) as batches:
        if view.target is not None:
            count, paths = await save(batches, view.target, named=len(found) > 1)
            where = str(paths[0]) if len(paths) == 1 else f"{len(paths)} files below {view.target}"
            invocation.diagnostics.lines([f"{count:,} lines of {number_of_logs(len(found))} were written to {where}"])
            return 0
        printer = Printer(invocation.output, named=not view.is_plain, at_once=query.pattern is not None)
        async for batch in batches:
            printer.lines(batch)
            await asyncio.sleep(0)
        printer.end(missing.found)
    return 0


async def _count(
    invocation: Invocation,
    view: View,
    query: Query,
    logs: Logs | Folder,
    *,
    found: Sequence[LogSource],
    missed: Missing,
) -> int:
    """How many lines each log has, or only which have any; all lines of each are looked at unless -n says less."""
    rows: list[dict[str, object]] = []
    async with aclosing(logs.counts(found, query, missed.add, first=view.names_only)) as counts:
        async for source, number in counts:
            if view.names_only and not number:
                continue
            rows.append({"source": source.name} if view.names_only else {"source": source.name, "count": number})
            if not invocation.output.json:
                plain = view.is_plain and not view.names_only
                text = source.name if view.names_only else f"{number}" if plain else f"{source.name}: {number}"
                invocation.output.lines([text])
                invocation.output.flush()
    if invocation.output.json:
        left = [{"source": each.source, "reason": each.reason} for each in missed.found]
        invocation.output.document({**list_document(rows), "missed": left})
    return 0


async def _follow(
    invocation: Invocation, view: View, query: Query, logs: Logs | Folder, found: Sequence[LogSource]
) -> int:
    """Follow to the end of the last log; a log that broke off is a failure, one that ended has said all."""
    broken: list[RaytuiError] = []

    def ended(source: str, error: RaytuiError) -> None:
        if isinstance(error, SourceEnded) and error.over:
            invocation.diagnostics.warning(error.message)
            return
        broken.append(error)
        if len(found) > 1:
            invocation.diagnostics.warning(f"{source}: {error.message}; the others are followed on")

    printer = Printer(invocation.output, named=not view.is_plain)
    async with aclosing(logs.follow_all(found, query, ended)) as batches:
        if view.target is not None:
            await save(batches, view.target, named=len(found) > 1)
        else:
            async for batch in batches:
                printer.lines(batch)
                invocation.output.flush()
    if broken:
        raise broken[0]
    return 0


async def _matching(logs: Logs | Folder, snapshot: Snapshot | None, view: View) -> tuple[list[LogSource], list[Missed]]:
    """The logs that are meant; what cannot be looked for because Ray does not answer is `Unreachable`, not missing."""
    if isinstance(logs, Folder):
        found, missed = await logs.matching(snapshot, view.names, everything=view.everything)
        return list(found), list(missed)
    assert snapshot is not None
    try:
        of_names, not_asked = await logs.matching(snapshot, view.names, everything=view.everything)
    except NotFound:
        judged = assess(snapshot)
        broken = judged.broken or judged.unchecked
        if broken is not None and any(_is_rays(name, snapshot) for name in view.names):
            raise Unreachable(broken) from None
        raise
    return list(of_names), list(not_asked)


def _is_rays(name: str, snapshot: Snapshot) -> bool:
    """Whether only Ray could say that there is no such log, and it did not answer."""
    owner, slash, _ = name.partition("/")
    known = (
        owner in {"job", "actor", "task"}
        or owner.startswith("node-")
        or any(app.short == owner for app in snapshot.applications.value or ())
    )
    answered = (snapshot.jobs if owner == "job" else snapshot.nodes).value is not None
    return bool(slash) and known and not answered


async def _list(invocation: Invocation, view: View, logs: Logs | Folder, snapshot: Snapshot | None) -> int:
    named = view.names if view.names != ("head",) else ()
    sources, missed = await _matching(
        logs, snapshot, msgspec.structs.replace(view, names=named, everything=view.everything or not named)
    )
    if snapshot is not None:
        judged = assess(snapshot)
        broken = judged.broken or judged.unchecked
        if broken is not None and (snapshot.nodes.value is None or snapshot.jobs.value is None):
            invocation.diagnostics.warning(f"what only Ray can name is not listed: {broken.message}")
    missing = Missing(invocation)
    for each in missed:
        # Of the nodes of a cluster what is said above is enough.
        if snapshot is None or each.is_kept:
            missing.add(each)
    if invocation.output.json:
        rows = [
            {
                "name": source.name,
                "kind": source.kind,
                "node_id": source.node_id or None,
                "life": source.life.name if source.life else None,
                "until": (source.life.at or None) if source.life else None,
            }
            for source in sources
        ]
        invocation.output.document(list_document(rows))
    else:
        invocation.output.lines([source.name + _kept(source) for source in sources])
    return 0


def _kept(source: LogSource) -> str:
    """What a list says beside a log of a node that is not alive."""
    if source.life is None:
        return ""
    return f"  (kept of the life {source.life.name}, until {source.life.at or 'an unknown time'})"
