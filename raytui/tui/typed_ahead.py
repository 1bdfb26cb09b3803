"""Text typed faster than the console can open a field for it stands in that field, whole and in its order.

A key is sent to the widget that has the focus when it is pressed and comes to the app when nobody there takes it. Keys
pressed right after the one that asks for a text are on that way when the field opens, or follow before it has the
focus: without more they would act as keys of the screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Protocol, runtime_checkable

from textual import events, on
from textual.app import App
from textual.message import Message
from textual.widget import AwaitMount, Widget
from textual.widgets import Input

from raytui.tui.offers import TakesText

ENTER = "\n"
"""How an enter key stands in text that is taken."""
LONGEST_S = 1.0
"""Seconds after which keys are held no longer, when the widget that had the focus is gone."""


class EarlyText:
    """Text for the one field of a screen, kept until that field has the focus; a line's end enters it."""

    def __init__(self, screen: Widget) -> None:
        self._screen = screen
        self._kept = ""

    def take(self, text: str) -> None:
        """Put text into the field, or keep it for when there is one."""
        field = next(iter(self._screen.query(Input)), None)
        if field is None or not field.has_focus:
            self._kept += text
        elif text == ENTER:
            self._screen.call_later(field.action_submit)
        else:
            field.insert_text_at_cursor(text)

    def give(self) -> None:
        """The field has the focus: what was kept goes into it."""
        kept, self._kept = self._kept, ""
        text, enter, _ = kept.partition(ENTER)
        for each in (text, enter):
            if each:
                self.take(each)


@dataclass
class Passed(Message):
    """Comes to the app on the way that keys take: all that were sent before it have come."""

    field: Widget
    opened: AwaitMount


@runtime_checkable
class HoldsKeys(Protocol):
    """An app that keeps keys for a field that is being opened."""

    def hold_keys_for(self, field: Widget, opened: AwaitMount) -> None:
        """From now on keys are meant for this field, which takes the focus when it is there."""
        ...


class OrderedKeys(App[str]):
    """Keeps keys for fields that are being opened."""

    _field: Widget | None = None
    _held: tuple[events.Key | events.Paste, ...] = ()
    _coming: tuple[events.Key, ...] = ()
    """Keys that were sent before the field was asked for; they come before those that are held."""

    def hold_keys_for(self, field: Widget, opened: AwaitMount) -> None:
        """From now on keys are meant for this field, which takes the focus when it is there."""
        self._field, self._held, self._coming = field, (), ()
        # A message goes up no further than to its sender.
        (self.focused or self.screen).post_message(Passed(field, opened).set_sender(self))
        self.set_timer(LONGEST_S, partial(self._let_go, field))

    async def on_event(self, event: events.Event) -> None:
        """Keys for a field that is being opened wait for it."""
        if self._field is not None and isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            self._held = (*self._held, event)
        else:
            await super().on_event(event)

    @on(Passed)
    async def _all_have_come(self, message: Passed) -> None:
        message.stop()
        await message.opened
        await self._let_go(message.field)

    async def _let_go(self, field: Widget) -> None:
        if self._field is not field:
            return
        keys = (*self._coming, *self._held)
        self._field, self._held, self._coming = None, (), ()
        if field.is_attached:
            field.screen.set_focus(field)
        for key in keys:
            await self.on_event(key)

    @on(events.Key)
    def _key_reached_nobody(self, event: events.Key) -> None:
        """Keys that were sent to a screen over which another opened meanwhile are meant for that one."""
        if self._field is not None:
            event.prevent_default()
            self._coming = (*self._coming, events.Key(event.key, event.character))
            return
        screen: object = self.screen
        text = ENTER if event.key == "enter" else event.character if event.is_printable else None
        if isinstance(screen, TakesText) and text:
            event.prevent_default()
            screen.take(text)
