"""`doctor`: everything that a start needs, looked at before anything is created, a row for each thing."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from raytui.cli.invocation import Invocation
from raytui.cli.sizes import size_flags, spec_fields, spec_options
from raytui.cli.startline import mended, start_line
from raytui.cli.verb import pass_invocation, verb
from raytui.cli.view import count_text
from raytui.config.settings import Settings
from raytui.core.conditions import assess
from raytui.core.desired.asked import overlay, part_of, with_groups_of, words
from raytui.core.desired.required import with_launchers
from raytui.core.desired.validate import validate
from raytui.core.errors import Failure, RaytuiError
from raytui.core.observed.joined import join
from raytui.core.observed.snapshot import Snapshot
from raytui.core.platforms import traits
from raytui.core.protocols.platform import Check, Platform
from raytui.core.remedy import as_commands
from raytui.core.report import advised, list_document
from raytui.core.spec import WORKER, ClusterSpec
from raytui.manager.defaults import counting, deployed


@verb(
    "doctor",
    short_help="Check everything that a start needs.",
    examples="raytui doctor\nraytui doctor --workers 4 --cpu 8\n"
    "raytui doctor -p prod -o json | jq '.items[] | select(.status == \"fail\")'",
)
@spec_options
@pass_invocation
def doctor(invocation: Invocation, /, **sizes: object) -> int:
    """Look at the platform, the key, the images, the ports, Ray and the machine without changing anything.

    Exit 1 when one fails.

    It looks at what `raytui start` with the same flags would make: of a cluster that exists, what was last asked for;
    of one that was deployed, what was deployed. It ends with the start that would work.
    With --address it looks at the way to that cluster and at what its Ray tells.
    """
    flags = size_flags(sizes)
    settings = invocation.settings(flags)
    session = invocation.session(settings)

    async def look() -> Findings:
        async with session:
            snapshot = await session.monitor.observe(())
            if snapshot.by_ray:
                return Findings([_python(), _config(settings), *watched_checks(snapshot)])
            given = spec_fields(flags, settings.cluster.all_groups)
            spec = await _effective(settings, session.platform, snapshot, given)
            failure = snapshot.applications.failure
            silence = failure if failure is not None and failure.reason in _SILENCE else None
            checks, asked = await _asked(session.platform, settings, spec, silence)
            rows = [_python(), _config(settings), *checks]
            named = {check.name for check in rows}
            if "state-dir" not in named:
                rows.append(await asyncio.to_thread(_state_dir, settings.state_dir))
            platform_failed = any(check.name == "platform" and check.status == "fail" for check in rows)
            rows.append(_dashboard(snapshot, platform_failed=platform_failed))
            # A platform that looked at the posture itself knows more of it.
            rows += [] if "security" in named else [_posture(settings, spec)]
            return await _concluded(invocation, session.platform, settings, flags=flags, rows=rows, asked=asked)

    found = asyncio.run(look())
    checks = found.checks
    counted = Counter(check.status for check in checks)
    if invocation.output.json:
        items = list_document([advised(check) for check in checks])
        invocation.output.document({**items, "start": found.start or None, "obstacles": found.obstacles})
    else:
        rows = [(check.name, check.status, check.message) for check in checks]
        invocation.output.table(("CHECK", "STATUS", "MESSAGE"), rows, states=("STATUS",))
        hints = dict.fromkeys(
            f"{check.name}: {as_commands(check.hint)}"
            for check in checks
            if check.hint and check.status in {"warn", "fail"}
        )
        invocation.output.lines(["", *hints, *_choices(checks)])
        invocation.output.lines(
            [", ".join(f"{counted[status]} {status}" for status in ("ok", "warn", "fail", "skip") if counted[status])]
        )
        invocation.output.lines(_conclusion(found))
    return 1 if counted["fail"] else 0


class Findings(NamedTuple):
    """What was found, and what follows for a start."""

    checks: list[Check]
    start: str = ""
    """The command that would work; empty when none would."""
    obstacles: tuple[str, ...] = ()
    """Why none would."""


_SILENCE = {"Timeout", "NoAnswer"}
"""Reasons of a platform that took a question and let its whole time pass: the next question would wait as long."""


async def _asked(
    platform: Platform, settings: Settings, spec: ClusterSpec, silence: Failure | None = None
) -> tuple[list[Check], ClusterSpec]:
    """The rows of the spec and of the platform, and the spec as a start would complete it.

    A platform that was just found silent is not asked again.
    """
    asked = with_launchers(spec.resolved(settings.platform), settings.platform)
    rows = _spec(settings, asked)
    if silence is not None:
        later = Check("preflight", "skip", "not asked: the platform comes first")
        return [*rows, Check("platform", "fail", silence.message, silence.hint), later], asked
    try:
        found = await platform.specs.preflight(asked)
    except RaytuiError as error:
        return [*rows, Check("platform", "fail", error.message, error.hint)], asked
    # What the platform says of a field is more than that it is missing.
    better = {check.field for check in found if check.status == "fail" and check.field}
    return [*(row for row in rows if row.field not in better), *found], asked


async def _concluded(
    invocation: Invocation,
    platform: Platform,
    settings: Settings,
    *,
    flags: dict[str, object],
    rows: list[Check],
    asked: ClusterSpec,
) -> Findings:
    """The start that would work, tried like the one that was asked for; or what keeps any from it."""
    better, images = mended(asked, rows)
    again = rows
    if images:
        names = {check.name for check in rows}
        again = [check for check in rows if check.name in {"dashboard", "state-dir", "security"} & names]
        again += (await _asked(platform, settings, better))[0]
    # What runs badly now is no obstacle to a start, which mends it.
    failed = [check for check in again if check.status == "fail" and check.name != "dashboard"]
    obstacles = tuple(dict.fromkeys(f"{check.name}: {check.message}" for check in failed))
    return Findings(rows, "" if obstacles else start_line(invocation, flags, images), obstacles)


def _conclusion(found: Findings) -> list[str]:
    if found.start:
        return [found.start]
    return [f"no start would work: {'; '.join(found.obstacles)}"] if found.obstacles else []


def _choices(checks: list[Check]) -> list[str]:
    """What there is to choose from, each list once for all rows that have it."""
    of: dict[tuple[str, ...], list[str]] = {}
    for check in checks:
        if check.choices:
            of.setdefault(check.choices, []).append(check.name)
    lines = []
    for choices, names in of.items():
        lines += [
            f"{', '.join(names)}, what fits:" if len(choices[0]) > 40 else f"{', '.join(names)}: {'; '.join(choices)}"
        ]
        lines += [f"  {choice}" for choice in choices if len(choices[0]) > 40]
    return lines


def watched_checks(snapshot: Snapshot) -> list[Check]:
    """What the way to a cluster that raytui only watches says, link by link, and what its Ray tells."""
    judged, rows = assess(snapshot), []
    for layer, state in judged.links():
        if layer in {"platform", "application"}:
            continue
        if state == "broken" and judged.broken is not None:
            rows.append(Check(layer, "fail", judged.broken.message, judged.broken.hint))
        else:
            said = _of_link(judged.broken, snapshot.dashboard_url or "") if state == "ok" else _NOT_LOOKED_AT
            rows.append(Check(layer, "ok" if state == "ok" else "skip", said))
    version = snapshot.version.value
    if version is None:
        return rows
    lacks = [what for since, what in _SINCE if _is_older(version.ray_version, since)]
    without = f"; it does not tell {', '.join(lacks)}" if lacks else ""
    rows.append(Check("ray", "ok", f"Ray {version.ray_version}{without}"))
    counts = join(snapshot).counts
    rows.append(Check("nodes", "ok" if counts.alive else "fail", count_text(counts)))
    return rows


_SINCE = (((2, 48), "more than a word of why a node ended"), ((2, 52), "whether it asks for a token"))
"""Since which version at the latest Ray tells what older ones do not (measured on 2.9.3, 2.48.0 and 2.60.0)."""


_NOT_LOOKED_AT = "not looked at: what stands before it comes first"


def _of_link(broken: Failure | None, url: str) -> str:
    """What was seen of a link that holds, which is no more than what the broken one behind it lets see."""
    if broken is None or broken.layer not in {"login", "dashboard"}:
        return f"answers at {url}"
    return f"{url} is reached" + (": it refuses the connection" if broken.reason == "ConnectionRefused" else "")


def _is_older(version: str, than: tuple[int, int]) -> bool:
    parts = version.split(".")
    return len(parts) >= 2 and all(part.isdigit() for part in parts[:2]) and (int(parts[0]), int(parts[1])) < than


def _python() -> Check:
    return Check("python", "ok", f"Python {sys.version.split()[0]} at {sys.executable}")


def _config(settings: Settings) -> Check:
    where = str(settings.config_path) if settings.config_path else "no file, defaults"
    return Check("configuration", "ok", f"profile {settings.profile_name}, {where}")


async def _effective(settings: Settings, platform: Platform, snapshot: Snapshot, flags: frozenset[str]) -> ClusterSpec:
    """What a start would complete: what was last asked for of a cluster that exists, else what was deployed."""
    wanted = settings.cluster
    asked = snapshot.asked.value if snapshot.applications.value else None
    if asked is None and snapshot.applications.value == ():
        try:
            asked = await deployed(platform, wanted, settings.given)
        except RaytuiError:
            # What the platform refuses is a row of its own.
            asked = None
    return wanted if asked is None else with_groups_of(overlay(asked, wanted, counting(flags, wanted, asked)), wanted)


def _spec(settings: Settings, spec: ClusterSpec) -> list[Check]:
    problems = validate(spec, settings.platform)
    if not problems:
        count, profile = _numbers(spec), _numbers(settings.cluster)
        last = f" as last asked for; the profile says {profile}" if profile != count else ""
        return [Check("spec", "ok", f"cluster {spec.name}, {count}{last}")]
    return [
        Check("spec", "fail", f"{problem.field}: {problem.message}", problem.hint, problem.field)
        for problem in problems
    ]


def _numbers(spec: ClusterSpec) -> str:
    """How many workers of each group; of a further group that has none nothing is said."""
    shown = {group: size.count for group, size in spec.all_groups.items() if size.count or group == WORKER}
    return ", ".join(words(f"{part_of(group)}.count", count) for group, count in shown.items())


def _state_dir(root: Path) -> Check:
    """Whether the journal can be kept; a platform whose nodes live there looks closer itself.

    Nothing is made to find out.
    """
    place = next(folder for folder in (root, *root.absolute().parents) if os.access(folder, os.F_OK))
    hint = "point RAYTUI_STATE_DIR to a folder that is yours"
    if not place.is_dir():
        return Check("state-dir", "fail", f"{place} is a file, so the state directory {root} cannot be made", hint)
    if not os.access(place, os.W_OK | os.X_OK):
        return Check(
            "state-dir", "fail", f"the state directory {root} cannot be written: {place} is not writable", hint
        )
    return Check("state-dir", "ok", f"{root} is writable")


def _dashboard(snapshot: Snapshot, *, platform_failed: bool) -> Check:
    """What the chain to the running cluster says; nothing runs, nothing to check."""
    judged = assess(snapshot)
    if judged.phase == "absent":
        return Check("dashboard", "skip", f"cluster {snapshot.cluster} does not run")
    if judged.unchecked is not None:
        return Check("dashboard", "warn", judged.unchecked.message, judged.unchecked.hint)
    if judged.broken is None:
        return Check("dashboard", "ok", f"answers at {snapshot.dashboard_url}")
    if platform_failed and judged.broken.layer == "platform":
        return Check("dashboard", "skip", "not looked at: the platform comes first")
    by_design = judged.phase in {"starting", "stopping"}
    return Check("dashboard", "warn" if by_design else "fail", judged.broken.message, judged.broken.hint)


def _posture(settings: Settings, cluster: ClusterSpec) -> Check:
    """Who can reach what, in one line."""
    exposed = (
        "its dashboard is served through the head application"
        if cluster.expose_dashboard
        else "its dashboard is not exposed"
    )
    login = (
        "applications keep the workbench's login"
        if traits(settings.platform).is_workbench
        else "the dashboard listens on 127.0.0.1"
    )
    if cluster.auth == "token":
        return Check("security", "ok", f"Ray asks for a token, {login}, {exposed}")
    return Check(
        "security",
        "warn",
        f"Ray asks for no token, {login}, {exposed}",
        'auth = "token" in the cluster\'s settings closes it',
    )
