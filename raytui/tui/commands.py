"""The command palette: what the app and the screen below it offer, and things of the cluster, by name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import cached_property

from textual import events, on
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.widgets import Input

from raytui.tui.offers import Command, Holds, Offers
from raytui.tui.typed_ahead import EarlyText

AGAIN_S = 0.05
"""Seconds after which it is looked again whether a search has ended."""
SHORT = 2
"""Characters from which things are looked for by name."""
LEAST = 0.05
"""Score of a thing whose name holds what was typed, but not as the palette's own search would find it."""


class ConsoleCommands(Provider):
    """Everything the console can do, by name."""

    async def discover(self) -> Hits:
        """All of it, before anything is typed."""
        for name, help_text, run in self._commands():
            yield DiscoveryHit(name, run, help=help_text)

    async def search(self, query: str) -> Hits:
        """What matches."""
        matcher = self.matcher(query)
        for name, help_text, run in self._commands():
            score = matcher.match(name)
            if score > 0:
                yield Hit(score, matcher.highlight(name), run, help=help_text)
        app: object = self.app
        if len(query.strip()) < SHORT or not isinstance(app, Holds):
            return
        # In a thread: of tens of thousands of actors each is looked at, and no key press waits for that.
        found = await asyncio.to_thread(app.named, query, lambda name: matcher.match(name) > 0)
        for name, help_text, run in found:
            yield Hit(matcher.match(name) or LEAST, matcher.highlight(name), run, text=name, help=help_text)

    def _commands(self) -> Iterable[Command]:
        for one in (self.screen, self.app):
            if isinstance(one, Offers):
                yield from one.commands()


class Palette(CommandPalette):
    """Textual's palette, which also takes what is typed before its field is there: `:jobs` may be typed at once."""

    @cached_property
    def _early(self) -> EarlyText:
        return EarlyText(self)

    def take(self, text: str) -> None:
        """Text that reached nobody stands in the field as soon as there is one; a line's end enters it."""
        self._early.take(text)

    @on(events.DescendantFocus)
    def _field_is_there(self) -> None:
        self._early.give()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        """What is chosen is what was typed, not what stood there before it was looked for."""
        if any(worker.node is self and not worker.is_finished for worker in self.workers):
            event.prevent_default()
            event.stop()
            self.set_timer(AGAIN_S, event.input.action_submit)
