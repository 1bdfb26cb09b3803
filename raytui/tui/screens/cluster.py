"""The screen of one cluster. It owns the session, what is known of the cluster, and the operation that runs on it.

It paints before it connects: the session, with all that it imports, is opened in a thread after the first frame.
Everything below it learns by binding; everything below it asks by messages.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import TYPE_CHECKING

import msgspec
from textual import events, on
from textual.app import ComposeResult
from textual.reactive import reactive
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from raytui.core.clusters import ClusterSummary
from raytui.core.events import StepEvent
from raytui.core.observed.snapshot import Reading
from raytui.core.plan import Plan
from raytui.core.session import ConsoleSettings, Session
from raytui.tui import messages
from raytui.tui.faults import REPORT, unforeseen
from raytui.tui.keys import KEYS, Key, bar, bindings, verb_keys
from raytui.tui.lifecycle import TIMEOUT_S, Lifecycle, ended
from raytui.tui.offers import Command
from raytui.tui.operation import Answer, Notice, Operation, Request, begin, end, report
from raytui.tui.panes.body import ClusterBody
from raytui.tui.panes.logs import LogsPane
from raytui.tui.panes.nodes import NodesPane
from raytui.tui.panes.places import PlacesBar
from raytui.tui.panes.tabs import bar_of
from raytui.tui.panes.verdict import VerdictBar
from raytui.tui.render.verdict import Names
from raytui.tui.requests import configured, scaled
from raytui.tui.theme import sheet
from raytui.tui.watch import watch
from raytui.tui.widgets.key_bar import KeyBar
from raytui.view.picture import Picture, is_equal
from raytui.view.words import is_stale

if TYPE_CHECKING:
    from raytui.tui.lists import Left, Lists
    from raytui.tui.panes.config import ConfigPane
    from raytui.tui.screens.over import OverCluster

TICK_S = 1.0
_WIDTHS = [(0, "-narrow"), (120, "-wide")]
_HEIGHTS = [(0, "-low"), (20, "-short"), (34, "-tall")]
_NEED_APPLICATIONS = frozenset({"stop", "scale-up", "restart", "logs"})
"""Keys that can do nothing where no application exists."""


class ClusterScreen(Screen[None]):
    """One cluster: the only writer of its picture is the handler of `SnapshotArrived`."""

    DEFAULT_CSS = sheet(__file__)
    HORIZONTAL_BREAKPOINTS = _WIDTHS
    VERTICAL_BREAKPOINTS = _HEIGHTS
    AUTO_FOCUS = "#node-table"
    BINDINGS = bindings("cluster")

    session: reactive[Session | None] = reactive(None, repaint=False)
    picture: reactive[Picture | None] = reactive(None, repaint=False)
    """What is known, the same object as long as nothing but the clock changes."""
    latest: reactive[Picture | None] = reactive(None, repaint=False, always_update=True)
    """What is known, handed on at every snapshot, for what shows ages."""
    observed_at: reactive[float] = reactive(0.0, repaint=False)
    now: reactive[float] = reactive(0.0, repaint=False)
    stale: reactive[bool] = reactive(False, repaint=False)
    operation: reactive[Operation | None] = reactive(None, repaint=False)
    notice: reactive[Notice | None] = reactive(None, repaint=False)
    trouble: reactive[str] = reactive("", repaint=False)

    def __init__(
        self,
        settings: ConsoleSettings,
        open_session: Callable[[], Session],
        *,
        clock: Callable[[], float],
        keys: tuple[Key, ...] = KEYS,
        mode: str = "cluster",
    ) -> None:
        super().__init__()
        self.settings = settings
        self.keys = keys
        self.mode = mode
        """Among whose screens it and all above it stand."""
        self._beside: Reading[tuple[ClusterSummary, ...]] = Reading()
        self.draft = settings.cluster
        """The spec as the form has it; what `start` asks for."""
        self._open_session = open_session
        self._clock = clock
        self._verbs = verb_keys(keys)
        self._places = PlacesBar(keys, "cluster")
        self._key_bar = KeyBar()
        self._lifecycle = Lifecycle(self._plan, self.confirm, self._carry_out)
        self._operating: Worker[None] | None = None
        self._rounds: Worker[None] | None = None
        self._lists: Lists | None = None
        self.body = ClusterBody(settings, keys)
        self.names = Names(settings.cluster.name, settings.platform, settings.profile_name)
        self.set_reactive(ClusterScreen.now, clock())

    def compose(self) -> ComposeResult:
        """Header, the way to other screens, panes, keys."""
        mine = ClusterScreen
        yield from bar_of(self.app)
        yield VerdictBar(self.names).data_bind(mine.picture, mine.observed_at, mine.now, mine.trouble)
        yield self._places.data_bind(mine.picture)
        yield self.body.data_bind(
            mine.session, mine.picture, mine.latest, mine.stale, mine.now, mine.operation, mine.notice
        )
        yield self._key_bar

    def commands(self) -> Iterable[Command]:
        """What the palette offers on this screen."""
        from raytui.tui.cluster_commands import offered

        keys = [key for key in self.keys if "cluster" in key.where and self.offers(key)]
        request = None if self.settings.read_only else self.request
        yield from offered(keys, self.run_action, self.picture, request, self.body.logs.choose)

    def offers(self, key: Key) -> bool:
        """Whether a key means anything for this cluster.

        Nothing is changed on a read-only profile, and not every cluster has a form.
        """
        return not (key.does.changes and self.settings.read_only) and (self.body.has_form or key.id != "config")

    @property
    def is_busy(self) -> bool:
        """Whether an operation runs, or waits for the cluster's lock."""
        return self.operation is not None and self.operation.is_running

    # Where the operator looks

    def go(self, name: str, row: str = "") -> None:
        """Show a list, or go back to it where it is below; `cluster` goes back to this screen.

        `row` is the key of a row that is to be looked at.
        """
        self.call_later(lambda: self._above().go(name, row))

    def _above(self) -> Lists:
        """The screens over this one, made when the first is wanted."""
        if self._lists is None:
            from raytui.tui.lists import Lists

            about, stack = (self.settings, self.names, self.keys), lambda: self.app.get_screen_stack(self.mode)
            self._lists = Lists(about, stack, self._push, self.request, self._say)
            self._lists.ask(self.session.monitor if self.session is not None else None)
        return self._lists

    def on_log_wished(self, message: messages.LogWished) -> None:
        """Show a log at a place in it, on a screen of its own."""
        self._above().show_log(message.wish, message.of)

    def _push(self, made: OverCluster, left: Left) -> None:
        # From a key of a list, too: bindings to this screen are made by this screen.
        with self._context():
            mine = ClusterScreen
            known = (mine.session, mine.observed_at, mine.now, mine.stale, mine.trouble, mine.operation, mine.notice)
            made.data_bind(*known, picture=mine.latest)
        self.app.push_screen(made, left, mode=self.mode)

    def _say(self, notice: Notice | None) -> None:
        self.notice = notice

    def show_keys(self) -> None:
        """Show the keys that work where the focus is."""
        # A field takes every digit for itself.
        self._places.silence(self.body.place == "config")
        if self.is_current:
            self._key_bar.show([key for key in bar(self.body.place, self.keys) if self._works(key)])

    @on(events.ScreenResume)
    def _resumed(self) -> None:
        self.show_keys()

    def _works(self, key: Key) -> bool:
        if not self.offers(key) or (key.id == "next" and not self.body.logs.view.is_searching):
            return False
        exists = self.picture is None or bool(self.picture.known.applications.value)
        return exists or key.id not in _NEED_APPLICATIONS

    # What is known

    @on(events.Mount)
    def _mounted(self) -> None:
        self._ticking = self.set_interval(TICK_S, self._tick)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.watch(self, "focused", self.show_keys, init=False)
        self.show_keys()
        self.body.fill(self.size.width)
        self.wake()

    def wake(self) -> None:
        """Watch the cluster in full, from now on or again: it is in front."""
        self._tick()
        self._ticking.resume()
        self.body.logs.wake()
        if self._rounds is None or self._rounds.is_finished:
            rounds = watch(self.post_message, self._connected, self._open_session, self.settings.refresh)
            self._rounds = self.run_worker(rounds, group="watch", exit_on_error=False)

    def rest(self) -> None:
        """Another one is in front: it is watched no longer, unless an operation runs here."""
        if not self.is_busy:
            self._ticking.pause()
            self.body.logs.rest()
            self.workers.cancel_group(self, "watch")

    def tell_beside(self, looks: Reading[tuple[ClusterSummary, ...]], *, shown: bool) -> None:
        """The clusters beside this one were looked at; `shown` when their list is in front."""
        self._beside = looks
        if shown and self.latest is not None:
            self.latest = msgspec.structs.replace(self.latest, clusters=looks)

    async def _connected(self, session: Session) -> None:
        self.session = session
        if self._lists is not None:
            self._lists.ask(session.monitor)

    def _tick(self) -> None:
        self.now = self._clock()
        self.stale = is_stale(self.observed_at, self.now)

    @on(messages.SnapshotArrived)
    def _snapshot_arrived(self, message: messages.SnapshotArrived) -> None:
        before, after = self.picture, message.picture
        self.observed_at = after.snapshot.observed_at
        self._tick()
        self.trouble = ""
        if is_equal(before, after):
            # Nothing to draw; kept all the same, since it knows until when the verdict was certain.
            self.set_reactive(ClusterScreen.picture, after)
        else:
            self.picture = after
            self.show_keys()
        self.latest = msgspec.structs.replace(after, clusters=self._beside) if self._beside.value else after

    @on(messages.WatchFailed)
    def _watch_failed(self, message: messages.WatchFailed) -> None:
        self.trouble, self.notice = message.message, Notice("error", message.message, message.hint)

    @on(Worker.StateChanged)
    def _worker_changed(self, message: Worker.StateChanged) -> None:
        """Boundary: a worker that broke off is reported, never silent, and never ends the console."""
        if message.state is WorkerState.ERROR and isinstance(message.worker.error, Exception):
            self.notice = Notice(
                "error", f"{message.worker.group} broke off: {unforeseen(message.worker.error)}", REPORT
            )

    # What is done

    def request(self, request: Request) -> None:
        """Plan a verb, show the plan, and carry it out when it is confirmed."""
        if self.session is None:
            sentence = f"{request.verb} was not begun: the platform is still being looked for"
            self.post_message(messages.RequestRefused(sentence, "try again in a moment"))
            return
        # Not exclusive: that would cancel a half-made start. A second request is refused with a sentence instead.
        worker = self.run_worker(self._operate(request), group="lifecycle", exit_on_error=False)
        if self._operating is None or self._operating.is_finished:
            self._operating = worker

    async def _operate(self, request: Request) -> None:
        async with contextlib.aclosing(self._lifecycle.run(request)) as sentence:
            async for message in sentence:
                self.post_message(message)

    async def _plan(self, request: Request) -> Plan:
        assert self.session is not None
        return await self.session.manager.plan(
            request.verb,
            spec=request.spec,
            groups=request.groups,
            target=request.target,
            keep=request.keep,
            flags=request.flags,
            recreate=request.recreate,
            purge=request.purge,
        )

    async def confirm(self, plan: Plan) -> Answer:
        """Show a plan and wait for the operator's answer; from a worker only."""
        from raytui.tui.screens.confirm import ask

        return await ask(self, self.mode, self.session, plan, self._verbs, production=self.settings.production)

    def _carry_out(self, plan: Plan) -> AsyncGenerator[StepEvent]:
        assert self.session is not None
        return self.session.manager.execute(plan, wait=True, timeout=TIMEOUT_S)

    @on(messages.OperationBegan)
    def _operation_began(self, message: messages.OperationBegan) -> None:
        self.notice = None
        self.operation = begin(message.plan, self._clock())
        # Its steps are what matters now; the form has done its work.
        self.body.close_config()

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
        self.body.refuse(message.problems)

    async def end(self) -> str:
        """Interrupt what runs, wait for its undo, let go of the session, and say what became of the operation."""
        said = await self._interrupt()
        if self._lists is not None:
            self._lists.ask(None)
        session, self.session = self.session, None
        self.workers.cancel_group(self, "watch")
        if session is not None:
            await session.__aexit__(None, None, None)
        return said

    async def _interrupt(self) -> str:
        if self.session is None or self.operation is None or not self.operation.is_running:
            return ""
        self.operation = msgspec.structs.replace(self.operation, state="interrupting")
        worker = self._operating
        if worker is not None and not worker.is_finished:
            self.session.manager.interrupt()
            # Its own deadlines bound the wait.
            await asyncio.shield(ended(worker))
        return self._lifecycle.outcome.message if self._lifecycle.outcome is not None else ""

    # Keys, and what panes ask for

    def _action_start(self) -> None:
        self.request(Request("start", spec=self.draft))

    def _action_stop(self) -> None:
        self.request(Request("stop"))

    def _action_scale(self, by: int) -> None:
        wanted = scaled(self.picture, self.body.nodes.target, by)
        if isinstance(wanted, Notice):
            self.notice = wanted
        else:
            self.request(wanted)

    def _action_config(self) -> None:
        if self.body.has_form:
            self.body.toggle_config()
        else:
            sentence = "there is nothing to configure: raytui only watches this cluster"
            self.notice = Notice("info", sentence, "whoever made it configures it")

    def _action_filter(self) -> None:
        self.body.filter()

    def _action_events(self) -> None:
        self.body.toggle_events()

    def _action_dismiss(self) -> None:
        """One thing at a time, the nearest first."""
        if self.body.close_nearest():
            return
        if self.notice is not None:
            self.notice = None
        elif self.operation is not None and not self.operation.is_running:
            self.operation = None
        else:
            self.body.drop_filters()

    @on(LogsPane.FindWanted)
    def _find_wanted(self) -> None:
        self.body.find(self._find)

    def _find(self, text: str) -> None:
        self.body.logs.find(text)
        self.show_keys()

    @on(NodesPane.RestartWanted)
    def _restart_wanted(self, message: NodesPane.RestartWanted) -> None:
        self.request(Request("restart", target=message.target))

    def on_config_pane_plan_wanted(self, message: ConfigPane.PlanWanted) -> None:
        """Show the plan that leads from what there is to the spec of the form."""
        self.draft = message.spec
        self.request(configured(message.spec, message.differs, exists=message.there is not None))
