"""The question of leaving while an operation of this console runs: what becomes of it is said before it happens."""

from __future__ import annotations

from collections.abc import Sequence

from raytui.core.plan import Plan
from raytui.tui.render.text import Line, wrap
from raytui.tui.screens.dialog import Dialog

LEAVE = "leave"


def consequence(plan: Plan) -> str:
    """What an interrupt does to an operation, as one sentence."""
    if plan.creates:
        made = ", ".join(request.name.removeprefix(f"{plan.cluster}-") for request in plan.creates)
        return (
            f"Leaving interrupts the {plan.verb}: what it made so far of {made} is removed again, "
            "then the console closes and says what exists."
        )
    return (
        f"Leaving interrupts the {plan.verb}: the request under way is finished, the steps behind it are not begun, "
        "then the console closes and says what exists."
    )


class LeaveScreen(Dialog):
    """Answers `LEAVE` when the operation is to be interrupted."""

    def __init__(self, plan: Plan) -> None:
        choices = [("stay", "Stay", "plain"), (LEAVE, "Interrupt and leave", "danger")]
        super().__init__(f"{plan.verb.capitalize()} of {plan.cluster} is running", choices)
        self._plan = plan

    def lines(self, width: int) -> Sequence[Line]:
        """What would happen."""
        text = f"{consequence(self._plan)} Stay to see its end; then q leaves at once."
        return [((line, ""),) for line in wrap(text, width)]
