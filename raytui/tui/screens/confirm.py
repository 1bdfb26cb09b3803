"""The plan before anything happens: what it ends, what it creates, in which steps. Cancel has the focus."""

from __future__ import annotations

from collections.abc import Sequence

from raytui.core.plan import Plan
from raytui.tui.render.steps import plan_lines, plan_question
from raytui.tui.render.text import Line
from raytui.tui.screens.dialog import Dialog

CONFIRM = "carry-out"


class ConfirmScreen(Dialog):
    """Answers `CONFIRM` when the plan is to be carried out."""

    def __init__(self, plan: Plan) -> None:
        variant = "danger" if plan.ends else "plain"
        super().__init__(plan_question(plan), [("cancel", "Cancel", "plain"), (CONFIRM, plan.verb.capitalize(), variant)])
        self.plan = plan

    def lines(self, width: int) -> Sequence[Line]:
        """The plan."""
        return plan_lines(self.plan, width)
