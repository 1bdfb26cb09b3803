"""The line that separates panes and carries a pane's title at the left and its state at the right."""

from __future__ import annotations

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from raytui.tui.render.text import cells, clean, fit
from raytui.tui.theme import role_styles, sheet


class PaneRule(Widget):
    """`─ Title ──────── state ─`; the title of the focused pane is bright."""

    DEFAULT_CSS = sheet(__file__)

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._state = ""
        self._short_state = ""
        self._state_role = "muted"
        self._active = False
        self._title_role = ""

    @property
    def text(self) -> str:
        """Title and state, as they are shown."""
        return f"{self._title} {self._state}".strip()

    def tell(
        self,
        title: str | None = None,
        state: str | None = None,
        *,
        short_state: str = "",
        state_role: str = "muted",
        title_role: str = "",
    ) -> None:
        """Change what the line says; painted again only when it differs.

        `short_state` stands where there is no room for the state.
        """
        new = (
            self._title if title is None else title,
            self._state if state is None else state,
            short_state,
            state_role,
            title_role,
        )
        if new != (self._title, self._state, self._short_state, self._state_role, self._title_role):
            self._title, self._state, self._short_state, self._state_role, self._title_role = new
            self.refresh()

    def activate(self, active: bool) -> None:
        """Show whether the pane has the focus."""
        if active != self._active:
            self._active = active
            self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - one line only
        """The whole widget."""
        styles, base, width = role_styles(self.app.theme_variables), self.rich_style, self.size.width
        title = fit(clean(self._title), min(cells(self._title), max(0, width - 6)))
        states = (clean(self._state), self._short_state)
        state = next((text for text in states if cells(title) + cells(text) + 10 < width), "")
        tail = f" {state} " if state else ""
        fill = max(0, width - 3 - cells(title) - cells(tail) - (1 if state else 0))
        title_style = styles["title" if self._active else self._title_role or "strong"]
        parts = [("─ ", styles["rule"]), (title, title_style), (" " + "─" * fill, styles["rule"])]
        if state:
            parts += [(tail, styles[self._state_role]), ("─", styles["rule"])]
        return Strip([Segment(text, base + style) for text, style in parts]).adjust_cell_length(width, base)
