"""Everything of the app that only watches: the panes, the values they bind to, each with one writer, and the streams that feed them.

It paints before it connects: the session, with all that it imports, is opened in a thread after the first frame.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from textual import events, on
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical
from textual.driver import Driver
from textual.filter import LineFilter
from textual.reactive import reactive
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from raytui.tui import messages
from raytui.tui.glyphs import AsciiGlyphs
from raytui.tui.lifecycle import REPORT, unforeseen
from raytui.tui.operation import Notice, Operation, begin, end, report
from raytui.tui.panes.attention import AttentionPane
from raytui.tui.panes.logs import LogsPane
from raytui.tui.panes.nodes import NodesPane
from raytui.tui.panes.steps import StepsPane
from raytui.tui.panes.verdict import VerdictBar
from raytui.tui.render.verdict import Names
from raytui.tui.screens.main import MainScreen
from raytui.tui.session import ConsoleSession, ConsoleSettings
from raytui.tui.terminal import TerminalDriver, screen_file
from raytui.tui.theme import DARK, LIGHT
from raytui.tui.watch import LogReader, watch
from raytui.tui.widgets.key_bar import KeyBar
from raytui.view.picture import Picture, advance, is_equal
from raytui.view.words import is_stale, needs_ascii

TICK_S = 1.0
REFRESH_S = 2.0


class WatchingApp(App[str]):
    """The console without the means to change anything. Its result is a sentence to print after it has closed."""

    TITLE = "raytui"
    CSS = "CommandPalette SearchIcon { display: none; }"

    picture: reactive[Picture | None] = reactive(None, repaint=False)
    observed_at: reactive[float] = reactive(0.0, repaint=False)
    now: reactive[float] = reactive(0.0, repaint=False)
    stale: reactive[bool] = reactive(False, repaint=False)
    operation: reactive[Operation | None] = reactive(None, repaint=False)
    notice: reactive[Notice | None] = reactive(None, repaint=False)
    trouble: reactive[str] = reactive("", repaint=False)

    def __init__(
        self,
        settings: ConsoleSettings,
        open_session: Callable[[], ConsoleSession],
        *,
        clock: Callable[[], float] = time.time,
        ascii_only: bool | None = None,
    ) -> None:
        super().__init__()
        self.animation_level = "none"
        self.settings = settings
        self.session: ConsoleSession | None = None
        self._open_session = open_session
        self._clock = clock
        self._glyphs = AsciiGlyphs(enabled=needs_ascii(screen_file().encoding) if ascii_only is None else ascii_only)
        self._reader = LogReader(self)
        self.nodes_pane = NodesPane()
        self.logs_pane = LogsPane()
        self._key_bar = KeyBar()
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = DARK.name
        self.set_reactive(WatchingApp.now, clock())
        self.fault: Exception | None = None
        """What nobody foresaw and the console ended with."""

    def get_default_screen(self) -> Screen[Any]:
        """The screen of the panes."""
        return MainScreen()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's, and ASCII in place of glyphs where the terminal needs it."""
        filters = super().get_line_filters()
        return [*filters, self._glyphs] if self._glyphs.enabled else filters

    def get_driver_class(self) -> type[Driver]:
        """Textual's driver, on a terminal that may go away."""
        return TerminalDriver

    def compose(self) -> ComposeResult:
        """The first view only; configuration, events, help and the rest are mounted when they are needed."""
        names = Names(self.settings.cluster.name, self.settings.platform, self.settings.profile_name)
        yield VerdictBar(names).data_bind(WatchingApp.picture, WatchingApp.observed_at, WatchingApp.now, WatchingApp.trouble)
        with Vertical(id="body"):
            yield self.nodes_pane.data_bind(WatchingApp.picture, WatchingApp.stale)
            yield StepsPane().data_bind(WatchingApp.operation, WatchingApp.now)
            with Horizontal(id="middle"):
                yield AttentionPane().data_bind(WatchingApp.picture, WatchingApp.notice)
            yield self.logs_pane
        yield self._key_bar

    def show_log(self, source: str) -> None:
        """Show and follow a log."""
        if self.session is not None and self.picture is not None:
            self.logs_pane.open(source)
            self._reader.open(self.session, self.picture.snapshot, source)

    def show_keys(self) -> None:
        """Show the keys that work now."""

    @on(events.Mount)
    def _mounted(self) -> None:
        self.set_interval(TICK_S, self._tick)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        interval = getattr(self.settings, "refresh", REFRESH_S)
        self.run_worker(watch(self.post_message, self._connected, self._open_session, interval), group="watch", exit_on_error=False)

    def _handle_exception(self, error: Exception) -> None:
        self.fault = self.fault or error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """Close without Textual's own traceback: it prints the values of variables. Whoever runs the app reports `fault` instead."""
        self._close_messages_no_wait()

    async def _connected(self, session: ConsoleSession) -> None:
        self.session = session

    def _tick(self) -> None:
        self.now = self._clock()
        self.stale = is_stale(self.observed_at, self.now)

    @on(messages.SnapshotArrived)
    def _snapshot_arrived(self, message: messages.SnapshotArrived) -> None:
        before, after = self.picture, advance(self.picture, message.snapshot)
        self.now = self._clock()
        self.observed_at = message.snapshot.observed_at
        self.stale = is_stale(self.observed_at, self.now)
        self.trouble = ""
        if is_equal(before, after):
            # Nothing to draw; kept all the same, since it knows until when the verdict was certain.
            self.set_reactive(WatchingApp.picture, after)
        else:
            self.picture = after
            self.show_keys()
        applications = message.snapshot.applications.value
        if applications and (not self.logs_pane.source or self._reader.begins_anew(message.snapshot)):
            self.show_log(self.logs_pane.source or applications[0].short)

    @on(messages.WatchFailed)
    def _watch_failed(self, message: messages.WatchFailed) -> None:
        self.trouble = message.message
        self.notice = Notice("error", message.message, message.hint)

    @on(messages.OperationBegan)
    def _operation_began(self, message: messages.OperationBegan) -> None:
        self.notice = None
        self.operation = begin(message.plan, self._clock())

    @on(messages.StepArrived)
    def _step_arrived(self, message: messages.StepArrived) -> None:
        if self.operation is not None:
            self.operation = report(self.operation, message.event, self._clock())

    @on(messages.OperationEnded)
    def _operation_ended(self, message: messages.OperationEnded) -> None:
        if self.operation is not None:
            self.operation = end(self.operation, message.error, self._clock())

    @on(messages.RequestRefused)
    def _request_refused(self, message: messages.RequestRefused) -> None:
        self.notice = Notice(message.severity, message.message, message.hint)

    @on(Worker.StateChanged)
    def _worker_changed(self, message: Worker.StateChanged) -> None:
        """Boundary: a worker that broke off is told, never silent, and never ends the console."""
        if message.state is WorkerState.ERROR and isinstance(message.worker.error, Exception):
            self.notice = Notice("error", f"{message.worker.group} broke off: {unforeseen(message.worker.error)}", REPORT)

    def _watch_notice(self, notice: Notice | None) -> None:
        """What the console has to say is shown even where the form covers its pane."""
        if self.screen_stack:
            self.screen_stack[0].set_class(notice is not None, "-told")

    @on(messages.LogsArrived)
    def _logs_arrived(self, message: messages.LogsArrived) -> None:
        self.logs_pane.append(message.source, message.lines)

    @on(messages.LogEnded)
    def _log_ended(self, message: messages.LogEnded) -> None:
        self._reader.ended(message.source)
        self.logs_pane.ended(message.source, message.reason)
