"""A plan in words: what begins, which steps it has, what it leaves as it is. For `--dry-run`, questions and answers."""

from __future__ import annotations

from raytui.core.blast.radius import Blast
from raytui.core.blast.sentences import blast_sentence
from raytui.core.events import StepEvent
from raytui.core.plan import Plan, Step


def planned_steps(plan: Plan, blast: Blast) -> list[StepEvent]:
    """The steps as a dry run tells them: what ends stands with the first step that ends something."""
    ending = next((step for step in plan.steps if step.action in {"drain", "stop", "restart", "delete"}), None)
    ends = blast_sentence(blast)

    def message(step: Step) -> str:
        return "; ".join(filter(None, [_at(plan, step), ends if step is ending else ""]))

    return [StepEvent(step.name, "planned", 0.0, message(step)) for step in plan.steps]


def headline(plan: Plan) -> str:
    """What begins now, with the applications that it creates or ends."""
    doing = {"start": "Starting", "stop": "Stopping", "scale": "Scaling", "restart": "Restarting"}[plan.verb]
    return f"{doing} {plan.cluster}" + (
        f": {', '.join(short_name(plan, name) for name in names)}" if (names := _touched(plan)) else ""
    )


def _touched(plan: Plan) -> list[str]:
    return list(dict.fromkeys([*(request.name for request in plan.creates), *(app.name for app in plan.ends)]))


def kept_sentence(plan: Plan) -> str:
    """What the plan leaves as it is although something else is asked for; it must not read as if all were well."""
    names = dict.fromkeys(short_name(plan, difference.application) for difference in plan.differences)
    return f", although something else is asked for of {', '.join(names)} (raytui start --recreate)" if names else ""


def waiting_steps(plan: Plan) -> set[str]:
    """Names of the steps that only look."""
    return {step.name for step in plan.steps if step.action.startswith("wait")}


def ends_work(plan: Plan) -> bool:
    """Whether the plan ends something that may be running."""
    return any(app.state not in {"failed", "stopped"} or plan.verb == "stop" for app in plan.ends)


def _at(plan: Plan, step: Step) -> str:
    """What a step acts on: applications, or the folder of the launchers where the plan names it."""
    if step.action == "prepare":
        return f"to {plan.spec.shared_memory:g} GB, where the project allows less"
    if step.action == "launchers":
        return (plan.spec.head.script or "").rpartition("/")[0]
    return short_names(plan, step.targets)


def short_names(plan: Plan, names: tuple[str, ...]) -> str:
    """Names of applications without the name of their cluster, such as `head worker-1`."""
    return " ".join(short_name(plan, name) for name in names)


def short_name(plan: Plan, name: str) -> str:
    """The name of an application without that of its cluster, such as `worker-1`."""
    return name.removeprefix(f"{plan.cluster}-")
