"""What a stop of jobs ends, before it happens, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence

from raytui.core.errors import RaytuiError
from raytui.core.observed.snapshot import Job
from raytui.tui.operation import Notice
from raytui.tui.render.text import BLANK, Line, clean, wrap
from raytui.view.amounts import span
from raytui.view.picture import Picture

_NAMED = 30
"""Jobs that a dialog names one by one."""


def stop_question(jobs: Sequence[Job]) -> str:
    """The title of the question."""
    return f"Stop job {clean(jobs[0].id)}?" if len(jobs) == 1 else f"Stop {len(jobs)} jobs?"


def stop_lines(jobs: Sequence[Job], picture: Picture | None, width: int) -> tuple[Line, ...]:
    """What ends, a job a line: since when it runs, what it runs, and how many actors end with it."""
    lines: list[Line] = []
    for job in jobs[:_NAMED]:
        text = f"ends job {clean(job.id)}{_ran(job, picture)}, {_actors(job, picture)}"
        lines += [((line, "strong"),) for line in wrap(text, width)]
        if job.entrypoint:
            lines += [((f"  {line}", "muted"),) for line in wrap(job.entrypoint, width - 2, limit=2)]
    if len(jobs) > _NAMED:
        lines.append(((f"and {len(jobs) - _NAMED} more", "strong"),))
    lines.append(BLANK)
    sentence = "Ray ends its driver, and its tasks and actors with it; detached actors stay."
    return (*lines, *(((line, "muted"),) for line in wrap(sentence, width)))


def outcome(ends: Sequence[Job | RaytuiError]) -> Notice:
    """What became of the jobs that were to be stopped."""
    ended = [end for end in ends if isinstance(end, Job)]
    failed = [end for end in ends if isinstance(end, RaytuiError)]
    sentence = (
        f"job {clean(ended[0].id)} has ended: {ended[0].status}" if len(ended) == 1 else f"{len(ended)} jobs ended"
    )
    if not failed:
        return Notice("info", sentence)
    first = failed[0]
    more = f"; {len(failed) - 1} more failed" if len(failed) > 1 else ""
    return Notice("error", f"{f'{sentence}; ' if ended else ''}{first.message}{more}", first.hint)


def _ran(job: Job, picture: Picture | None) -> str:
    if not job.started_at or picture is None:
        return ""
    return f" after {span(max(0.0, picture.snapshot.observed_at - job.started_at))}"


def _actors(job: Job, picture: Picture | None) -> str:
    reading = picture.snapshot.actors if picture is not None else None
    if not job.job_id:
        return "whose actors Ray does not tell yet"
    if reading is None or reading.value is None:
        is_asked = reading is None or reading.failure is None
        return "its actors are being counted" if is_asked else "its actors could not be counted"
    count = sum(actor.job_id == job.job_id and actor.state != "DEAD" for actor in reading.value)
    beyond = "at least " if (reading.total or 0) > len(reading.value) else ""
    return f"{beyond}{count:,} actor{'' if count == 1 else 's'}"
