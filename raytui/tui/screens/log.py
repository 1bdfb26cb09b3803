"""The screen of logs: of the row from which one came, at the line that matters, or of whatever one chooses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, tzinfo
from functools import partial

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal

from raytui.core.errors import NotFound, RaytuiError
from raytui.core.logline import LogLine, Missed, Query
from raytui.core.patterns import lenient_pattern
from raytui.core.platforms import traits
from raytui.core.remedy import Hint
from raytui.core.session import LogSource, Session
from raytui.logs.moments import moment_in_log
from raytui.logs.saving import save
from raytui.system.files import at_home
from raytui.tui.faults import unforeseen
from raytui.tui.keys import Key, bar, bindings
from raytui.tui.offers import Command
from raytui.tui.operation import Notice
from raytui.tui.panes.log_page import LogPage
from raytui.tui.panes.places import PlacesBar
from raytui.tui.panes.tabs import bar_of
from raytui.tui.panes.verdict import VerdictBar
from raytui.tui.row_calls import RowCalls
from raytui.tui.screens.over import OverCluster
from raytui.tui.screens.sources import SourcesScreen, fill_sources
from raytui.tui.theme import sheet
from raytui.tui.widgets.key_bar import KeyBar
from raytui.tui.widgets.prompt import Prompt, Purpose, ask
from raytui.view.picture import Picture
from raytui.view.related import LogWish, log_names

TWO_FROM = 200
"""Cells from which on two logs stand side by side."""


class LogScreen(OverCluster):
    """Logs. Which file is meant, Ray is asked where only the process is known."""

    DEFAULT_CSS = sheet(__file__)
    AUTO_FOCUS = "#log-view"
    BINDINGS = [*bindings("logs"), *bindings("log")]  # noqa: RUF012 - Textual's own name and form

    def __init__(self, calls: RowCalls, wish: LogWish | None, of: str) -> None:
        """`of` says in a few words whose log it is; without a wish one chooses first."""
        super().__init__(calls)
        self.page = LogPage()
        self._second: LogPage | None = None
        self._wish = wish
        self._of = of
        self._places = PlacesBar(calls.keys, "log")
        self._key_bar = KeyBar()
        self._prompt: Prompt | None = None
        self._begun = False

    def compose(self) -> ComposeResult:
        """Header, the way to other screens, the logs, keys."""
        mine = LogScreen
        yield from bar_of(self.app)
        yield VerdictBar(self.calls.names).data_bind(mine.picture, mine.observed_at, mine.now, mine.trouble)
        yield self._places.data_bind(mine.picture)
        yield self.said
        with Horizontal(id="pages"):
            yield self.page
        yield self._key_bar

    def commands(self) -> Iterable[Command]:
        """What the palette offers on this screen."""
        for key in self.calls.keys:
            if key.does.palette and {"log", "logs"} & set(key.where):
                yield Command(key.tooltip, f"key {key.written}", partial(self.run_action, key.does.action))

    @property
    def active(self) -> LogPage:
        """The logs that have the focus."""
        second = self._second
        return second if second is not None and second.view.has_focus else self.page

    def show_keys(self) -> None:
        """Show the keys that work here."""
        page = self.active
        keys = [key if page.state.filter or key.id != "dismiss" else key.named("back") for key in self._bar()]
        needs = {"next": page.state.search, "in-context": page.state.filter}
        self._key_bar.show([key for key in keys if needs.get(key.id, "there")])

    def _bar(self) -> Sequence[Key]:
        return bar("log", self.calls.keys)

    @property
    def _zone(self) -> tzinfo | None:
        """What a time without a zone is meant in: by this machine's clock where it wrote them, else UTC."""
        return None if traits(self.calls.settings.platform).is_this_machine else UTC

    @on(events.Mount)
    def _mounted(self) -> None:
        self.watch(self, "focused", self.show_keys, init=False)
        self.show_keys()
        self.page.rule.tell(f"Logs · {self._of}" if self._of else "Logs", "waiting for the cluster")
        self._begin()

    def _begin(self) -> None:
        """Look for the log as soon as there is somebody to ask and something to ask about."""
        if self.is_mounted and not self._begun and self.session is not None and self.picture is not None:
            self._begun = True
            if self._wish is None:
                self.page.rule.tell("Logs", "choose one")
                self._action_sources()
            else:
                opening = self._open(self.session, self.picture, self._wish)
                self.run_worker(opening, group="log", exit_on_error=False)

    async def _open(self, session: Session, picture: Picture, wish: LogWish) -> None:
        """Find the log and show it, or say why there is none."""
        page = self.page
        page.rule.tell(f"Logs · {self._of}", "asking which file it is")
        try:
            names = await self._files(session, picture, wish) if wish.pid else (wish.name,)
            if names:
                await self._show(page, session, names, at_error=wish.at_error)
        except RaytuiError as error:
            self._fail(f"the log of {self._of} cannot be found: {error.message}", error.hint)
        except Exception as error:  # noqa: BLE001 - boundary: a log that cannot be found must not end the console
            self._fail(f"the log of {self._of} cannot be found: {unforeseen(error)}")
        if wish.find and page.moves is not None:
            page.find(wish.find, at=None if wish.offset is None else LogLine(wish.name, "", offset=wish.offset))

    async def _show(self, page: LogPage, session: Session, names: Sequence[str], *, at_error: bool = False) -> None:
        """Show logs by their names. Raises errors of the engine."""
        assert self.picture is not None
        snapshot = self.picture.snapshot
        if len(names) == 1 and not names[0].startswith("actor/"):
            sources: Sequence[LogSource] = [await session.logs.find(snapshot, names[0])]
        else:
            sources, missed = await session.logs.matching(snapshot, names)
            if missed:
                self.calls.say(Notice("warning", f"{missed[0].source}: {missed[0].reason}"))
        if not sources:
            raise NotFound(f"there is no log {names[0]}")
        title = f"Logs · {' · '.join(names[0].split('/', 1))}"
        if len(sources) > 1:
            title = f"{title} · {len(sources)} files" if len(names) == 1 else f"{len(sources)} logs merged"
        page.open(session.logs, sources, self._zone, title, at_error=at_error, asked=names)
        page.view.focus()

    async def _files(self, session: Session, picture: Picture, wish: LogWish) -> tuple[str, ...]:
        """The names of the process's own logs, one unless it writes another one too; none where there are none."""
        found = await session.logs.sources(picture.snapshot, wish.name)
        names = log_names(wish, tuple(source.name for source in found))
        if not names:
            hint = "Ray removes old files, and gives none of a node that has ended; l lists what there is"
            self._fail(f"there is no log of process {wish.pid} on {wish.name}", hint)
        return names if wish.file else names[:1]

    def _fail(self, sentence: str, hint: Hint = "") -> None:
        self.page.rule.tell(f"Logs · {self._of}" if self._of else "Logs", "no log")
        self.calls.say(Notice("warning", sentence, hint))

    def _watch_session(self) -> None:
        if self.session is None and self._begun:
            self.workers.cancel_node(self.page)
        self._begin()

    def _watch_picture(self) -> None:
        self._begin()

    @on(events.ScreenSuspend)
    def _suspended(self) -> None:
        # A list or a question over this screen leaves it as it is; another cluster in front does not need its lines.
        if self not in self.app.screen_stack:
            for page in self.query(LogPage):
                page.rest(True)

    @on(events.ScreenResume)
    def _resumed(self) -> None:
        for page in self.query(LogPage):
            page.rest(False)

    @on(LogPage.Changed)
    def _changed(self, message: LogPage.Changed) -> None:
        message.stop()
        self.show_keys()

    # Keys

    def _action_filter(self) -> None:
        page = self.active
        self._ask(Purpose("Filter log", page.filter, page.view, text=page.state.filter))

    def _action_find(self) -> None:
        page = self.active
        self._ask(Purpose("Search log", page.find, page.view, at_once=False))

    def _action_search_all(self) -> None:
        self._ask(Purpose("Search every log", self._search_all, self.active.view, at_once=False))

    def _search_all(self, text: str) -> None:
        if text:
            self.calls.search(text)

    def _action_to_time(self) -> None:
        label = "Go to 17:02, -5m or a date and time"
        self._ask(Purpose(label, self._to_time, self.active.view, at_once=False))

    def _to_time(self, text: str) -> None:
        if text:
            page, now = self.active, self.now
            times = [line.at for line in page.shown.lines if line.at is not None]
            try:
                page.go_to_time(moment_in_log(text, now, times[-1] if times else now, self._zone))
            except RaytuiError as error:
                self.app.notify(error.message, timeout=4, markup=False)

    def _action_save(self) -> None:
        name = self.active.moves.sources[0].name.replace("/", "-") if self.active.moves else "log"
        text = name if "." in name else f"{name}.log"
        self._ask(Purpose("Save to a new file", self._save, self.active.view, at_once=False, text=text))

    def _save(self, text: str) -> None:
        page, session = self.active, self.session
        if text and page.moves is not None and session is not None:
            pattern = lenient_pattern(page.state.filter) if page.state.filter else None
            query = Query(pattern, zone=self._zone)
            self.run_worker(self._written(session, page, query, text), group="save", exit_on_error=False)

    async def _written(self, session: Session, page: LogPage, query: Query, text: str) -> None:
        assert page.moves is not None
        sources, missed, path = page.moves.sources, list[Missed](), at_home(text)
        try:
            number = await save(session.logs.lines(sources, query, missed.append), path, named=len(sources) > 1)
            sentence = f"saved {number:,} lines to {path}"
            for word, is_part in (("without", False), ("not searched whole:", True)):
                if names := ", ".join(each.source for each in missed if each.is_part is is_part):
                    sentence += f"; {word} {names}"
        except RaytuiError as error:
            sentence = error.message
        self.app.notify(sentence, timeout=5, markup=False)

    def _action_copy_line(self) -> None:
        """Copy through the terminal, over SSH and tmux too (OSC 52)."""
        line = self.active.view.line
        if line is not None:
            self.app.copy_to_clipboard(line.text)
            self.app.notify("copied the line", timeout=3)

    def _action_in_context(self) -> None:
        self.active.show_in_context()

    def _action_next(self, step: int) -> None:
        self.active.next(step)

    def _action_error(self, step: int) -> None:
        self.active.go_to_error(step)

    def _action_column(self, step: int) -> None:
        self.active.go_to_column(step)

    def _action_follow(self) -> None:
        page = self.active
        page.follow(not (page.view.following and not page.state.placed))

    def _action_wrap(self) -> None:
        self.active.view.wrap()

    def _action_bookmark(self) -> None:
        self.active.view.bookmark()

    def _action_next_bookmark(self) -> None:
        self.active.next_bookmark()

    def _action_sources(self) -> None:
        self._choose_for(self.active)

    async def _action_beside(self) -> None:
        """Put a second log beside, or take it away."""
        if self._second is not None:
            second, self._second = self._second, None
            self.page.view.focus()
            await second.remove()
        elif self.size.width < TWO_FROM:
            sentence = f"two logs stand side by side from {TWO_FROM} columns on; here are {self.size.width}"
            self.app.notify(f"{sentence}: l and tab merge them instead", timeout=5, markup=False)
        else:
            self._second = LogPage(id="beside")
            await self.query_one("#pages").mount(self._second)
            self._choose_for(self._second)

    def _choose_for(self, page: LogPage) -> None:
        if self.session is not None and self.picture is not None:
            known = [(app.short, "launcher") for app in self.picture.snapshot.applications.value or ()]
            current = page.moves.sources[0].name if page.moves is not None else ""
            screen = SourcesScreen(current, known, several=True)
            # At once, not by a worker: what is typed next is meant for it.
            shown = self.app.push_screen(screen, partial(self._chosen_for, page, self.session))
            filling = fill_sources(screen, shown, self.session, self.picture.snapshot)
            self.run_worker(filling, group="sources", exclusive=True, exit_on_error=False)

    def _chosen_for(self, page: LogPage, session: Session, names: tuple[str, ...] | None) -> None:
        if names:
            self.run_worker(self._show_chosen(page, session, names), group="log", exit_on_error=False)
        elif page.moves is None and page is self.page:
            self.leave()
        elif page.moves is None:
            self.run_worker(self._action_beside(), group="log", exit_on_error=False)

    async def _show_chosen(self, page: LogPage, session: Session, names: Sequence[str]) -> None:
        try:
            await self._show(page, session, names)
        except RaytuiError as error:
            self.calls.say(Notice("warning", error.message, error.hint))
            if page.moves is None and page is not self.page:
                await self._action_beside()

    def _ask(self, purpose: Purpose) -> None:
        if self._prompt is None or not self._prompt.is_attached:
            self._prompt = ask(self, purpose)

    def _action_dismiss(self) -> None:
        """One thing at a time, the nearest first; then back."""
        if self._prompt is not None and self._prompt.is_attached:
            self._prompt.close()
        elif self.active.state.filter:
            self.active.filter("")
        elif self.active.state.search:
            self.active.find("")
        elif self.notice is not None and self.page.moves is not None:
            self.calls.say(None)
        else:
            self.calls.say(None)
            self.leave()
