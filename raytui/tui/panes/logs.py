"""The log of one source: followed, filtered, searched. Lines come in batches from a worker; handlers show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.message import Message
from textual.reactive import reactive
from textual.worker import Worker

from raytui.core.conditions import Assessment
from raytui.core.observed.snapshot import Snapshot
from raytui.core.patterns import Pattern, lenient_pattern
from raytui.core.session import Session
from raytui.tui.keys import bindings
from raytui.tui.messages import LogEnded, LogsArrived
from raytui.tui.panes.pane import Pane
from raytui.tui.render.attention import with_keys
from raytui.tui.render.log_line import MARK, is_error, is_greeting
from raytui.tui.render.text import cells, wrap
from raytui.tui.theme import sheet
from raytui.tui.watch import follow, run_of
from raytui.tui.widgets.log_view import LogView
from raytui.view.attention import worst_log
from raytui.view.picture import Picture
from raytui.view.related import LogWish

_MOST_LINES = 20
"""Lines of the sentence with which a log ends: it is whole, whatever the width."""
_SILENT_ROUNDS = 2
"""Snapshots without a line after which a log counts as silent: what is being opened is not."""


class LogsPane(Pane):
    """One log: that of the worst thing that fails, else the head's, until the operator chooses one.

    Begun anew with the application that writes it.
    """

    DEFAULT_CSS = sheet(__file__)
    BINDINGS = bindings("logs")

    session: reactive[Session | None] = reactive(None, repaint=False)
    picture: reactive[Picture | None] = reactive(None, repaint=False, always_update=True)

    @dataclass
    class FindWanted(Message):
        """Somebody wants to search the log."""

    @dataclass
    class Silence(Message):
        """The log has held nothing for some rounds, or has begun to speak."""

        is_silent: bool

    def __init__(self, verbs: Mapping[str, str]) -> None:
        super().__init__("Logs", id="logs")
        self.view = LogView(id="log-view")
        self._verbs = verbs
        self._source = ""
        self._ended = False
        self._filter = ""
        self._worker: Worker[None] | None = None
        self._rests = False
        """Whether it is not followed because another cluster is in front."""
        self._run: tuple[object, ...] = ()
        self._by_hand = False
        """Whether the operator chose the log: then no other takes its place."""
        self._judged: Assessment | None = None
        self._errors = 0
        self._greeting = 0
        """Lines of Ray's greeting that were left out."""
        self._at_error = False
        """Whether the last error is to come into view with the first lines."""
        self._wanted: Pattern | None = None
        """What the line holds that is meant; none where the last error is."""
        self._speaks = False
        """Whether the log has held a line of its own."""
        self._empty_rounds = 0
        """Snapshots since the log held a line."""

    def compose(self) -> ComposeResult:
        """The title and the lines."""
        yield self.rule
        yield self.view

    @property
    def source(self) -> str:
        """Name of the log that is shown."""
        return self._source

    def open(self, source: str, *, at_error: bool = False) -> None:
        """Show and follow this log instead of the one before; needs somebody to ask and something to ask about.

        `at_error` brings its last error into view instead of its end.
        """
        self._by_hand = True
        self._open(source, at_error=at_error)

    def _open(self, source: str, *, at_error: bool, find: str = "") -> None:
        if self.session is None or self.picture is None:
            return
        if self._worker is not None:
            self._worker.cancel()
        snapshot = self.picture.snapshot
        self._source, self._ended, self._at_error = source, False, at_error
        self._wanted = lenient_pattern(find) if find else None
        self._errors = self._greeting = 0
        self._speaks = False
        self._run = run_of(snapshot, source)
        self.view.clear()
        self._tell()
        reading = follow(self.post_message, self.session.logs, snapshot, source)
        self._worker = self.run_worker(reading, group="logs", exit_on_error=False)

    @property
    def is_filtered(self) -> bool:
        """Whether some lines may be hidden."""
        return bool(self._filter)

    def rest(self) -> None:
        """Nobody sees the log: it is followed no longer."""
        if self._worker is not None and self._worker.is_running:
            self._worker.cancel()
            self._rests = True

    def wake(self) -> None:
        """Somebody sees the log again: it is followed again."""
        if self._rests:
            self._rests = False
            self._open(self._source, at_error=False)

    def filter(self, text: str) -> None:
        """Show only matching lines."""
        self._filter = text
        self.view.set_filter(text)

    def find(self, text: str) -> None:
        """Search; what is found comes into view, that nothing is found is said."""
        self.view.search(text)

    def choose(self) -> None:
        """Let the operator choose a log."""
        if self.session is not None and self.picture is not None:
            from raytui.tui.screens.sources import SourcesScreen, fill_sources

            snapshot = self.picture.snapshot
            screen = SourcesScreen(self.source, [(app.short, "launcher") for app in snapshot.applications.value or ()])
            # At once, not by a worker: what is typed next is meant for it.
            shown = self.app.push_screen(screen, self._chosen)
            filling = fill_sources(screen, shown, self.session, snapshot)
            self.run_worker(filling, group="sources", exclusive=True, exit_on_error=False)

    def _chosen(self, names: tuple[str, ...] | None) -> None:
        if names:
            self.open(names[0])
            self.view.focus()

    def _watch_session(self, session: Session | None) -> None:
        if session is None:
            self.workers.cancel_node(self)

    def _watch_picture(self, picture: Picture | None) -> None:
        if picture is None or self.session is None or self._rests:
            return
        applications = picture.snapshot.applications.value
        if not applications:
            return
        self._listen()
        worst = self._worst(picture)
        if worst is not None and worst.name != self._source:
            self._open(worst.name, at_error=True, find=worst.find)
        elif not self._source or self._begins_anew(picture.snapshot):
            self._open(self._source or applications[0].short, at_error=False)

    def _listen(self) -> None:
        """A log that has nothing to show gives its room to what has."""
        self._empty_rounds = 0 if self._speaks else self._empty_rounds + 1
        if self._empty_rounds == _SILENT_ROUNDS:
            self.post_message(self.Silence(is_silent=True))

    def _worst(self, picture: Picture) -> LogWish | None:
        """The log of what fails worst, when that may have changed and nobody reads another one."""
        if self._by_hand or self.view.has_focus or picture.assessment is self._judged:
            return None
        self._judged = picture.assessment
        return worst_log(picture)

    def _begins_anew(self, snapshot: Snapshot) -> bool:
        """Whether the application of an ended log has meanwhile been started again."""
        run = run_of(snapshot, self._source)
        return self._ended and bool(run) and run != self._run

    @on(LogsArrived)
    def _logs_arrived(self, message: LogsArrived) -> None:
        """Lines of the followed log; late ones of another are dropped."""
        message.stop()
        if message.source == self._source:
            self._append(message.lines)

    def _append(self, lines: Sequence[str]) -> None:
        """Show lines, without what Ray greets with in a launcher's output."""
        shown = list(lines)
        if "/" not in self._source:
            shown = [line for line in lines if not is_greeting(line)]
            left_out = len(lines) - len(shown)
            if left_out and not self._greeting:
                shown.insert(0, f"{MARK}Ray's greeting is left out here; raytui logs {self._source} has it")
            self._greeting += left_out
        if shown and not self._speaks:
            self._speaks, self._empty_rounds = True, 0
            self.post_message(self.Silence(is_silent=False))
            self._tell()
        found = sum(map(is_error, shown))
        self._errors += found
        self.view.append(shown)
        if self._at_error:
            self._at_error = False
            self._show_last_error()
        if found:
            self._tell()

    def _show_last_error(self) -> None:
        """Bring the last error into view, in the middle; where it is in view, or there is none, the view stays.

        Of a log that tells of many things the last line is meant that tells of this one.
        """
        view, height, wanted = self.view, max(1, self.view.scrollable_content_region.height), self._wanted
        texts = ((n, view.text_at(n)) for n in reversed(range(view.count)))
        found = (n for n, text in texts if (wanted.search(text) if wanted is not None else is_error(text)))
        place = next(found, view.count)
        if place < view.count - height:
            view.following = False
            view.scroll_to(y=max(0, place - height // 2), animate=False, force=True)

    @on(LogEnded)
    def _log_ended(self, message: LogEnded) -> None:
        """No more will come; the reason becomes the last line."""
        message.stop()
        if message.source == self._source:
            self._ended = True
            hint = with_keys(message.hint, self._verbs)
            sentence = message.reason + (f"; {hint}" if hint else "")
            width = (self.size.width or self.app.size.width) - cells(MARK) - 3
            self.view.append([f"{MARK}{line}" for line in wrap(sentence, width, _MOST_LINES)])
            self._tell()

    def _tell(self) -> None:
        if not self._source:
            self.rule.tell("Logs", "")
            return
        owner, slash, file = self._source.partition("/")
        state = "ended" if self._ended else "following" if self.view.following else "paused, f follows"
        if not self._speaks and not self._ended:
            state = f"no line yet · {state}"
        if self._errors:
            state = f"{state} · {self._errors:,} {'error' if self._errors == 1 else 'errors'}"
        if self._filter:
            view, how = self.view, " as text" if self.view.is_plain else ""
            total = f"{view.total}" if view.sifted == view.total else f"the first {view.sifted}"
            state = f"filter {self._filter!r}{how}: {view.count} of {total} · {state}"
        role = "error" if self._errors and self._ended else "muted"
        self.rule.tell(f"Logs · {owner}" + (f" · {file}" if slash else ""), state, state_role=role)

    @on(LogView.Moved)
    def _view_moved(self, message: LogView.Moved) -> None:
        message.stop()
        self._tell()

    def _action_follow(self) -> None:
        self.view.follow(not self.view.following)

    def _action_next(self, step: int) -> None:
        self.view.find(step)

    @on(LogView.Missed)
    def _nothing_found(self, message: LogView.Missed) -> None:
        message.stop()
        sentence = f"no line matches {message.text!r}" if message.text else "nothing was searched for"
        self.app.notify(sentence, timeout=3, markup=False)

    def _action_sources(self) -> None:
        self.choose()

    def _action_find(self) -> None:
        self.post_message(self.FindWanted())
