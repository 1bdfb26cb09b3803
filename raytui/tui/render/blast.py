"""What a plan ends besides its applications, at the top of its question: it is read before anything else."""

from __future__ import annotations

from raytui.core.blast.radius import blast_of
from raytui.core.blast.sentences import blast_lines
from raytui.core.plan import Plan
from raytui.tui.render.text import BLANK, Line, wrap
from raytui.view.picture import Picture
from raytui.view.words import Role


def ends_lines(plan: Plan, picture: Picture | None, width: int) -> tuple[Line, ...]:
    """What ends with the nodes of the plan; nothing where it ends none."""
    if picture is None or not plan.ends:
        return ()
    lines: list[Line] = []
    for text in blast_lines(blast_of(plan, picture.snapshot)):
        role: Role = "error" if text.startswith("ends ") else "warn" if text.startswith("not known") else "muted"
        lines += [((line, role),) for line in wrap(text, width)]
    return (*lines, BLANK) if lines else ()
