"""The console as a whole: themes, keys of one's own, the palette, a mode for each cluster, and the way out.

And `run`, its entry.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import App
from textual.binding import BindingType
from textual.driver import Driver
from textual.filter import LineFilter
from textual.worker import Worker, WorkerState

from raytui.core.session import ConsoleSettings, Session
from raytui.core.units import sanitize
from raytui.tui.faults import REPORT, unforeseen
from raytui.tui.glyphs import AsciiGlyphs, to_ascii
from raytui.tui.keys import bindings, table
from raytui.tui.offers import Command, TakesText
from raytui.tui.operation import Notice
from raytui.tui.panes.verdict import VerdictBar
from raytui.tui.render.text import clean
from raytui.tui.screens.cluster import ClusterScreen
from raytui.tui.terminal import TerminalDriver, on_end, screen_file
from raytui.tui.theme import THEMES
from raytui.view.things import things
from raytui.view.words import needs_ascii

if TYPE_CHECKING:
    from textual.command import Provider

    from raytui.config.settings import Settings


def _commands() -> type[Provider]:
    """The palette's only source, imported when the palette is first opened."""
    from raytui.tui.commands import ConsoleCommands

    return ConsoleCommands


class RaytuiApp(App[str]):
    """A shell around the screens of clusters. Its result is a sentence to print after it has closed."""

    TITLE = "raytui"
    CSS = "CommandPalette SearchIcon { display: none; }"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_commands}
    BINDINGS: ClassVar[list[BindingType]] = bindings("anywhere")

    def __init__(
        self,
        settings: ConsoleSettings,
        open_session: Callable[[], Session],
        *,
        clock: Callable[[], float] = time.time,
        ascii_only: bool | None = None,
    ) -> None:
        super().__init__()
        self.animation_level = "none"
        self.settings = settings
        self.keys = table(settings.keys)
        self._open_session = open_session
        self._clock = clock
        self._clusters: list[ClusterScreen] = []
        self._glyphs = AsciiGlyphs(enabled=needs_ascii(screen_file().encoding) if ascii_only is None else ascii_only)
        self._leaving = self._ending = False
        for theme, _ in THEMES.values():
            self.register_theme(theme)
        self.theme = THEMES.get(settings.theme, THEMES["dark"])[0].name
        self.set_keymap(settings.keys)
        self.fault: Exception | None = None
        """What nobody foresaw and the console ended with."""

    @property
    def cluster(self) -> ClusterScreen:
        """The screen of the cluster that is shown, below whatever stands over it."""
        base = self.screen_stack[0]
        assert isinstance(base, ClusterScreen)
        return base

    def get_default_screen(self) -> ClusterScreen:
        """The first mode: the cluster of the settings."""
        made = self.new_cluster()
        self._clusters.append(made)
        return made

    def new_cluster(self) -> ClusterScreen:
        """A screen for the cluster of the settings."""
        return ClusterScreen(self.settings, self._open_session, clock=self._clock, keys=self.keys)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's, and ASCII in place of glyphs where the terminal needs it."""
        filters = super().get_line_filters()
        return [*filters, self._glyphs] if self._glyphs.enabled else filters

    def get_driver_class(self) -> type[Driver]:
        """Textual's driver, on a terminal that may go away."""
        return TerminalDriver

    def commands(self) -> Iterable[Command]:
        """What the palette offers on every screen."""
        from raytui.view.tables.registry import TABLES

        written = {key.does.action: f"key {key.written}" for key in self.keys}
        for kind in TABLES.values():
            go = partial(self.cluster.go, kind.name)
            yield Command(kind.name, ", ".join(filter(None, (kind.title, written.get(f"go('{kind.name}')")))), go)
        back = written["go('cluster')"]
        yield Command("cluster", f"Back to the cluster, {back}", partial(self.cluster.go, "cluster"))
        for key in self.keys:
            if key.does.palette and "anywhere" in key.where:
                yield Command(key.tooltip, f"key {key.written}", partial(self.run_action, key.does.action))
        for name, (theme, words) in THEMES.items():
            use = partial(setattr, self, "theme", theme.name)
            yield Command(f"Theme {name}", f"{words}, until the console is closed", use)

    def named(self, typed: str, alike: Callable[[str], bool]) -> list[Command]:
        """Things of the cluster by id or name, each as the way to its row."""
        picture = self.cluster.latest
        found = things(picture, typed, alike) if picture is not None else []
        return [
            Command(clean(one.name), f"{one.state}, in {one.kind}", partial(self.cluster.go, one.kind, one.key))
            for one in found
        ]

    async def on_event(self, event: events.Event) -> None:
        """Whatever shows that somebody looks is told to the clusters."""
        if isinstance(event, events.Key | events.MouseDown | events.AppFocus | events.AppBlur):
            for cluster in self._clusters:
                cluster.body.looked(self._clock())
        await super().on_event(event)

    def action_quit(self) -> None:  # type: ignore[override]  # Textual's may be awaited, and need not be
        """Textual's own way out asks too."""
        self._action_leave()

    def action_help_quit(self) -> None:
        """Ctrl+C leaves, as everywhere."""
        self._action_leave()

    @on(VerdictBar.TitleChanged)
    def _title_changed(self, message: VerdictBar.TitleChanged) -> None:
        if isinstance(self._driver, TerminalDriver):
            shown = to_ascii(message.title) if self._glyphs.enabled else message.title
            self._driver.tell_title(shown)

    def action_command_palette(self) -> None:
        """Open the palette, once."""
        from raytui.tui.commands import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(id="--command-palette"))

    @on(events.Key)
    def _key_reached_nobody(self, event: events.Key) -> None:
        """Keys that were sent to a screen over which another opened meanwhile are meant for that one."""
        screen: object = self.screen
        text = "\n" if event.key == "enter" else event.character if event.is_printable else None
        if isinstance(screen, TakesText) and text:
            event.prevent_default()
            screen.take(text)

    def _action_go(self, kind: str) -> None:
        self.cluster.go(kind)

    def _action_help(self) -> None:
        from raytui.tui.screens.help import HelpScreen

        shown = self.screen
        place = shown.body.place if isinstance(shown, ClusterScreen) else getattr(shown, "place", "")
        self.push_screen(HelpScreen([key for key in self.keys if self.cluster.offers(key)], place))

    def _action_leave(self) -> None:
        self.run_worker(self._leave(), group="leave", exit_on_error=False)

    @on(events.Mount)
    def _mounted(self) -> None:
        on_end(self._asked_to_end)

    def _handle_exception(self, error: Exception) -> None:
        self.fault = self.fault or error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """Close without Textual's own traceback: it prints the values of variables.

        Whoever runs the app reports `fault` instead.
        """
        self._close_messages_no_wait()

    @on(Worker.StateChanged)
    def _worker_changed(self, message: Worker.StateChanged) -> None:
        """Boundary: a way out that broke off is told, and can be tried again."""
        if message.state is WorkerState.ERROR and isinstance(message.worker.error, Exception):
            self._leaving = self._ending = False
            sentence = f"{message.worker.group} broke off: {unforeseen(message.worker.error)}"
            self.cluster.notice = Notice("error", sentence, REPORT)

    async def _leave(self) -> None:
        if self._leaving:
            return
        self._leaving = True
        for cluster in self._clusters:
            operation = cluster.operation
            if operation is not None and operation.is_running:
                from raytui.tui.screens.leave import LEAVE, LeaveScreen

                if await self.push_screen_wait(LeaveScreen(operation.plan)) != LEAVE:
                    self._leaving = False
                    return
        await self._end()

    def _asked_to_end(self) -> None:
        """The terminal went away or somebody ended us.

        There is nobody to ask, so what runs is interrupted and undone.
        """
        if not self._ending:
            self._leaving = self._ending = True
            self._begin_batch()  # nothing is drawn any more
            self.run_worker(self._end(), group="leave", exit_on_error=False)

    async def _end(self) -> None:
        """Let every cluster interrupt what runs and let go, then close with a sentence about what exists now."""
        said = [await cluster.end() for cluster in self._clusters]
        self.exit("; ".join(sentence for sentence in said if sentence))


def run(settings: Settings) -> int:
    """Open the console on a profile and answer the exit code.

    Refuses a terminal that it cannot draw on, with one sentence.

    Raises whatever fault of its own ended the console.
    """
    if os.environ.get("TERM", "") in {"", "dumb"}:
        sys.stderr.write(
            "raytui: this terminal cannot show the console (TERM=dumb); raytui status and raytui watch work here\n"
        )
        return 2

    def open_session() -> Session:
        from raytui.bootstrap import open_session as build

        return build(settings, long_lived=True)

    return show(RaytuiApp(settings, open_session))


def show(app: RaytuiApp, *, headless: bool = False) -> int:
    """Run the console to its end and answer the exit code.

    Raises what nobody foresaw, for the command line's last boundary to report.
    """
    said = app.run(headless=headless)
    if app.fault is not None:
        raise app.fault
    if said:
        sys.stderr.write(f"raytui: {sanitize(said)}\n")
    return 0
