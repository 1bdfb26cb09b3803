"""The plan before anything happens: what it ends, what it creates, in which steps. Cancel has the focus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from raytui.core.plan import Plan
from raytui.tui.operation import Answer
from raytui.tui.render.steps import plan_lines, plan_question
from raytui.tui.render.text import Line
from raytui.tui.screens.dialog import Dialog

CONFIRM: Answer = "carry-out"
RECREATE: Answer = "recreate"


def answer_of(choice: str) -> Answer:
    """What was answered by a choice of the screen; anything else than the two is a no."""
    return CONFIRM if choice == CONFIRM else RECREATE if choice == RECREATE else ""


class ConfirmScreen(Dialog):
    """Answers whether the plan is to be carried out, or what differs made again; see `answer_of`."""

    def __init__(self, plan: Plan, verbs: Mapping[str, str], stays: str = "", *, production: bool = False) -> None:
        """`verbs` gives the key of each verb as it is written, `stays` where a stop leaves files.

        In production the name of the cluster is typed to end anything.
        """
        choices = [("cancel", "Cancel", "plain")]
        if plan.changed:
            choices.append((CONFIRM, plan.verb.capitalize(), "danger" if plan.ends else "plain"))
        if plan.differences and not plan.recreate:
            choices.append((RECREATE, "Recreate", "danger"))
        super().__init__(plan_question(plan), choices, plan.cluster if production and plan.ends else "")
        self.plan = plan
        self._verbs = verbs
        self._stays = stays

    def lines(self, width: int) -> Sequence[Line]:
        """The plan."""
        return plan_lines(self.plan, width, self._verbs, self._stays)
