"""The command palette: what the app and the screen below it offer, and things of the cluster, by name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from textual.command import DiscoveryHit, Hit, Hits, Provider

from raytui.tui.offers import Command, Holds, Offers

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
