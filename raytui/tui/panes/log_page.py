"""One log or several merged by time, whole and of any size: followed, paged, filtered, searched, with their levels.

Workers read and post; the handlers here are the only ones that change what is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from functools import partial

from textual import events, on
from textual.app import ComposeResult
from textual.message import Message
from textual.worker import Worker

from raytui.core.logline import LogLine
from raytui.core.patterns import lenient_pattern
from raytui.core.session import Logs, LogSource
from raytui.logs.paging import document
from raytui.logs.paging.document import Document, Place
from raytui.logs.paging.moving import Moves
from raytui.logs.paging.results import Bookmarks, Search, Sieve
from raytui.tui import log_work
from raytui.tui.panes.pane import Pane
from raytui.tui.render.log_state import LookState, command, sentence, short_names, short_sentence
from raytui.tui.theme import sheet
from raytui.tui.widgets.levels_bar import LevelsBar
from raytui.tui.widgets.log_lines import LogLines


class LogPage(Pane):
    """Shows logs."""

    DEFAULT_CSS = sheet(__file__)

    class Changed(Message):
        """What keys do here may be different now."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__("Logs", id=id)
        self.view = LogLines(id="log-view" if id is None else f"{id}-view")
        self.levels = LevelsBar()
        self.title = "Logs"
        self.moves: Moves | None = None
        self.state = LookState()
        self._asked: tuple[str, ...] = ()
        self._logs: Logs | None = None
        self._look = 0
        """The number of the present look at the logs."""
        self._document = Document()
        self._sieve: Sieve | None = None
        self._before_filter: int | None = None
        self._search = Search()
        self._place: Place = {}
        self._paging = 0
        self._at_end = True
        self._at_error = self._rests = False

    def compose(self) -> ComposeResult:
        """The levels, the title, the lines."""
        yield self.levels
        yield self.rule
        yield self.view

    def open(
        self,
        logs: Logs,
        sources: Sequence[LogSource],
        zone: tzinfo | None,
        title: str,
        *,
        at_error: bool = False,
        asked: Sequence[str] = (),
    ) -> None:
        """Show these logs from their end on, or at their last error; `asked` are the names that mean them."""
        self._asked = tuple(asked) or tuple(source.name for source in sources)
        self._logs, self.moves, self.title = logs, Moves(logs, sources, zone), title
        names = [source.name for source in sources]
        self.view.names = short_names(names) if len(names) > 1 else {}
        self.view.bookmarks, self._search, self._sieve = Bookmarks(), Search(), None
        self.levels.begin(logs, self.moves)
        self.state = LookState()
        self._at_error = at_error
        self.view.mark(None)
        self._follow()

    def _follow(self) -> None:
        """Show the end of the logs."""
        assert self._logs is not None
        assert self.moves is not None
        self._look += 1
        self._document, self._at_end, self._place, self._paging = Document(), True, {}, 0
        self.state = self.state._replace(ended="", placed=False, following=True)
        self.view.following = True
        self._show()
        reading = partial(log_work.follow, self.post_message, self._look, self._logs, self.moves)
        self._run("follow", reading)

    def rest(self, on: bool) -> None:
        """Follow no longer, since nobody sees the logs; or go on, or stay where somebody read in them."""
        if on and self._at_end and self.moves is not None and not self.state.ended:
            self.workers.cancel_group(self, "follow")
            self._rests, self._at_end = True, False
        elif not on and self._rests:
            self._rests = False
            if self.view.following:
                self._follow()
            else:
                self.state = self.state._replace(placed=True)
                self.tell()

    def _work(self, group: str, what: str, work: log_work.Work) -> None:
        guarded = partial(log_work.guarded, self.post_message, self._look, what, work)
        self._run(group, guarded)

    def _run(self, group: str, work: log_work.Work) -> Worker[None]:
        worker: Worker[None] = self.run_worker(work, group=group, exclusive=True, exit_on_error=False)
        return worker

    @property
    def shown(self) -> Document:
        """What is shown: the lines that are held, or those that the filter found."""
        return self._document if self._sieve is None else self._sieve.document

    def _show(self, moved: int = 0) -> None:
        self.view.show_document(self.shown, moved)
        self.tell()

    def tell(self) -> None:
        """Say what is shown and how."""
        if self.moves is None:
            return
        search = self._search
        state = self.state._replace(
            following=self.view.following,
            filtered=self._sieve.words if self._sieve is not None else "",
            place=search.place,
            matches=search.total,
            searching=not search.is_over,
        )
        words = sentence(state)
        room = self.rule.size.width - len(self.title) - 12
        self.rule.tell(self.title, f"{words} · {command(self._asked, state)}", short_state=short_sentence(state, room))
        self.levels.point(self.view.line.at if self.view.line is not None else None)

    # What the workers tell

    @on(log_work.Arrived)
    def _arrived(self, message: log_work.Arrived) -> None:
        message.stop()
        if message.look != self._look or not self._at_end:
            return
        change = document.after(self._document, message.lines)
        self._document = change.document
        moved = -change.dropped
        if message.lines:
            self.levels.grew()
        self._search.add_newer(message.lines)
        if self._sieve is not None:
            moved = self._sieve.add_newer(message.lines)
        self._show(moved)
        if self._at_error:
            self._at_error = False
            self.go_to_error(-1, quiet=True)

    @on(log_work.Ended)
    def _ended(self, message: log_work.Ended) -> None:
        message.stop()
        if message.look != self._look:
            return
        if not message.source:
            self.state = self.state._replace(ended=message.reason)
        hint = message.hint if isinstance(message.hint, str) else ""
        words = f"{message.reason}; {hint}" if hint else message.reason
        at = self._document.lines[-1].at if self._document.lines else None
        self._document = document.after(self._document, [LogLine("", words, at, mark=True)]).document
        self._show()
        self.post_message(self.Changed())

    @on(log_work.Paged)
    def _paged(self, message: log_work.Paged) -> None:
        message.stop()
        self._paging = 0
        held = self._document
        grown = len(held) - len(message.before)
        firsts = [[line.text for line in each.lines[:1]] for each in (held, message.before)]
        if message.look != self._look or grown < 0 or firsts[0] != firsts[1]:
            return
        # What arrived meanwhile stands behind what was held then.
        newer = held.lines[len(message.before) :]
        held = Document((*message.before.lines, *newer), held.characters, held.begins)
        if message.step < 0:
            change = document.before(held, message.lines, begins=message.is_end)
            self._at_end = self._at_end and not change.dropped
            moved = change.added
        else:
            change = document.after(held, message.lines)
            moved = -change.dropped
        self._document = change.document
        self.state = self.state._replace(placed=not self._at_end)
        if self._sieve is None:
            self._show(moved)

    @on(log_work.Placed)
    def _placed(self, message: log_work.Placed) -> None:
        message.stop()
        if message.look != self._look:
            return
        self.workers.cancel_group(self, "follow")
        self._look += 1
        self._at_end, self._place, self._paging = False, message.place, 0
        self.state = self.state._replace(placed=True, ended="")
        self._sieve, self._before_filter = None, None
        self.state = self.state._replace(filter="")
        self.view.mark(self._search.pattern)
        line = message.lines[min(message.cursor, len(message.lines) - 1)] if message.lines else None
        self._document = document.before(Document(), message.lines, begins=message.begins).document
        self.view.following = False
        self._show()
        self.view.go_to(0 if line is None else document.find(self._document, line) or 0)
        self.tell()

    @on(log_work.Hits)
    def _found(self, message: log_work.Hits) -> None:
        message.stop()
        if self._sieve is not None and message.pattern is self._sieve.pattern:
            percent = None if message.is_end else message.looked * 100 // max(1, message.size)
            self._show(self._sieve.add_older(message.lines, message.found, percent))
        elif message.pattern is self._search.pattern:
            before = self._search.line
            self._search.add_older(message.lines, message.found)
            self._search.is_over = message.is_end
            if before is None and self._search.line is not None:
                self.go_to_line(self._search.line)
            self.tell()
            self.post_message(self.Changed())

    @on(log_work.Failed)
    def _failed(self, message: log_work.Failed) -> None:
        message.stop()
        self.app.notify(message.sentence, timeout=4, markup=False)

    # What the view tells

    @on(LogLines.Moved)
    def _moved(self, message: LogLines.Moved) -> None:
        message.stop()
        self.tell()

    @on(LogLines.Reached)
    def _reached(self, message: LogLines.Reached) -> None:
        message.stop()
        step = message.step
        # Before the last lines have come there is nothing that others could stand above.
        has_come = bool(self._document.lines) or not self._at_end
        needed = has_come and (not self._document.begins if step < 0 else not self._at_end)
        if self.moves is None or self._sieve is not None or self._paging == step or not needed:
            return
        self._paging = step
        work = partial(log_work.page, self.post_message, self._look, self.moves, self._document, self._place, step=step)
        self._work("page", "the lines there cannot be read", work)

    @on(LogLines.WholeWanted)
    def _whole_wanted(self, message: LogLines.WholeWanted) -> None:
        message.stop()
        if message.step > 0:
            self.follow(True)
        elif self.moves is not None and self._sieve is None and not self._document.begins:
            place = {source.name: 0 for source in self.moves.sources}
            self._work("go", "its beginning", partial(log_work.go_to, self.post_message, self._look, self.moves, place))
        else:
            self.view.go_to(0)

    def show_in_context(self) -> None:
        """Show the line under the cursor among those that the filter hides."""
        line = self.view.line
        if self._sieve is not None and line is not None:
            self._drop_filter()
            self.go_to_line(line)

    @on(events.Resize)
    def _resized(self) -> None:
        self.tell()

    # What is asked for

    def follow(self, on: bool) -> None:
        """Keep the end in view, or stay."""
        if on and not self._at_end and self.moves is not None:
            self._follow()
        else:
            self.view.follow(on)
        self.tell()

    def filter(self, text: str) -> None:
        """Show only what matches, of the whole log; everything, as it was, for the empty text."""
        if not text:
            self._drop_filter()
            return
        if self._before_filter is None:
            self._before_filter = -1 if self.view.following else self.view.cursor
        self._sieve = Sieve(lenient_pattern(text), self._document)
        self.state = self.state._replace(filter=text)
        self.view.mark(self._sieve.pattern)
        self.view.following = True
        self._show()
        if self.moves is not None:
            pattern, look = self._sieve.pattern, self._look
            work = partial(log_work.search, self.post_message, look, self.moves, pattern, log_work.TYPING_S)
            self._work("filter", "the filter looked only at what was shown", work)
        self.post_message(self.Changed())

    def _drop_filter(self) -> None:
        self.workers.cancel_group(self, "filter")
        self._sieve = None
        self.state = self.state._replace(filter="")
        self.view.mark(self._search.pattern)
        before, self._before_filter = self._before_filter, None
        self.view.following = before == -1
        self._show()
        if before is not None and before >= 0:
            self.view.go_to(before)
        self.post_message(self.Changed())

    def find(self, text: str, at: LogLine | None = None) -> None:
        """Search the whole of the logs; the newest match comes into view, or the line `at`."""
        self.workers.cancel_group(self, "search")
        self._search = Search(lenient_pattern(text) if text else None, at)
        self.state = self.state._replace(search=text)
        if self._sieve is None:
            self.view.mark(self._search.pattern)
        if self._search.pattern is not None and self.moves is not None:
            work = partial(log_work.search, self.post_message, self._look, self.moves, self._search.pattern)
            self._work("search", "the search broke off", work)
        self.tell()
        self.post_message(self.Changed())

    def next(self, step: int) -> None:
        """Go to the next match downwards (1) or upwards (-1), around the ends."""
        line = self._search.step(step)
        if line is not None:
            self.go_to_line(line)
            self.tell()
        else:
            self.app.notify("no line matches" if self.state.search else "nothing was searched for", timeout=3)

    def go_to_line(self, line: LogLine) -> None:
        """Bring a line into view, from its log when it is not held."""
        place = document.find(self.shown, line)
        if place is not None:
            self.view.go_to(place)
        elif self.moves is not None:
            work = partial(log_work.go_to_line, self.post_message, self._look, self.moves, line)
            self._work("go", "the line cannot be shown", work)

    def go_to_time(self, moment: float) -> None:
        """Bring a moment into view."""
        times = [line.at for line in self.shown.lines if line.at is not None]
        if times and (times[0] <= moment <= times[-1] or self._sieve is not None):
            self.view.go_to(document.nearest(self.shown, moment))
        elif self.moves is not None:
            work = partial(log_work.go_to_time, self.post_message, self._look, self.moves, moment)
            self._work("go", "that time cannot be shown", work)

    def go_to_error(self, step: int, *, quiet: bool = False) -> None:
        """Go to the next error (1) or the one before (-1); `quiet` says nothing when there is none."""
        begin = self.view.cursor if not quiet else len(self.shown)
        place = document.error_from(self.shown, begin, step)
        if place is not None:
            self.view.go_to(place)
        elif self.moves is not None and self._sieve is None and not quiet:
            held, above = self._document, self._place
            work = partial(log_work.go_to_error, self.post_message, self._look, self.moves, held, above, step=step)
            self._work("go", "errors cannot be looked for", work)

    def go_to_column(self, step: int) -> None:
        """Go to the next column of the histogram that has lines, or the one before; count what is not counted first."""
        column = self.levels.beside(step)
        if column is not None:
            self.go_to_time(column.begin)
        elif (step < 0 and self.levels.has_begun) or not self.levels.count():
            self.app.notify("nothing was written " + ("later" if step > 0 else "earlier"), timeout=3)

    def next_bookmark(self) -> None:
        """Go to the next bookmark, around the end."""
        line = self.view.bookmarks.after(self.view.line)
        if line is not None:
            self.go_to_line(line)
        else:
            self.app.notify("there is no bookmark", timeout=3)
