"""The plan before anything happens: what it ends, what it creates, in which steps. Cancel has the focus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import events, on
from textual.screen import Screen

from raytui.core.blast.radius import QUESTIONS
from raytui.core.plan import Plan
from raytui.core.session import Session
from raytui.tui.operation import Answer
from raytui.tui.render.blast import ends_lines
from raytui.tui.render.steps import plan_lines, plan_question
from raytui.tui.render.text import Line
from raytui.tui.screens.dialog import Dialog
from raytui.view.picture import Picture

CONFIRM: Answer = "carry-out"
RECREATE: Answer = "recreate"
PURGE: Answer = "purge"


def answer_of(choice: str) -> Answer:
    """What was answered by a choice of the screen; anything else than these is a no."""
    return next((answer for answer in (CONFIRM, RECREATE, PURGE) if answer == choice), "")


async def ask(
    over: Screen[None], mode: str, session: Session | None, plan: Plan, verbs: Mapping[str, str], *, production: bool
) -> Answer:
    """Show a plan over the screen that knows the `latest` picture, and wait for the answer; from a worker only.

    `mode` is that screen's, which need not be in front. What the plan ends is asked for as long as somebody reads it.
    """
    stays = session.platform.store.place_of(plan.cluster) if session is not None and plan.verb == "stop" else ""
    asking = session.monitor.subscribe(QUESTIONS) if session is not None and plan.ends else None
    try:
        screen = ConfirmScreen(plan, verbs, stays, production=production, over=over)
        return answer_of(await over.app.push_screen_wait(screen, mode=mode))
    finally:
        if asking is not None:
            asking.close()


class ConfirmScreen(Dialog):
    """Answers whether the plan is to be carried out, or what differs made again; see `answer_of`."""

    def __init__(
        self,
        plan: Plan,
        verbs: Mapping[str, str],
        stays: str = "",
        *,
        production: bool = False,
        over: Screen[None] | None = None,
    ) -> None:
        """`verbs` gives the key of each verb as it is written, `stays` where a stop leaves or removes files.

        In production the name of the cluster is typed to end anything. `over` is the screen that knows the `latest`
        picture, which says what ends.
        """
        choices = [("cancel", "Cancel", "plain")]
        if plan.changed:
            choices.append((CONFIRM, plan.verb.capitalize(), "danger" if plan.ends else "plain"))
        if plan.differences and not plan.recreate:
            choices.append((RECREATE, "Recreate", "danger"))
        if plan.verb == "stop" and plan.ends and stays and not (plan.keep or plan.purge):
            choices.append((PURGE, "Stop and purge...", "danger"))
        ends = bool(plan.ends) or plan.purge
        super().__init__(plan_question(plan), choices, plan.cluster if production and ends else "")
        self.plan = plan
        self._verbs = verbs
        self._stays = stays
        self._over = over
        self._shown: Picture | None = getattr(over, "latest", None)

    def lines(self, width: int) -> Sequence[Line]:
        """What ends, then the plan."""
        return (
            *ends_lines(self.plan, self._shown, width),
            *plan_lines(self.plan, width, self._verbs, self._stays),
        )

    @on(events.Mount)
    def _follow_picture(self) -> None:
        if self._over is not None:
            self.watch(self._over, "latest", self._redraw, init=False)

    def _redraw(self, picture: Picture | None) -> None:
        self._shown = picture
        self.draw()
