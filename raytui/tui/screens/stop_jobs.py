"""The question before jobs are stopped: what ends with them. Cancel has the focus."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events, on

from raytui.core.observed.snapshot import Job
from raytui.core.session import ConsoleSettings
from raytui.tui.render.job_stop import stop_lines, stop_question
from raytui.tui.render.text import Line
from raytui.tui.screens.dialog import Dialog
from raytui.tui.screens.over import OverCluster
from raytui.view.picture import Picture

STOP = "stop"


class StopJobsScreen(Dialog):
    """Answers `STOP` when the jobs are to be stopped; what ends is counted anew while one reads."""

    def __init__(self, jobs: Sequence[Job], settings: ConsoleSettings, over: OverCluster) -> None:
        """`over` is the screen that knows the picture."""
        label = "Stop it" if len(jobs) == 1 else f"Stop {len(jobs)} jobs"
        typed = settings.cluster.name if settings.production else ""
        super().__init__(stop_question(jobs), [("cancel", "Cancel", "plain"), (STOP, label, "danger")], typed)
        self._jobs = jobs
        self._over = over
        self._shown: Picture | None = over.picture

    def lines(self, width: int) -> Sequence[Line]:
        """What ends."""
        return stop_lines(self._jobs, self._shown, width)

    @on(events.Mount)
    def _follow_picture(self) -> None:
        self.watch(self._over, "picture", self._redraw, init=False)

    def _redraw(self, picture: Picture | None) -> None:
        self._shown = picture
        self.draw()
