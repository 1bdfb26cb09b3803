"""The line of clusters above the verdict, there only when there are several."""

from __future__ import annotations

from collections.abc import Iterable

from textual import events, on
from textual.dom import DOMNode

from raytui.tui.messages import ClusterWanted
from raytui.tui.render.tabs import TabMark, tabs_line
from raytui.tui.widgets.lines import LineView


class TabsBar(LineView):
    """One line; marks change in place, names stay where they are until somebody asks for another order."""

    DEFAULT_CSS = "TabsBar { height: 1; overflow: hidden hidden; }"

    def __init__(self, keys: str) -> None:
        super().__init__(id="clusters")
        self._keys = keys
        self._marks: tuple[TabMark, ...] = ()
        self._places: tuple[tuple[int, int, str], ...] = ()

    def draw(self) -> None:
        """Show the line for what is known now."""
        line, self._places = tabs_line(self._marks, self.size.width or self.app.size.width, self._keys)
        self.show([line])

    def tell(self, marks: tuple[TabMark, ...]) -> None:
        """Show these clusters."""
        self._marks = marks
        if self.is_mounted:
            self.draw()

    @on(events.Mount)
    def _mounted(self) -> None:
        self.watch(self.app, "tabs", self.tell)
        self.draw()

    @on(events.Resize)
    def _resized(self) -> None:
        self.draw()

    @on(events.Click)
    def _clicked(self, event: events.Click) -> None:
        for low, high, name in self._places:
            if low <= event.x < high:
                self.post_message(ClusterWanted(name))


def bar_of(app: DOMNode) -> Iterable[TabsBar]:
    """The line for a screen that is composed, when there is something to show."""
    marks, keys = getattr(app, "tabs", ()), getattr(app, "tab_keys", "")
    if len(marks) > 1:
        made = TabsBar(keys)
        made.tell(marks)
        yield made
