"""The command palette: the table of keys, and what has no key of its own."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.command import DiscoveryHit, Hit, Hits, Provider

from raytui.tui.keys import KEYS, written

if TYPE_CHECKING:
    from raytui.tui.app import RaytuiApp

Command = tuple[str, str, Any]


class ConsoleCommands(Provider):
    """Everything the console can do, by name."""

    async def discover(self) -> Hits:
        """All of it, before anything is typed."""
        for name, help_text, callback in self._commands():
            yield DiscoveryHit(name, callback, help=help_text)

    async def search(self, query: str) -> Hits:
        """What matches."""
        matcher = self.matcher(query)
        for name, help_text, callback in self._commands():
            score = matcher.match(name)
            if score > 0:
                yield Hit(score, matcher.highlight(name), callback, help=help_text)

    def _commands(self) -> Iterable[Command]:
        app: RaytuiApp = self.app  # type: ignore[assignment]
        for key in KEYS:
            if key.palette and key.where == "anywhere" and app.is_offered(key):
                yield key.tooltip, f"key {written(key)}", partial(app.run_action, key.action)
        if not app.settings.read_only:
            for target in app.restart_targets():
                yield f"Restart {target}", "shows the plan first", partial(app.request, "restart", target=target)
            yield "Stop the cluster and keep its applications", "shows the plan first", partial(app.request, "stop", keep=True)
        yield "Choose which log to show", "key l in the log", app.choose_source
        yield "Use light colours", "until the console is closed", partial(setattr, app, "theme", "raytui-light")
        yield "Use dark colours", "until the console is closed", partial(setattr, app, "theme", "raytui-dark")
