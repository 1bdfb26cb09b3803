"""The line of lists below the header of every screen: where a key goes to, and where something fails."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events, on
from textual.reactive import reactive

from raytui.tui.keys import Key
from raytui.tui.render.places import places_line
from raytui.tui.widgets.lines import LineView
from raytui.view.failing import FailingCounts
from raytui.view.picture import Picture


class PlacesBar(LineView):
    """One line; what it counts is counted again only when the answers are others."""

    DEFAULT_CSS = "PlacesBar { height: 1; overflow: hidden hidden; }"

    picture: reactive[Picture | None] = reactive(None, repaint=False)

    def __init__(self, keys: Sequence[Key], current: str) -> None:
        """`current` is the list, or `cluster`, that is shown below."""
        super().__init__(id="places")
        self._keys = keys
        self._current = current
        self._counts = FailingCounts()
        self._silent = False

    def silence(self, silent: bool) -> None:
        """Show nothing while a field takes every digit for itself."""
        self._silent = silent
        self.draw()

    def draw(self) -> None:
        """Show the line for what is known now."""
        width = self.size.width or self.app.size.width
        line = places_line(self._keys, self._current, width, self._counts.of(self.picture))
        self.show([] if self._silent else [line])

    @on(events.Mount)
    def _mounted(self) -> None:
        self.draw()

    @on(events.Resize)
    def _resized(self) -> None:
        self.draw()

    def _watch_picture(self) -> None:
        self.draw()
