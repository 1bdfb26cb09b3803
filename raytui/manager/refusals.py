"""What keeps a spec or a plan from being carried out, found before anything is changed, all of it at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec

from raytui.core.desired.asked import overlay
from raytui.core.desired.validate import validate
from raytui.core.errors import ConfigurationError, Problem, RaytuiError
from raytui.core.plan import Plan
from raytui.core.protocols.platform import Check, Platform
from raytui.core.remedy import Hint, plus
from raytui.core.spec import ClusterSpec
from raytui.manager.defaults import on_basis


async def refuse_unsound(
    platform: Platform,
    wanted: ClusterSpec,
    flags: frozenset[str],
    basis: Callable[[], Awaitable[ClusterSpec | None]],
) -> None:
    """Raise `ConfigurationError` when the spec breaks a rule.

    The error also holds what the platform would refuse about its other fields. What the spec leaves out may stand in
    `basis`, which is asked for only then.
    """
    problems = validate(wanted, platform.name)
    if not problems:
        return
    fields = {problem.field for problem in problems}
    checks: tuple[Check, ...] = ()
    if "name" not in fields:
        # The rules stand without a platform; whatever is wrong with that one shows when the spec is sound.
        with suppress(RaytuiError):
            found = await basis()
            if found is not None:
                wanted = on_basis(found, wanted, flags)
                problems = validate(wanted, platform.name)
                if not problems:
                    return
                fields = {problem.field for problem in problems}
            checks = await platform.specs.preflight(wanted)
    advice = {check.field: check.hint for check in checks if check.field in fields and check.hint}
    problems = [msgspec.structs.replace(one, hint=advice.get(one.field, one.hint)) for one in problems]
    refused = [check for check in checks if check.status == "fail" and check.field and check.field not in fields]
    problems += [Problem(check.field, check.message, check.hint) for check in refused]
    raise ConfigurationError.from_problems(problems, f"the spec of {wanted.name}")


async def refuse_unknown(platform: Platform, plan: Plan) -> None:
    """Raise `ConfigurationError` when a flag asks applications that exist for what the platform does not have.

    Otherwise it would be reported as a difference that `--recreate` makes good.
    """
    fields = plan.flags & {difference.field for difference in plan.differences}
    if not fields or plan.profile is None:
        return
    checks = await platform.specs.preflight(overlay(plan.spec, plan.profile, fields))
    failed = [check for check in checks if check.status == "fail" and check.field in fields]
    if failed:
        problems = [Problem(check.field, check.message, check.hint) for check in failed]
        raise ConfigurationError.from_problems(problems, f"{plan.verb} of {plan.cluster}")


async def refuse_impossible(platform: Platform, plan: Plan) -> list[Hint]:
    """What to tell of a plan that can be carried out.

    Raises `ConfigurationError` with every reason why the platform could not run what it creates.
    """
    unsound = validate(plan.spec, platform.name) if plan.verb == "start" else []
    if unsound:
        raise ConfigurationError.from_problems(unsound, f"{plan.verb} of {plan.cluster}")
    names = tuple(request.name for request in plan.creates)
    foreign, checks = await asyncio.gather(platform.conflicts(names, plan.cluster), platform.specs.preflight(plan.spec))
    failed = [check for check in checks if check.status == "fail"]
    problems = [Problem(check.field or check.name, check.message, check.hint) for check in failed]
    if foreign and not any(check.field == "name" for check in failed):
        # A platform that checks names itself has said it already, of all of them.
        exists = "an application named" if len(foreign) == 1 else "applications named"
        problems.insert(
            0,
            Problem(
                "name",
                f"{exists} {', '.join(foreign)} {'exists and is' if len(foreign) == 1 else 'exist and are'} not ours",
                "choose another cluster name with --cluster; "
                f"{'it is' if len(foreign) == 1 else 'they are'} left alone",
            ),
        )
    if problems:
        raise ConfigurationError.from_problems(problems, f"{plan.verb} of {plan.cluster}")
    # It keeps nothing from running, and cannot be mended once the applications are made.
    warned = [check for check in checks if (check.status, check.field) == ("warn", "shared_memory")]
    return [plus(check.message, "; ", check.hint) for check in warned]
