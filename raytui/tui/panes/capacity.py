"""How full the cluster is, on wide screens: each resource as a curve and a number, and many nodes as a map."""

from __future__ import annotations

from time import monotonic

from textual import events, on
from textual.app import ComposeResult
from textual.reactive import reactive
from textual.timer import Timer

from raytui.tui.panes.pane import Pane
from raytui.tui.render.capacity import capacity_lines
from raytui.tui.render.heat import FEW, LEGEND, SHORT_LEGEND
from raytui.tui.theme import sheet
from raytui.tui.widgets.heat_map import HeatMap
from raytui.tui.widgets.lines import LineView
from raytui.tui.widgets.rule import PaneRule
from raytui.view.picture import Picture

EVERY_S = 5.0
"""Seconds between two drawings at least, as long as no node comes, goes or changes its state: Ray's figures change no
more often, and a map of thousands of nodes costs as much as all else on the screen."""
_SHARE = 0.35
"""The part of the screen's height that the pane may take."""


class CapacityPane(Pane):
    """Beside what needs attention, from 120 columns on."""

    DEFAULT_CSS = sheet(__file__)

    picture: reactive[Picture | None] = reactive(None, repaint=False)

    def __init__(self) -> None:
        super().__init__("Capacity · last 10 minutes", id="capacity")
        self.levels = LineView()
        self.heat_rule = PaneRule("Nodes")
        self.heat = HeatMap()
        self._drawn: tuple[float, object] = (-EVERY_S, None)
        self._is_due = False
        self._later: Timer | None = None

    def compose(self) -> ComposeResult:
        """The title, the levels, and the map where there are many nodes."""
        yield self.rule
        yield self.levels
        yield self.heat_rule
        yield self.heat

    def draw(self) -> None:
        """Show the levels of the picture, and its nodes as a map when they are many."""
        self._is_due = False
        if self._later is not None:
            self._later.stop()
            self._later = None
        picture, width = self.picture, self.size.width
        if picture is None or not width:
            return
        self._drawn = (monotonic(), _states(picture))
        lines = capacity_lines(picture, width)
        if not lines:
            lines = (((" not known: no node tells", "muted"),),)
        self.levels.show(lines)
        count = len(picture.known.applications.value or ())
        many = count > FEW
        self.heat.display = self.heat_rule.display = many
        if many:
            height = int(_SHARE * self.app.size.height) - 2 - len(lines)
            self.heat.tell(picture, width - 2, height)
            self._name_node()

    def _name_node(self) -> None:
        per_cell = self.heat.per_cell
        title = f"Nodes · 1 cell = {per_cell}" if per_cell > 1 else "Nodes"
        named = self.heat.named
        short = "" if named else SHORT_LEGEND
        self.heat_rule.tell(title, named or LEGEND, short_state=short, state_role="" if named else "muted")

    def _watch_picture(self, picture: Picture | None) -> None:
        """Draw in a frame of its own, see `VerdictBar`, and no more often than there is something new to see."""
        if picture is None or self._is_due:
            return
        at, states = self._drawn
        left = at + EVERY_S - monotonic()
        if left <= 0 or states != _states(picture):
            self._is_due = True
            self.call_after_refresh(self.draw)
        elif self._later is None:
            self._later = self.set_timer(left, self.draw)

    @on(events.Mount)
    def _mounted(self) -> None:
        self.heat.display = self.heat_rule.display = False

    @on(events.Resize)
    def _resized(self) -> None:
        self.draw()

    @on(HeatMap.CursorMoved)
    def _cursor_moved(self, message: HeatMap.CursorMoved) -> None:
        message.stop()
        self._name_node()


def _states(picture: Picture) -> object:
    """What is drawn at once when it changes."""
    return (picture.joined.counts, picture.assessment.waiting)
