"""The header of the console: verdict, age of the data and the chain of links, always at the top left."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events, on
from textual.message import Message
from textual.reactive import reactive

from raytui.tui.render.verdict import Names, Times, header, title
from raytui.tui.theme import sheet
from raytui.tui.widgets.lines import LineView
from raytui.view.picture import Picture


class VerdictBar(LineView):
    """Two lines that are never covered."""

    DEFAULT_CSS = sheet(__file__)

    @dataclass
    class TitleChanged(Message):
        """What the terminal's title is to say is something else."""

        title: str
        bar: VerdictBar

    picture: reactive[Picture | None] = reactive(None, repaint=False)
    observed_at: reactive[float] = reactive(0.0, repaint=False)
    now: reactive[float] = reactive(0.0, repaint=False)
    trouble: reactive[str] = reactive("", repaint=False)

    def __init__(self, names: Names) -> None:
        super().__init__(id="verdict")
        self._names = names
        self._is_due = False
        self._title = ""

    @property
    def title(self) -> str:
        """What the terminal's title says of this cluster."""
        return self._title

    def draw(self) -> None:
        """Show the header for what is known now."""
        self._is_due = False
        width = self.size.width or self.app.size.width
        times = Times(self.observed_at, self.now)
        self.show(header(self.picture, times, width, self._names, self.trouble))
        text = title(self.picture, times, self._names)
        if text != self._title:
            self._title = text
            self.post_message(self.TitleChanged(text, self))

    def _draw_soon(self) -> None:
        """Draw once for all that changes at one moment, in a frame of its own.

        Textual paints all widgets inside the box around what changed: with the header and a row in one frame that is
        the whole screen.
        """
        if not self._is_due:
            self._is_due = True
            self.call_after_refresh(self.draw)

    def _watch_picture(self) -> None:
        self._draw_soon()

    def _watch_observed_at(self) -> None:
        self._draw_soon()

    def _watch_now(self) -> None:
        self._draw_soon()

    def _watch_trouble(self) -> None:
        self._draw_soon()

    @on(events.Mount)
    def _mounted(self) -> None:
        # The first frame of all names the cluster: a frame of its own would come 15 ms later.
        self.draw()

    @on(events.Resize)
    def _resized(self) -> None:
        self.draw()
