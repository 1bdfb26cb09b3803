"""The command palette: what the app and the screen below it offer, by name."""

from __future__ import annotations

from collections.abc import Iterable

from textual.command import DiscoveryHit, Hit, Hits, Provider

from raytui.tui.offers import Command, Offers


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

    def _commands(self) -> Iterable[Command]:
        for one in (self.screen, self.app):
            if isinstance(one, Offers):
                yield from one.commands()
