"""One line to type a filter or a search into, above the keys; it acts while one types and closes with enter or escape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from raytui.tui.theme import sheet


class Prompt(Horizontal):
    """A label and a field."""

    DEFAULT_CSS = sheet(__file__)
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel", show=False)]

    @dataclass
    class Typed(Message):
        """The text so far."""

        purpose: str
        text: str

    @dataclass
    class Closed(Message):
        """The prompt is done; `kept` is false when the operator took it back."""

        purpose: str
        text: str
        kept: bool

    def __init__(self, purpose: str, label: str, text: str = "") -> None:
        super().__init__(id="prompt")
        self.purpose = purpose
        self._label = label
        self.field = Input(text, compact=True, select_on_focus=True)
        self.field.cursor_blink = False

    def compose(self) -> ComposeResult:
        """The label and the field."""
        yield Static(f" {self._label} ", markup=False)
        yield self.field

    @on(events.Mount)
    def _mounted(self) -> None:
        self.field.focus()

    @on(Input.Changed)
    def _typed_into(self, message: Input.Changed) -> None:
        message.stop()
        self.post_message(self.Typed(self.purpose, message.value))

    @on(Input.Submitted)
    def _entered_text(self, message: Input.Submitted) -> None:
        message.stop()
        self.post_message(self.Closed(self.purpose, message.value, kept=True))

    def _action_cancel(self) -> None:
        self.post_message(self.Closed(self.purpose, "", kept=False))
