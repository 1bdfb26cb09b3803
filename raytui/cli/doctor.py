"""`doctor`: everything that a start needs, looked at before anything is created, a row for each thing."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path

from raytui.cli.invocation import Invocation
from raytui.cli.sizes import size_flags, spec_fields, spec_options
from raytui.cli.verb import pass_invocation, verb
from raytui.cli.view import count_text
from raytui.config.settings import Settings
from raytui.core.asked import overlay, part_of, with_groups_of, words
from raytui.core.conditions import assess
from raytui.core.errors import RaytuiError
from raytui.core.joined import join
from raytui.core.platforms import traits
from raytui.core.protocols import Check
from raytui.core.remedy import as_commands
from raytui.core.report import advised, list_document
from raytui.core.snapshot import Snapshot
from raytui.core.spec import WORKER, ClusterSpec
from raytui.core.validate import validate


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

    It looks at what `raytui start` with the same flags would make: of a cluster that exists, what was last asked for.
    With --address it looks at the way to that cluster and at what its Ray tells.
    """
    flags = size_flags(sizes)
    settings = invocation.settings(flags)
    session = invocation.session(settings)

    async def look() -> list[Check]:
        async with session:
            snapshot = await session.monitor.observe(())
            if snapshot.by_ray:
                return [_python(), _config(settings), *watched_checks(snapshot)]
            spec = _effective(settings, snapshot, spec_fields(flags, settings.cluster.all_groups))
            rows = [_python(), _config(settings), *_spec(settings, spec)]
            try:
                rows += await session.platform.specs.preflight(spec.resolved(settings.platform))
            except RaytuiError as error:
                rows.append(Check("platform", "fail", error.message, error.hint))
            told = {check.name for check in rows}
            if "state-dir" not in told:
                rows.append(await asyncio.to_thread(_state_dir, settings.state_dir))
            platform_failed = any(check.name == "platform" and check.status == "fail" for check in rows)
            rows.append(_dashboard(snapshot, platform_failed=platform_failed))
            # A platform that looked at the posture itself knows more of it.
            return rows if "security" in told else [*rows, _posture(settings, spec)]

    checks = asyncio.run(look())
    counted = Counter(check.status for check in checks)
    if invocation.output.json:
        invocation.output.document(list_document([advised(check) for check in checks]))
    else:
        rows = [(check.name, check.status, check.message) for check in checks]
        invocation.output.table(("CHECK", "STATUS", "MESSAGE"), rows, states=("STATUS",))
        hints = dict.fromkeys(
            f"{check.name}: {as_commands(check.hint)}"
            for check in checks
            if check.hint and check.status in {"warn", "fail"}
        )
        invocation.output.lines(["", *hints])
        invocation.output.lines(
            [", ".join(f"{counted[status]} {status}" for status in ("ok", "warn", "fail", "skip") if counted[status])]
        )
    return 1 if counted["fail"] else 0


def watched_checks(snapshot: Snapshot) -> list[Check]:
    """What the way to a cluster that raytui only watches says, link by link, and what its Ray tells."""
    judged, rows = assess(snapshot), []
    for layer, state in judged.links():
        if layer in {"platform", "application"}:
            continue
        if state == "broken" and judged.broken is not None:
            rows.append(Check(layer, "fail", judged.broken.message, judged.broken.hint))
        else:
            said = (
                f"answers at {snapshot.dashboard_url}"
                if state == "ok"
                else "not looked at: what stands before it comes first"
            )
            rows.append(Check(layer, "ok" if state == "ok" else "skip", said))
    version = snapshot.version.value
    if version is None:
        return rows
    lacks = [what for since, what in _SINCE if _is_older(version.ray_version, since)]
    told = f"; it does not tell {', '.join(lacks)}" if lacks else ""
    rows.append(Check("ray", "ok", f"Ray {version.ray_version}{told}"))
    counts = join(snapshot).counts
    rows.append(Check("nodes", "ok" if counts.alive else "fail", count_text(counts)))
    return rows


_SINCE = (((2, 48), "more than a word of why a node ended"), ((2, 52), "whether it asks for a token"))
"""Since which version at the latest Ray tells what older ones do not (measured on 2.9.3, 2.48.0 and 2.60.0)."""


def _is_older(version: str, than: tuple[int, int]) -> bool:
    parts = version.split(".")
    return len(parts) >= 2 and all(part.isdigit() for part in parts[:2]) and (int(parts[0]), int(parts[1])) < than


def _python() -> Check:
    return Check("python", "ok", f"Python {sys.version.split()[0]} at {sys.executable}")


def _config(settings: Settings) -> Check:
    where = str(settings.config_path) if settings.config_path else "no file, defaults"
    return Check("configuration", "ok", f"profile {settings.profile_name}, {where}")


def _effective(settings: Settings, snapshot: Snapshot, flags: frozenset[str]) -> ClusterSpec:
    """What a start would complete: of a cluster that exists what was last asked for, and the flags."""
    asked = snapshot.asked.value if snapshot.applications.value else None
    if asked is None:
        return settings.cluster
    return with_groups_of(overlay(asked, settings.cluster, flags), settings.cluster)


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
