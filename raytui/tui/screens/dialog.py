"""A question over the panes: lines to read, and choices of which the safe one has the focus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from raytui.core.units import sanitize
from raytui.tui.render.text import Line
from raytui.tui.theme import sheet
from raytui.tui.widgets.lines import LineView
from raytui.tui.widgets.rule import PaneRule

WIDTH = 76
WIDTHS = [(0, "-narrow"), (90, "-roomy")]
"""From how many columns on a dialog leaves enough of the screen below it to be read as that; else it covers it."""
_SHARE = 0.92
"""The part of the screen's height that a dialog may take, as its sheet says."""
_AROUND = 6
"""Lines of a dialog around what is to be read: its edges, title and choices."""


class Body(LineView, can_focus=True):
    """The lines of a dialog; they scroll by keyboard when they are many."""


class Dialog(ModalScreen[str]):
    """Answers the id of the choice, or the empty string when it was left."""

    DEFAULT_CSS = sheet(__file__)
    HORIZONTAL_BREAKPOINTS = WIDTHS
    AUTO_FOCUS = None
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", show=False),
        Binding("left", "app.focus_previous", "Left", show=False),
        Binding("right", "app.focus_next", "Right", show=False),
        Binding("up", "scroll(-1)", "Up", show=False),
        Binding("down", "scroll(1)", "Down", show=False),
        Binding("pageup", "scroll(-10)", "Page up", show=False),
        Binding("pagedown", "scroll(10)", "Page down", show=False),
    ]

    def __init__(self, title: str, choices: Sequence[tuple[str, str, str]], typed: str = "") -> None:
        """`choices` are id, label and the Button's variant; the first one is safe and has the focus.

        `typed` is what must be typed before any other can be chosen.
        """
        super().__init__()
        self._title_text = title
        self._choices = choices
        self._typed = typed
        self.body = Body()
        self.body.can_focus = False

    def lines(self, width: int) -> Sequence[Line]:  # noqa: ARG002  # for those that override it
        """What is to be read, at this width; a dialog with nothing but its title and choices needs none."""
        return ()

    def compose(self) -> ComposeResult:
        """Title, lines and choices."""
        with Vertical(id="dialog"):
            yield PaneRule(self._title_text)
            yield self.body
            if self._typed:
                with Horizontal(id="typed"):
                    yield Static(f"production: type {sanitize(self._typed)} to go on ", markup=False)
                    field = Input(compact=True)
                    field.cursor_blink = False
                    yield field
            with Horizontal(id="choices"):
                yield Static("tab moves  enter chooses  esc leaves", id="dialog-keys", markup=False)
                for n, (identity, label, variant) in enumerate(self._choices):
                    locked = bool(self._typed) and n > 0
                    yield Button(label, id=identity, compact=True, classes=f"-{variant}", disabled=locked)

    @on(events.Mount)
    def _mounted(self) -> None:
        self.query_one(PaneRule).activate(True)
        self.draw()
        if self._choices:
            self.query_one(f"#{self._choices[0][0]}").focus()

    @on(events.Resize)
    def _resized(self) -> None:
        self.draw()

    @on(Input.Changed)
    def _typed_into(self, message: Input.Changed) -> None:
        message.stop()
        for identity, _, _ in self._choices[1:]:
            self.query_one(f"#{identity}").disabled = message.value.strip() != self._typed

    @on(Input.Submitted)
    def _typed_enough(self, message: Input.Submitted) -> None:
        """Enter in the field goes to what it has allowed, and chooses nothing yet."""
        message.stop()
        if message.value.strip() == self._typed and len(self._choices) > 1:
            self.query_one(f"#{self._choices[1][0]}").focus()

    def draw(self) -> None:
        """Show what is to be read, at the width that there is; the choices keep their place below it."""
        around = _AROUND + (2 if self._typed else 0)
        self.body.styles.max_height = max(3, int(_SHARE * self.app.size.height) - around)
        self.body.show(self.lines(min(WIDTH, self.app.size.width - 4) - 5))

    @on(Button.Pressed)
    def _chosen(self, message: Button.Pressed) -> None:
        message.stop()
        self.dismiss(message.button.id or "")

    def _action_leave(self) -> None:
        self.dismiss("")

    def _action_scroll(self, by: int) -> None:
        self.body.scroll_relative(y=by, animate=False)
