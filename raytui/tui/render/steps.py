"""Steps of a running operation, in place, with their times; and the plan of one, before anything happens."""

from __future__ import annotations

from collections.abc import Mapping

from raytui.core.plan import Plan
from raytui.core.remedy import Remedy, plus
from raytui.core.spec import WORKER
from raytui.tui.operation import Operation, Progress
from raytui.tui.render.attention import with_keys
from raytui.tui.render.text import BLANK, Line, clean, clock, fit, minutes, spread, wrap
from raytui.view.words import STEPS

DOING = {"start": "Starting", "stop": "Stopping", "scale": "Scaling", "restart": "Restarting"}


def headline(plan: Plan) -> str:
    """What the plan is about, in one phrase."""
    doing = f"{DOING[plan.verb]} {clean(plan.cluster)}"
    if plan.verb == "start":
        heads = sum(request.marker.role == "head" for request in plan.creates)
        return f"{doing}: " + _many(heads, len(plan.creates) - heads) if plan.creates else doing
    if plan.verb == "scale":
        return f"{doing} to {_numbers(plan)}"
    if plan.verb == "restart":
        return f"{doing}: {plan.target}" if plan.target != "all" else doing
    return doing


def _numbers(plan: Plan) -> str:
    """How many workers the groups of a scale are to have."""
    counts = plan.counts or {WORKER: plan.spec.workers.count}
    return ", ".join(
        f"{count} worker{'' if count == 1 else 's'}" if group == WORKER else f"{count} of {clean(group)}"
        for group, count in counts.items()
    )


def _many(heads: int, workers: int) -> str:
    parts = ["1 head"] if heads else []
    if workers:
        parts.append(f"{workers} worker" + ("s" if workers > 1 else ""))
    return ", ".join(parts)


def step_lines(operation: Operation | None, now: float, width: int, keys: Mapping[str, str]) -> tuple[Line, ...]:
    """The operation while it runs; one line when it is done; what failed and what to do when it failed."""
    if operation is None:
        return ()
    took = minutes((operation.ended or now) - operation.began)
    title = headline(operation.plan)
    if operation.state == "done":
        done = f"{operation.plan.verb} of {clean(operation.plan.cluster)} finished"
        return (spread(((" ✓ ", "ok"), (done, "")), ((f"{took} ", "muted"),), width),)
    mark = (" ✗ ", "error") if operation.state == "failed" else (" ▸ ", "accent")
    suffix = "  interrupting, what it made is removed" if operation.state == "interrupting" else ""
    lines: list[Line] = [spread((mark, (title, "strong"), (suffix, "warn")), ((f"{took} ", "muted"),), width)]
    name_width = min(34, max((len(p.event.step) for p in operation.steps), default=10))
    lines += [_step(progress, now, name_width, width, ended=not operation.is_running) for progress in operation.steps]
    if operation.state == "failed":
        lines += [(("   ", ""), (text, "error")) for text in wrap(operation.message, width - 4)]
        hint = with_keys(operation.hint, keys)
        lines += [(("   ", ""), (text, "muted")) for text in (wrap(hint, width - 4) if hint else [])]
    return tuple(lines)


def _step(progress: Progress, now: float, name_width: int, width: int, *, ended: bool) -> Line:
    event = progress.event
    mark, role = STEPS[event.state]
    if event.state == "planned":
        seconds = ""
    elif event.state == "running" and not ended:
        seconds = f"{max(0.0, now - progress.began):.0f} s"
    else:
        seconds = f"{event.seconds:.1f} s"
    spans: Line = (
        ("   ", ""),
        (f"{mark} ", role),
        (fit(clean(event.step), name_width), "muted" if event.state in {"planned", "undone", "skipped"} else ""),
        (fit(seconds, 9, right=True), "muted"),
    )
    used = 5 + name_width + 9
    room = width - used - 3
    if room <= 8:
        return spans
    return (
        *spans,
        ("  ", ""),
        (fit(clean(event.message), room).rstrip(), "error" if event.state == "failed" else "muted"),
    )


def plan_question(plan: Plan) -> str:
    """The question of the confirmation."""
    verb = plan.verb.capitalize()
    if not plan.changed:
        return f"{clean(plan.cluster)} is not as asked for"
    if plan.verb == "scale":
        return f"Scale {clean(plan.cluster)} to {_numbers(plan)}?"
    if plan.purge:
        return f"Stop {clean(plan.cluster)} and remove all that is kept of it?"
    what = f" {plan.target} of" if plan.verb == "restart" and plan.target != "all" else ""
    return f"{verb}{what} {clean(plan.cluster)}?"


def plan_lines(plan: Plan, width: int, keys: Mapping[str, str], stays: str = "") -> tuple[Line, ...]:
    """Everything a plan will do: what it ends, what it creates, its steps and what to know.

    `stays` is where a stop leaves files, or with `purge` removes them; empty when there are none.
    """
    lines: list[Line] = []
    if plan.ends:
        word = "Ends and runs again" if plan.verb == "restart" else "Stops" if plan.keep else "Ends"
        lines.append(((word, "error" if plan.verb != "restart" else "warn"),))
        for app in plan.ends:
            since = f" since {clock(app.started_at)}" if app.started_at and app.state == "running" else ""
            lines.append((("  ", ""), (fit(clean(app.short), 12), "strong"), (f" {app.state}{since}", "muted")))
    if stays and plan.purge:
        lines += [BLANK] if lines else []
        lines.append((("Removes for good", "error"),))
        text = f"{stays}: logs, launchers, the record, what a deploy made"
        lines += [(("  ", ""), (line, "strong")) for line in wrap(text, width - 3)]
    elif stays:
        hint = plus(f"{stays}; ", Remedy("stop", "--purge", "removes it"))
        lines += [BLANK, (("Stays", "muted"),)]
        lines += [(("  ", ""), (text, "")) for text in wrap(with_keys(hint, {}), width - 3)]
    if plan.creates:
        lines += [BLANK] if lines else []
        lines.append((("Creates", "accent"),))
        for request in plan.creates:
            short = request.name.removeprefix(f"{plan.cluster}-")
            size = f" {_amount(request.cpu)} CPU  {_amount(request.memory)} GB" + (
                f"  {request.gpus} GPU" if request.gpus else ""
            )
            lines.append((("  ", ""), (fit(clean(short), 12), "strong"), (size, "muted")))
            lines += [
                (("    ", ""), (fit(clean(text), width - 4).rstrip(), "muted"))
                for text in (request.runtime_identifier,)
                if text
            ]
        lines.append(
            (
                ("  Ray ", "muted"),
                (f"{plan.spec.ray_port}", ""),
                ("  dashboard ", "muted"),
                (f"{plan.spec.dashboard_port}", ""),
            )
        )
    if plan.notes:
        lines += [BLANK] if lines else []
        lines.append((("Note", "warn"),))
        for note in plan.notes:
            lines += [(("  ", ""), (text, "")) for text in wrap(with_keys(note, keys), width - 3)]
    if plan.changed:
        lines += [BLANK] if lines else []
        lines.append((("Steps", "muted"),))
    for number, step in enumerate(plan.steps, 1):
        targets = " ".join(name.removeprefix(f"{plan.cluster}-") for name in step.targets)
        on = fit(clean(targets), max(8, width - 36)).rstrip()
        lines.append(((f"  {number}. ", "muted"), (fit(clean(step.name), 30), ""), (on, "muted")))
    return tuple(lines)


def _amount(value: float) -> str:
    return f"{value:g}"
