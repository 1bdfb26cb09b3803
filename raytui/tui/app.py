"""The console: what the operator can do, on top of what is watched; and `run`, its entry."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from textual import events, on
from textual.binding import BindingType
from textual.reactive import reactive

from raytui.core.plan import Plan, Verb, recorded_spec
from raytui.core.spec import ClusterSpec
from raytui.core.units import sanitize
from raytui.tui.keys import Key, bar, bindings
from raytui.tui.lifecycle import Lifecycle
from raytui.tui.messages import OperationBegan, RequestRefused
from raytui.tui.operation import Notice
from raytui.tui.panes.logs import LogsPane
from raytui.tui.panes.nodes import NodesPane
from raytui.tui.render.spec_form import fields_of
from raytui.tui.terminal import on_end
from raytui.tui.watching import WatchingApp

if TYPE_CHECKING:
    from textual.command import Provider

    from raytui.config.settings import Settings
    from raytui.tui.panes.config import ConfigPane
    from raytui.tui.session import ConsoleSession
    from raytui.tui.widgets.prompt import Prompt

WIDE = 120
"""Columns from which configuration and events have their own place."""


def _commands() -> type[Provider]:
    """The palette's only source, imported when the palette is first opened."""
    from raytui.tui.commands import ConsoleCommands

    return ConsoleCommands


class RaytuiApp(WatchingApp):
    """The whole console."""

    COMMANDS: ClassVar[set[Any]] = {_commands}
    BINDINGS: ClassVar[list[BindingType]] = bindings("anywhere")

    draft: reactive[ClusterSpec] = reactive(ClusterSpec, repaint=False)
    """The spec as the form has it; what `start` asks for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lifecycle = Lifecycle(self)
        self._config: ConfigPane | None = None
        self._has_events = False
        self._prompt: Prompt | None = None
        self._leaving = self._ending = False
        self._has_form = bool(fields_of(self.settings.platform))
        self.set_reactive(RaytuiApp.draft, self.settings.cluster)

    def request(self, verb: Verb, **details: Any) -> None:
        """Plan a verb, show the plan, and carry it out when it is confirmed."""
        self._lifecycle.request(self.session, verb, **details)

    async def confirm(self, plan: Plan) -> bool:
        """Show a plan and wait for the operator's answer; from a worker only."""
        from raytui.tui.screens.confirm import CONFIRM, ConfirmScreen

        return await self.push_screen_wait(ConfirmScreen(plan)) == CONFIRM

    def restart_targets(self) -> list[str]:
        """What can be restarted now."""
        names = [app.short for app in (self.picture.known.applications.value or () if self.picture else ())]
        return ["all", *(["workers"] if len(names) > 1 else []), *names[:50]] if names else []

    def choose_source(self) -> None:
        """Let the operator choose a log."""
        self.run_worker(self._choose_source(), group="sources", exclusive=True, exit_on_error=False)

    def is_offered(self, key: Key) -> bool:
        """Whether a key means anything for this cluster: nothing is changed on a read-only profile, and not every cluster has a form."""
        return not (key.changes and self.settings.read_only) and (self._has_form or key.id != "config")

    def show_keys(self) -> None:
        """Show the keys that work where the focus is."""
        if len(self.screen_stack) == 1:
            self._key_bar.show([key for key in bar(self._place()) if self._works(key)])

    # Keys

    def action_quit(self) -> Any:
        """Textual's own way out asks too."""
        self._action_leave()

    def action_help_quit(self) -> None:
        """Ctrl+C leaves, as everywhere."""
        self._action_leave()

    def _action_start(self) -> None:
        self.request("start", spec=self.draft)

    def _action_stop(self) -> None:
        self.request("stop")

    def _action_scale(self, by: int) -> None:
        workers = self.picture.known.workers if self.picture else ()
        if by < 0 and not workers:
            self.notice = Notice("info", "there is no worker to take away", "x stops the cluster")
        else:
            self.request("scale", workers=max(0, len(workers) + by))

    def _action_help(self) -> None:
        from raytui.tui.screens.help import HelpScreen

        self.push_screen(HelpScreen())

    def _action_dismiss(self) -> None:
        """One thing at a time, the nearest first."""
        if self._prompt is not None:
            self._close_prompt()
        elif self.screen.has_class("-config"):
            self._close_config()
        elif self._place() == "config":
            self.nodes_pane.table.focus()
        elif self.screen.has_class("-events"):
            self.screen.remove_class("-events")
        elif self.notice is not None:
            self.notice = None
        elif self.operation is not None and not self.operation.is_running:
            self.operation = None
        else:
            self.nodes_pane.filter("")
            self.logs_pane.filter("")

    def _action_filter(self) -> None:
        purpose = "logs" if self._place() == "logs" else "nodes"
        self._ask(purpose, "Filter log" if purpose == "logs" else "Filter applications")

    def _action_events(self) -> None:
        self._mount_events()
        self.screen.toggle_class("-events")

    def _action_config(self) -> None:
        if not self._has_form:
            self.notice = Notice("info", "there is nothing to configure: raytui only watches this cluster", "whoever made it configures it")
            return
        config = self._mount_config()
        if self._place() == "config":
            self._close_config()
            return
        self.screen.add_class("-config")
        config.call_after_refresh(config.enter)

    def _action_leave(self) -> None:
        self.run_worker(self._leave(), group="leave", exit_on_error=False)

    def _told_to_end(self) -> None:
        """The terminal went away or somebody ended us: there is nobody to ask, so what runs is interrupted and undone."""
        if not self._ending:
            self._leaving = self._ending = True
            self._begin_batch()  # nothing is drawn any more
            self.run_worker(self._end(), group="leave", exit_on_error=False)

    # What panes ask for

    @on(NodesPane.LogWanted)
    def _log_wanted(self, message: NodesPane.LogWanted) -> None:
        self.show_log(message.name)
        self.logs_pane.view.focus()

    @on(NodesPane.RestartWanted)
    def _restart_wanted(self, message: NodesPane.RestartWanted) -> None:
        self.request("restart", target=message.target)

    @on(LogsPane.SourcesWanted)
    def _sources_wanted(self) -> None:
        self.choose_source()

    @on(LogsPane.FindWanted)
    def _find_wanted(self) -> None:
        self._ask("find", "Search log")

    def on_config_pane_plan_wanted(self, message: ConfigPane.PlanWanted) -> None:
        """Show the plan that leads from what runs to the spec of the form."""
        spec = self.draft = message.spec
        from raytui.tui.render.spec_form import only_count_differs

        running = recorded_spec(self.picture.known.applications.value or ()) if self.picture else None
        if running is not None and only_count_differs(spec, running, self.settings.platform):
            self.request("scale", workers=spec.workers.count)
        else:
            self.request("start", spec=spec)

    @on(RequestRefused)
    def _show_problems(self, message: RequestRefused) -> None:
        if self._config is not None:
            self._config.refuse(message.problems)

    @on(OperationBegan)
    def _make_room(self) -> None:
        """Its steps are what matters now; the form has done its work."""
        if self.screen_stack[0].has_class("-config"):
            self._close_config()

    # The rest of the panes, mounted when they are first needed

    def _begin(self) -> None:
        super()._begin()
        on_end(self._told_to_end)
        self.watch(self.screen, "focused", self.show_keys, init=False)
        self.show_keys()
        self._fill(self.size.width)

    @on(events.Resize)
    def _resized(self, event: events.Resize) -> None:
        if self._config is not None or self._has_events or event.size.width >= WIDE:
            self._fill(event.size.width)

    def _fill(self, width: int) -> None:
        if width >= WIDE and self.is_running:
            if self._has_form:
                self._mount_config()
            self._mount_events()

    def _mount_config(self) -> ConfigPane:
        if self._config is None:
            from raytui.tui.panes.config import ConfigPane

            self._config = ConfigPane(self.draft, self.settings.platform, read_only=self.settings.read_only)
            self.query_one("#body").mount(self._config.data_bind(WatchingApp.picture), before="#middle")
        return self._config

    def _mount_events(self) -> None:
        if not self._has_events:
            from raytui.tui.panes.attention import EventsPane

            self._has_events = True
            self.query_one("#middle").mount(EventsPane().data_bind(WatchingApp.picture))

    def _close_config(self) -> None:
        self.screen_stack[0].remove_class("-config")
        self.nodes_pane.table.focus()

    # Prompts

    def _ask(self, purpose: str, label: str) -> None:
        from raytui.tui.widgets.prompt import Prompt

        if self._prompt is None:
            self._prompt = Prompt(purpose, label)
            self.query_one("#body").mount(self._prompt)

    def _close_prompt(self) -> None:
        prompt, self._prompt = self._prompt, None
        if prompt is not None:
            purpose = prompt.purpose
            prompt.remove()
            (self.nodes_pane.table if purpose == "nodes" else self.logs_pane.view).focus()

    def _apply(self, purpose: str, text: str) -> None:
        if purpose == "nodes":
            self.nodes_pane.filter(text)
        elif purpose == "logs":
            self.logs_pane.filter(text)
        else:
            self.logs_pane.find(text)
            self.show_keys()

    def on_prompt_typed(self, message: Prompt.Typed) -> None:
        """A filter acts while one types; a search when it is entered."""
        if message.purpose != "find":
            self._apply(message.purpose, message.text)

    def on_prompt_closed(self, message: Prompt.Closed) -> None:
        """The prompt is done."""
        self._close_prompt()
        self._apply(message.purpose, message.text)

    async def _choose_source(self) -> None:
        if self.session is None or self.picture is None:
            return
        from raytui.core.errors import RaytuiError
        from raytui.tui.screens.sources import SourcesScreen

        snapshot = self.picture.snapshot
        known = [(app.short, "launcher") for app in snapshot.applications.value or ()]
        screen = SourcesScreen(self.logs_pane.source, known)
        chosen: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        await self.push_screen(screen, chosen.set_result)
        screen.tell("asking Ray for its files")
        try:
            found = await self.session.logs.sources(snapshot)
        except RaytuiError as error:
            screen.tell(error.message)
        else:
            if screen.is_attached:
                screen.fill([(source.name, getattr(source, "kind", "")) for source in found])
                screen.tell(f"{len(found)} logs")
        name = await chosen
        if name:
            self.show_log(name)
            self.logs_pane.view.focus()

    # Leaving

    async def _leave(self) -> None:
        if self._leaving:
            return
        self._leaving = True
        operation = self.operation
        if operation is not None and operation.is_running:
            from raytui.tui.screens.leave import LEAVE, LeaveScreen

            if await self.push_screen_wait(LeaveScreen(operation.plan)) != LEAVE:
                self._leaving = False
                return
        await self._end()

    async def _end(self) -> None:
        """Interrupt what runs, let go of the session and close, with a sentence about what exists now."""
        said = await self._interrupt()
        await self._disconnect()
        self.exit(said)

    async def _interrupt(self) -> str:
        """Interrupt the operation, if one runs, wait for its undo, and say what became of it."""
        if self.session is None or self.operation is None or not self.operation.is_running:
            return ""
        self.operation = msgspec.structs.replace(self.operation, state="interrupting")
        await self._lifecycle.interrupt(self.session)
        ended = self._lifecycle.outcome
        return ended.message if ended is not None else ""

    async def _disconnect(self) -> None:
        session, self.session = self.session, None
        for group in ("logs", "watch", "sources"):
            self.workers.cancel_group(self, group)
        if session is not None:
            await session.__aexit__(None, None, None)

    # Where the focus is

    def _place(self) -> str:
        focused = self.focused
        if focused is None or self.screen is not self.screen_stack[0]:
            return "anywhere"
        for node in focused.ancestors_with_self:
            if node is self.nodes_pane:
                return "table"
            if node is self.logs_pane:
                return "logs"
            if self._config is not None and node is self._config:
                return "config"
        return "anywhere"

    def _works(self, key: Key) -> bool:
        """Whether a key can do anything now."""
        if not self.is_offered(key):
            return False
        if key.id == "next" and not self.logs_pane.view.is_searching:
            return False
        exists = self.picture is None or bool(self.picture.known.applications.value)
        return exists or key.id not in {"stop", "scale-up", "restart", "logs"}


def run(settings: Settings) -> int:
    """Open the console on a profile and answer the exit code; refuses a terminal that it cannot draw on, with one sentence.

    Raises whatever fault of its own ended the console.
    """
    if os.environ.get("TERM", "") in {"", "dumb"}:
        sys.stderr.write("raytui: this terminal cannot show the console (TERM=dumb); raytui status and raytui watch work here\n")
        return 2

    def open_session() -> ConsoleSession:
        from raytui.bootstrap import open_session as build

        return build(settings, long_lived=True)

    return show(RaytuiApp(settings, open_session))


def show(app: RaytuiApp, *, headless: bool = False) -> int:
    """Run the console to its end and answer the exit code; raises what nobody foresaw, for the command line's last boundary to report."""
    said = app.run(headless=headless)
    if app.fault is not None:
        raise app.fault
    if said:
        sys.stderr.write(f"raytui: {sanitize(said)}\n")
    return 0
