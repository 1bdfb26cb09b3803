"""One line to type a filter or a search into, above the keys.

It acts while one types and closes with enter or escape.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, NamedTuple

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input, Static

from raytui.tui.theme import sheet
from raytui.tui.typed_ahead import HoldsKeys


class Purpose(NamedTuple):
    """What is typed, and for whom."""

    label: str
    apply: Callable[[str], object]
    """Called with the text; the empty one when the operator takes it back."""
    back: Widget
    """What has the focus afterwards."""
    at_once: bool = True
    """Whether it acts while one types, or only when it is entered."""
    text: str = ""
    """What stands there at first."""


class Prompt(Horizontal):
    """A label and a field. It removes itself when it is done."""

    DEFAULT_CSS = sheet(__file__)
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel", show=False)]

    def __init__(self, purpose: Purpose) -> None:
        super().__init__(id="prompt")
        self._purpose = purpose
        self.field = Input(purpose.text, compact=True, select_on_focus=True)
        self.field.cursor_blink = False

    def compose(self) -> ComposeResult:
        """The label and the field."""
        yield Static(f" {self._purpose.label} ", markup=False)
        yield self.field

    def close(self, text: str = "") -> None:
        """Act on this text for the last time and go; the empty one takes back what was typed."""
        self._purpose.apply(text)
        self._purpose.back.focus()
        self.remove()

    @on(events.Mount)
    def _mounted(self) -> None:
        self.field.focus()

    @on(Input.Changed)
    def _typed_into(self, message: Input.Changed) -> None:
        message.stop()
        if self._purpose.at_once:
            self._purpose.apply(message.value)

    @on(Input.Submitted)
    def _entered_text(self, message: Input.Submitted) -> None:
        message.stop()
        self.close(message.value)

    def _action_cancel(self) -> None:
        self.close()


def ask(owner: Widget, purpose: Purpose) -> Prompt:
    """Open a prompt in a widget or a screen; what is typed from now on is meant for it."""
    prompt = Prompt(purpose)
    opened = owner.mount(prompt)
    app: object = owner.app
    if isinstance(app, HoldsKeys):
        app.hold_keys_for(prompt.field, opened)
    return prompt
