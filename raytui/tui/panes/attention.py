"""What needs someone now, and on request or where there is room, what changed lately."""

from __future__ import annotations

from collections.abc import Mapping

from textual import events, on
from textual.app import ComposeResult
from textual.reactive import reactive

from raytui.tui.operation import Notice
from raytui.tui.panes.pane import Pane
from raytui.tui.render.attention import attention_lines, attention_title, event_lines
from raytui.tui.theme import sheet
from raytui.tui.widgets.lines import LineView
from raytui.view.picture import Picture


class Scroll(LineView, can_focus=True):
    """Lines that can be scrolled by keyboard."""


class AttentionPane(Pane):
    """Conditions, worst first; the console's own last word above them."""

    DEFAULT_CSS = sheet(__file__)

    picture: reactive[Picture | None] = reactive(None, repaint=False)
    notice: reactive[Notice | None] = reactive(None, repaint=False)

    def __init__(self, verbs: Mapping[str, str]) -> None:
        """`verbs` gives the key of each verb as it is written."""
        super().__init__("Needs attention", id="attention")
        self._verbs = verbs
        self.body = Scroll()

    def compose(self) -> ComposeResult:
        """The title and the conditions."""
        yield self.rule
        yield self.body

    def draw(self) -> None:
        """Show what is wrong; without anything the pane is its title only."""
        lines = attention_lines(self.picture, self.notice, (self.size.width or self.app.size.width) - 1, self._verbs)
        self.body.can_focus = bool(lines)
        self.body.show(lines)
        calm = self.picture is not None and not self.picture.assessment.conditions
        worst = self.picture.assessment.conditions[0].severity if self.picture and not calm else "info"
        role = {"error": "error", "warning": "warn"}.get(worst, "muted" if calm else "")
        self.rule.tell(attention_title(self.picture), title_role=role)

    def _watch_picture(self) -> None:
        self.draw()

    def _watch_notice(self) -> None:
        self.draw()

    @on(events.Resize)
    def _resized(self) -> None:
        self.draw()


class EventsPane(Pane):
    """What changed, newest first."""

    DEFAULT_CSS = sheet(__file__)

    picture: reactive[Picture | None] = reactive(None, repaint=False)

    def __init__(self) -> None:
        super().__init__("Events", id="events")
        self.body = Scroll()

    def compose(self) -> ComposeResult:
        """The title and the events."""
        yield self.rule
        yield self.body

    def draw(self) -> None:
        """Show the events of the picture."""
        lines = event_lines(self.picture, (self.size.width or self.app.size.width) - 1)
        self.body.show(lines or ((("   nothing has changed since this console was opened", "muted"),),))

    def _watch_picture(self) -> None:
        self.draw()

    @on(events.Resize)
    def _resized(self) -> None:
        self.draw()
